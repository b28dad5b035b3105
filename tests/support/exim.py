"""A real Exim as the mail server of a shared host: mail for alias.example goes into a program, as cPanel's pipe does it.

    with Exim(program, user) as exim:
        exim.send(mime, "bob@shop.example", "shop@alias.example")
        exim.waiting(), exim.bounces(), exim.run_queue()

Unpacked by tests/tiers.py and not installed. It wants its user in /etc/passwd, so it runs in a Space. Needs root.
"""

from __future__ import annotations

import os
import pathlib
import subprocess

import tiers
from postern.ops.local.scratch import Scratch
from support.patience import PATIENCE
from support.space import Space

USER, UID = "Debian-exim", 5990

CONFIG = """
primary_hostname = server.host.example
exim_path = {binary}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
keep_environment =
message_size_limit = 50M
disable_ipv6
begin routers
aliases:
  driver = accept
  domains = alias.example
  transport = program
others:
  driver = accept
  transport = bounced
begin transports
program:
  driver = pipe
  command = {program}
  user = {user}
  home_directory = {home}
  return_output
bounced:
  driver = appendfile
  file = {folder}/log/bounces
  user = {exim}
begin retry
* * F,1d,1s
"""
"""`return_output` stands in cPanel's own configuration: whatever the program says goes back to the sender."""


class Exim:
    """The server's queue; nothing listens and nothing runs between the calls. `user` runs the program."""

    def __init__(self, program: pathlib.Path, user: str) -> None:
        self._scratch = Scratch("postern-exim-")
        self.folder = pathlib.Path(self._scratch.folder)
        self.folder.chmod(0o711)
        for name in ("spool", "log"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, UID, UID)
        text = CONFIG.format(
            folder=self.folder, binary=tiers.EXIM, program=program, user=user, home=program.parent, exim=USER
        )
        self._space = Space(_etc(self.folder, text))

    def __enter__(self) -> Exim:
        return self

    def __exit__(self, *_: object) -> None:
        self._space.close()
        self._scratch.remove()

    def send(self, mime: bytes, mail_from: str, rcpt_to: str) -> None:
        """Hand it a message, and let it deliver at once."""
        self._run("-odf", "-oi", "-f", mail_from or "<>", rcpt_to, stdin=mime)

    def run_queue(self) -> None:
        """Try all that waits once more."""
        self._run("-qff")

    def waiting(self) -> int:
        """Messages in the queue."""
        return int(self._run("-bpc"))

    def bounces(self) -> str:
        """All that went back to senders."""
        path = self.folder / "log" / "bounces"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self) -> str:
        """What it wrote of its work."""
        return (self.folder / "log" / "main").read_text(errors="replace")

    def _run(self, *args: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            self._space.command([str(tiers.EXIM), *args]),
            env={"PATH": "/usr/bin:/bin"},
            input=stdin,
            capture_output=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout.decode()


def _etc(folder: pathlib.Path, config: str) -> dict[pathlib.Path, str]:
    """The machine's own /etc with Exim's user and configuration in it: with another file than its own, Exim gives up root."""
    real, etc = folder / "real-etc", folder / "etc"
    real.mkdir()
    (etc / "exim4").mkdir(parents=True)
    (etc / "exim4" / "exim4.conf").write_text(config)
    lines = {"passwd": f"{USER}:x:{UID}:{UID}::/nonexistent:/bin/false\n", "group": f"{USER}:x:{UID}:\n"}
    for name, line in lines.items():
        (etc / name).write_text(pathlib.Path("/etc", name).read_text() + line)
    for name in set(os.listdir("/etc")) - {"exim4", *lines}:
        (etc / name).symlink_to(real / name)
    return {pathlib.Path("/etc"): str(real), etc: "/etc"}
