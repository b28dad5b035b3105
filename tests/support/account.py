"""An account on a shared host: an ordinary user's folder with the program, a Python, and the two packages.

    site/            cgi-bin, lib, cron, schema, static: the program as it lies there after an upload
    venv/            the packages of requirements.txt, where a home expects them
    bin/python3      a Python that the user can run; what `#!/usr/bin/env python3` finds
    home-N/          POSTERN_HOME of the Nth instance

As root the user is `nobody`, who can enter this folder and nothing of ours beside it; otherwise it is ourselves.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tiers
from postern.ops.local import tether
from postern.ops.local.scratch import Scratch
from support.instance import Instance
from support.patience import PATIENCE
from support.postgres import Database

PROGRAM = ("cgi-bin", "cron", "lib", "schema", "static")
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
TELL = """import ssl, sys
sys.exit(not (3, 9) <= sys.version_info < (3, 15) or print("python%d.%d" % sys.version_info[:2]))"""
"""Run by a Python that may be too old, too new, or lack OpenSSL."""


class Account:
    """The folder; remove() ends it, and it goes with this process anyway."""

    def __init__(self) -> None:
        self.user = "nobody" if os.geteuid() == 0 else None
        self.scratch = Scratch("postern-host-", user=self.user)
        self.folder = pathlib.Path(self.scratch.folder)
        self.site, self.bin, self.venv = (self.folder / name for name in ("site", "bin", "venv"))
        self._numbers = itertools.count(1)
        try:
            for name in PROGRAM:
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(tiers.TOP / name, self.site / name, ignore=ignored)
            python, version = host_python(self.user)
            self.bin.mkdir()
            (self.bin / "python3").symlink_to(python)
            put_packages(python, version, self.venv / "lib" / version / "site-packages")
            self.give(self.folder)
        except BaseException:
            self.remove()
            raise

    @property
    def environ(self) -> dict[str, str]:
        """What its programs are started with."""
        return {"PATH": f"{self.bin}:/usr/bin:/bin", "LANG": "C.UTF-8"}

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs this as the account's user, for as long as the calling thread lives."""
        return tether.command(list(argv), user=self.user)

    def give(self, top: pathlib.Path) -> None:
        """Let the user own this and all below."""
        self.scratch.give(str(top))
        for folder, folders, files in os.walk(top):
            for name in (*folders, *files):
                self.scratch.give(os.path.join(folder, name))

    def new_home(self) -> pathlib.Path:
        """A place for one more instance."""
        return self.folder / f"home-{next(self._numbers)}"

    def remove(self) -> None:
        self.scratch.remove()


class Tenant(Instance):
    """An instance in an account: its programs run there, as its user."""

    def __init__(self, account: Account, database: Database, settings: dict[str, str]) -> None:
        self.account = account
        super().__init__(account.new_home(), {**over_tcp(database), **settings})
        home = pathlib.Path(self.home)
        (home / "venv").symlink_to(account.venv)
        (home / "run" / "deliver.lock").touch(mode=0o600)
        shutil.copy(self.settings["POSTERN_RELAY_CA_FILE"], home / "relay-ca.pem")
        self.write_env(POSTERN_RELAY_CA_FILE=str(home / "relay-ca.pem"))
        self.migrate()
        self.people()
        account.give(home)

    @property
    def environ(self) -> dict[str, str]:
        return {**self.account.environ, "POSTERN_HOME": self.home}

    def start_drain(self) -> subprocess.Popen[str]:
        script = str(self.account.site / "cron" / "deliver.py")
        return subprocess.Popen(
            self.account.command(str(self.account.bin / "python3"), script),
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def processes(self) -> list[str]:
        """The command lines of all that run with this home."""
        mark = f"POSTERN_HOME={self.home}\0".encode()
        found = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (place / "environ").read_bytes() + b"\0":
                    found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue  # it ended, or is not ours
        return found

    def left_over(self) -> dict[str, int]:
        """Files in the spool, and rows about messages."""
        spool = pathlib.Path(self.home, "spool")
        files = {name: len(os.listdir(spool / name)) for name in ("tmp", "new", "kept")}
        tables = ("messages", "message_chunks", "fingerprints", "deliveries")
        rows = {name: int(str(self.query(f"SELECT count(*) FROM {name}")[0][0])) for name in tables}
        return {name: count for name, count in {**files, **rows}.items() if count}


def over_tcp(database: Database) -> dict[str, str]:
    """As a tenant reaches the host's server: with a password. The socket's folder is the superuser's."""
    return {**database.env, "POSTERN_DB_HOST": "127.0.0.1"}


def host_python(user: str | None) -> tuple[str, str]:
    """A Python that the user can run, and its version: our own if it can be reached, else one of the system's."""
    names = (sys.executable, VERSION, "python3")
    for path in filter(None, (shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") for name in names)):
        done = subprocess.run(
            tether.command([os.path.realpath(path), "-I", "-c", TELL], user=user),
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=PATIENCE,
            text=True,
        )
        if done.returncode == 0:
            return os.path.realpath(path), done.stdout.strip()
    raise AssertionError(f"the user {user} can run no Python 3.9 to 3.14; install Debian's python3")


def put_packages(python: str, version: str, to: pathlib.Path) -> None:
    """What requirements.txt pins: copied from this environment, or fetched where that is for another Python."""
    pins = tiers.TOP / "requirements.txt"
    if version != VERSION:
        with tempfile.TemporaryDirectory() as home:
            argv = ["/bin/sh", str(tiers.TOP / "install.sh"), "--packages", home]
            env = {**os.environ, "POSTERN_PYTHON": python}
            subprocess.run(argv, env=env, stdout=subprocess.DEVNULL, check=True, timeout=5 * PATIENCE)
            shutil.copytree(pathlib.Path(home, "venv", "lib", version, "site-packages"), to)
        return
    for name in sorted(set(re.findall(r"^([\w-]+)==", pins.read_text(), re.MULTILINE))):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # pinned for another Python
        for file in files:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (to / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), to / file)
