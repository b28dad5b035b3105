"""Programs of Postern as processes that are forked from one which has imported it all already.

A process of its own, with its own arguments, environment, folder, output, exit code and death: what a test sees of a real one,
but for the imports, which are three quarters of what a short command costs. The server of this worker starts when it is
first asked, and ends with the worker, and with it whatever it started.

    run(["-m", "postern", "user", "list"], environ, cwd)    a module, to its end
    start([str(script)], environ, cwd)                      a file; a Forked

What a program imports, and that it finds it, is not seen this way: tests/cli/test_cli.py, tests/host and each drain that a
receipt wakes start real ones.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from typing import TextIO

from support.patience import PATIENCE

TESTS = pathlib.Path(__file__).parents[1]
LIB = TESTS.parent / "lib"
AT_START = ("LANG", "LC_", "PYTHON", "TZ")
"""Variables with such names are read by Python itself when it starts."""


class Forked:
    """As much of a Popen as tests ask for."""

    def __init__(self, pid: int, status: socket.socket, stdout: TextIO | None) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None
        self._status = status

    def poll(self) -> int | None:
        """The exit code, when it has ended; a signal's number below zero."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            told = self._status.recv(64)
            self._status.close()
            self.returncode = int(told or b"-9")
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it says until all have closed its output; killed where that takes too long."""
        assert self.stdout is not None
        late = threading.Timer(timeout, self.kill) if timeout else None
        if late:
            late.start()
        with self.stdout:
            said = self.stdout.read()
        self.wait(timeout)
        if late:
            late.cancel()
        return said, None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Server:
    """The process that forks, and the way to ask it."""

    def __init__(self) -> None:
        self._asking, asked = socket.socketpair()
        self._lock = threading.Lock()
        path = os.pathsep.join([str(LIB), str(TESTS)])
        with asked:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.forking", str(asked.fileno())],
                env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error"},
                pass_fds=[asked.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

        atexit.register(self._end)

    def _end(self) -> None:
        self._asking.close()
        self._process.wait(PATIENCE)

    def start(
        self, argv: list[str], environ: dict[str, str], cwd: str, fds: tuple[int, int, int]
    ) -> tuple[int, socket.socket]:
        """The process id, and where its exit code will be told."""
        status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        text = json.dumps({"argv": argv, "environ": environ, "cwd": cwd}).encode()
        with theirs, self._lock:
            socket.send_fds(self._asking, [len(text).to_bytes(4, "big")], [*fds, theirs.fileno()])
            self._asking.sendall(text)
        return int(status.recv(64)), status


@functools.cache
def _server(started_with: frozenset[tuple[str, str]]) -> Server:
    return Server()


def _read_at_start(environ: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    own = ("PYTHONPATH", "PYTHONWARNINGS")
    return frozenset(one for one in environ.items() if one[0].startswith(AT_START) and one[0] not in own)


def _ask(
    argv: list[str],
    environ: dict[str, str],
    cwd: str,
    fds: tuple[int, int, int],
    stdout: TextIO | None = None,
) -> Forked:
    found = (environ["PYTHONPATH"], environ["PYTHONWARNINGS"], _read_at_start(environ))
    assert found == (str(LIB), "error", _read_at_start(os.environ)), "it would find another Python"
    return Forked(*_server(found[2]).start(argv, environ, cwd, fds), stdout)


def start(argv: list[str], environ: dict[str, str], cwd: str, *, merged: bool = False) -> Forked:
    """A program that runs; its output is `stdout`, with what it says to stderr where `merged`."""
    ours, theirs = os.pipe()
    out = os.fdopen(ours, encoding="utf-8")
    with open(os.devnull, "rb") as nothing, os.fdopen(theirs, "wb") as end:
        fds = (nothing.fileno(), end.fileno(), end.fileno() if merged else 2)
        return _ask(argv, environ, cwd, fds, out)


def run(argv: list[str], environ: dict[str, str], cwd: str, stdin: str = "") -> tuple[int, str, str]:
    """A program to its end: exit code, output, errors."""
    with contextlib.ExitStack() as stack:
        given, out, errors = (
            stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in range(3)
        )
        given.write(stdin)
        given.seek(0)
        process = _ask(argv, environ, cwd, (given.fileno(), out.fileno(), errors.fileno()))
        try:
            code = process.wait(PATIENCE)
        finally:
            process.kill()
        for file in (out, errors):
            file.seek(0)
        return code, out.read(), errors.read()
