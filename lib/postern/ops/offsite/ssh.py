"""A folder on another machine by SSH, with the host's own programs: sftp, or rsync where both ends have it.

The account's own key and known_hosts count (~/.ssh), or what home/ssh_config says where there is one; nothing is asked, so an
unknown machine is refused. A file gets its name when it is whole. rsync only carries: names and deletions go by sftp.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from postern.ops.backups.backup import NAME
from postern.ops.offsite.place import SECONDS, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.offsite.place import Place

MOST_SECONDS = 3000
"""For one file: less than the job has."""

_OPTIONS = ("BatchMode=yes", "StrictHostKeyChecking=yes", f"ConnectTimeout={SECONDS}")


class Ssh:
    """One folder; it must be there."""

    def __init__(self, place: Place, home: str) -> None:
        self._place = place
        self._to = f"{place.user}@{place.host}" if place.user else place.host
        settings = os.path.join(home, "ssh_config")
        self._options = ["-F", settings] if os.path.exists(settings) else []
        self._options += [word for option in _OPTIONS for word in ("-o", option)]

    def names(self) -> list[str]:
        """ls."""
        said = self._sftp(f"ls -1 {_word(self._place.path)}")
        return sorted(name for name in re.split(r"[\s/]+", said) if NAME.fullmatch(name))

    def put(self, path: str, name: str) -> None:
        """Under another name first."""
        part, whole = (_word(self._place.path + end) for end in (f"{name}.part", name))
        if self._place.kind == "rsync":
            self._rsync(path, f"{self._to}:{self._place.path}{name}.part")
            self._sftp(f"-rm {whole}\nrename {part} {whole}")
            return
        self._sftp(f"put {_word(path)} {part}\n-rm {whole}\nrename {part} {whole}")

    def get(self, name: str, path: str) -> None:
        """get."""
        self._sftp(f"get {_word(self._place.path + name)} {_word(path)}")
        os.chmod(path, 0o600)

    def delete(self, name: str) -> None:
        """rm."""
        self._sftp(f"rm {_word(self._place.path + name)}")

    def _sftp(self, commands: str) -> str:
        port = ["-P", str(self._place.port)] if self._place.port else []
        return self._run(["sftp", "-q", "-b", "-", *port, *self._options, self._to], commands + "\n")

    def _rsync(self, path: str, to: str) -> None:
        port = ["-p", str(self._place.port)] if self._place.port else []
        shell = shlex.join(["ssh", *port, *self._options])
        self._run(["rsync", "--partial", f"--timeout={SECONDS}", "-e", shell, "--", path, to], "")

    def _run(self, argv: list[str], commands: str) -> str:
        try:
            done = subprocess.run(
                argv, input=commands, capture_output=True, text=True, timeout=MOST_SECONDS, check=False
            )
        except FileNotFoundError:
            raise Unreachable(
                f"This host has no program {argv[0]}.", "Use WebDAV or S3, or ask the host."
            ) from None
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{self._place.host} takes too long.", "Try again later.") from None
        if done.returncode:
            said = " ".join(done.stderr.split())[-300:]
            raise Unreachable(
                f"{argv[0]} to {self._place.host} failed: {said}",
                "Try it by hand as this account: its key and known_hosts must do without a question.",
            )
        return done.stdout


def _word(path: str) -> str:
    """As sftp's batch reads it. Letters that mean something there are not in our names; a home's path may have blanks."""
    return '"' + re.sub(r'([\\"*?\[\]])', r"\\\1", path) + '"'
