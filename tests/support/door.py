"""The CGI door as a web server runs it: a process a request, with the request in its environment and on standard input."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from postern.ops import post
from postern.resident import ask, become
from support.instance import ALIAS, ROOT, Instance
from support.patience import PATIENCE, until

PYTHON = (os.path.realpath(sys._base_executable), "-IS")
"""As install.sh writes it into the door's first line."""


@dataclass(frozen=True)
class Answer:
    """What the door printed, apart."""

    status: int
    headers: dict[str, str]
    body: bytes


class Door:
    """Requests through cgi-bin/postern.cgi, and the resident that they leave behind; ended with `close`."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        instance.write_env(POSTERN_RESIDENT="on")
        pathlib.Path(instance.home, "venv").symlink_to(sys.prefix)

    def open(
        self,
        method: str = "GET",
        path: str = "/",
        length: int = 0,
        python: tuple[str, ...] = PYTHON,
        stderr: int | None = None,
        **headers: str,
    ) -> subprocess.Popen[bytes]:
        """A door at work, whose body is still to be written."""
        environ = {
            "POSTERN_HOME": self.instance.home,
            "REQUEST_METHOD": method,
            "REQUEST_URI": path,
            "QUERY_STRING": path.partition("?")[2],
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_LENGTH": str(length) if length else "",
            **headers,
        }
        return subprocess.Popen(
            [*python, str(ROOT / "cgi-bin" / "postern.cgi")],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )

    def ask(self, method: str = "GET", path: str = "/", body: bytes = b"", **headers: str) -> Answer:
        """One request and its answer."""
        return read(self.open(method, path, len(body), **headers), body)

    def signed(self, mime: bytes) -> dict[str, str]:
        """The variables of a message as the Worker posts it to /hooks/inbound."""
        headers = post.headers(self.instance.secret, "bob@shop.example", ALIAS, mime, source="cloudflare")
        return {"HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()}

    def status(self) -> dict[str, int]:
        """What the resident says of itself; empty where there is none."""
        return ask.status(self.instance.home) or {}

    def wait_for_resident(self) -> int:
        """Its process id, as soon as it listens."""
        until(self.status)
        return self.status()["pid"]

    def close(self) -> None:
        """End the resident, whatever was done to it."""
        for pid in self.residents():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGTERM)
        until(lambda: not self.residents())

    def residents(self) -> list[int]:
        """The processes that hold the lock of this home's resident, or whose doors are at work."""
        lock = pathlib.Path(self.instance.home, become.LOCK)
        return [int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*") if _has_open(path, lock)]


def _has_open(process: pathlib.Path, wanted: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):
        return any(link.readlink() == wanted for link in (process / "fd").iterdir())
    return False


def read(process: subprocess.Popen[bytes], body: bytes = b"") -> Answer:
    """The rest of a door's life: it reads the body and answers."""
    out, _ = process.communicate(body, timeout=PATIENCE)
    assert process.returncode == 0, out
    head, _, rest = out.partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")]
    headers = {name.lower(): value for name, _, value in lines}
    return Answer(int(headers["status"].split()[0]), headers, rest)


@contextlib.contextmanager
def door_of(instance: Instance) -> Iterator[Door]:
    """A door, and no resident in the end."""
    door = Door(instance)
    try:
        yield door
    finally:
        door.close()
