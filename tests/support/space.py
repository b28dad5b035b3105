"""A room of its own for programs of a test: Linux mount and process namespaces, where other files lie at the usual paths.

Needs root. Nothing of the machine is edited: the binds are seen inside only. Its first process is tethered to the thread
that made it and takes every other process in it along when it ends, daemons and whatever left its session too.
Not here: what is bound, and who runs what (support/host.py).
"""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess

import tiers
from postern.ops.local import tether
from support.patience import PATIENCE

# Pairs of arguments: source, target. Says its process id as the machine sees it, then waits. As it takes no
# notice of its children, the kernel buries the orphans that come to it.
HOLDER = """set -e
read -r pid _ </proc/self/stat
while [ $# -gt 0 ]; do mount --bind "$1" "$2"; shift 2; done
mount -t proc proc /proc
echo "$pid"
exec </dev/null >/dev/null 2>&1
trap '' CHLD
exec sleep infinity
"""


class Space:
    """The namespaces, until close()."""

    def __init__(self, binds: dict[pathlib.Path, str]) -> None:
        """`binds`: what lies at which path of the machine, in this order."""
        pairs = [str(word) for source, target in binds.items() for word in (source, target)]
        unshare = [_path("unshare"), "--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", HOLDER]
        self._holder = subprocess.Popen(
            # unshare itself takes no notice of SIGTERM.
            tether.command([*unshare, "holder", *pairs], on_death=signal.SIGKILL),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        assert self._holder.stdout and self._holder.stderr
        said = self._holder.stdout.readline().strip()
        if not said:
            why = self._holder.stderr.read()
            self.close()
            raise AssertionError(f"no namespace: {why}")
        self.pid = int(said)

    def command(self, argv: list[str]) -> list[str]:
        """The argument list that runs this inside, as root."""
        return [
            _path("nsenter"),
            "--target",
            str(self.pid),
            "--root",
            "--wd",
            "--mount",
            "--pid",
            "--",
            *argv,
        ]

    def processes(self, uid: int) -> dict[int, str]:
        """Process id (as the machine sees it) and command line of each process of this user inside."""
        mine, found = os.readlink(f"/proc/{self.pid}/ns/pid"), {}
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if place.stat().st_uid == uid and os.readlink(place / "ns" / "pid") == mine:
                    words = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    found[int(place.name)] = words.strip()
            except OSError:
                continue  # it ended
        return {pid: words for pid, words in found.items() if words}

    def close(self) -> None:
        """End everything inside. Harmless when called again."""
        self._holder.kill()
        self._holder.wait(PATIENCE)
        for stream in (self._holder.stdout, self._holder.stderr):
            if stream:
                stream.close()


def _path(name: str) -> str:
    path = tiers.program(name)
    assert path, f"{name} is missing"
    return path
