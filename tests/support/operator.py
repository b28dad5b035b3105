"""The operator of a shared host: what he answers, what he does, what he sees. The host is support/host.py's."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator

from postern.base.dotenv import parse
from postern.mail.envelope import parse_secrets
from postern.ops import post
from postern.ops.local.scratch import Scratch
from support.account import over_tcp
from support.fixtures import relay_env
from support.host import HOME, SharedHost
from support.patience import child
from support.postgres import Database
from support.relay import ScriptedRelay

DOMAIN = "alias.example"
PUBLIC = f"{HOME}/public_html"


@functools.cache
def _kept() -> pathlib.Path:
    """Where the packages of hosts are kept, for this process: all of them have the same Python, in the same places."""
    scratch = Scratch("postern-packages-")
    atexit.register(scratch.remove)
    return pathlib.Path(scratch.path("venvs"))


class Operator:
    """Who has this account: what he answers, what he does, what he sees."""

    def __init__(self, host: SharedHost, relay: ScriptedRelay, database: Database | None) -> None:
        self.host = host
        relay_settings = {name: value.strip('"') for name, value in relay_env(relay).items()}
        self.answers = {
            "POSTERN_URL": host.url,
            "POSTERN_RATE_PERCENT": "0",  # the tests ask again and again until something happens
            **relay_settings,
            "POSTERN_RELAY_CA_FILE": host.share(relay_settings["POSTERN_RELAY_CA_FILE"]),
            "POSTERN_INSTALL_USER": "jane",
            "POSTERN_INSTALL_MAILBOX": "jane.doe@real-mailbox.example",
            "POSTERN_INSTALL_DOMAIN": DOMAIN,
        }
        if database:
            self.answers.update(over_tcp(database))

    def empty_account(self) -> None:
        self.host.run("crontab -r")
        shutil.rmtree(self.host.home / ".postern", ignore_errors=True)
        for place in self.host.docroot.iterdir():
            if place.is_dir():
                shutil.rmtree(place)
            else:
                place.unlink()

    def install(self, *options: str, code: int = 0, **changes: str) -> str:
        env = {name: value for name, value in {**self.answers, **changes}.items() if value}
        done = self.host.run(["/bin/sh", f"{PUBLIC}/install.sh", *options], env=env)
        assert done.returncode == code, done.stdout
        return done.stdout

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen[str]]:
        """The installer, running."""
        argv = self.host.as_tenant(["/bin/sh", f"{PUBLIC}/install.sh"], self.answers)
        with child(argv, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as run:
            yield run

    def install_until(self, words: str) -> str:
        """Begin, and be killed with all that was begun as soon as it says these words; what it said until then."""
        with self.started() as run:
            assert run.stdout
            said = ""
            while words not in said:
                letter = run.stdout.read(1)
                assert letter, said
                said += letter
            for pid, command in self.host.processes().items():
                if "cgi" not in command:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        return said

    def take_packages(self) -> None:
        """What the packages step makes, by that step once, and copied from then on. The program must lie there."""
        home = self.host.home / ".postern"
        home.mkdir(mode=0o700, exist_ok=True)
        self.host.give(home)
        kept = _kept()
        if not kept.exists():
            self.install("--packages", f"{HOME}/.postern")
            shutil.copytree(home / "venvs", kept, symlinks=True)
            (home / "venv").unlink()
        else:
            shutil.copytree(kept, home / "venvs", symlinks=True)
            self.host.give(home)

    def postern(self, *words: str, code: int = 0) -> str:
        done = self.host.run([f"{HOME}/.postern/bin/postern", *words])
        assert done.returncode == code, done.stdout
        return done.stdout

    def settings(self) -> dict[str, str]:
        values, wrong = parse((self.host.home / ".postern" / ".env").read_text())
        assert wrong == []
        return values

    def post(self, mime: bytes) -> post.Answer:
        secret = parse_secrets(self.settings()["POSTERN_WEBHOOK_SECRETS"])[0]
        return post.post(self.host.url, secret, "bob@shop.example", f"shop@{DOMAIN}", mime)

    def run_cron_lines(self) -> None:
        """Every job of the crontab once, as cron runs it."""
        for line in self.host.run("crontab -l", check=True).stdout.splitlines():
            if line and not line.startswith(("#", "MAILTO")) and "=" not in line.split()[0]:
                command = line.split(None, 5)[5].replace("\\%", "%")
                # The wait that keeps the tenants of a host apart.
                command = re.sub(r"^sleep \d+;", "", command)
                assert self.host.run(command).returncode == 0, line
