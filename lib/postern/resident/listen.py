"""The resident's side: a few threads that take requests from doors and answer them. What is said: resident/wire.py."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
from wsgiref.handlers import BaseCGIHandler

from postern.resident import life, wire

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

    from postern.base.log import Log
    from postern.resident.life import Life
    from postern.web.app import App

THREADS = 4
"""Requests at a time. What is beyond them is answered by the doors themselves."""

BACKLOG = 16
LOOK_SECONDS = 1
"""How often it asks itself whether to leave."""

HEAR_SECONDS = 5
"""A door says all it has at once."""

_CONTROL_BYTES = socket.CMSG_SPACE(wire.FILES * 4)


class Listener:
    """One resident. `run` returns when it has left, and every request that it owned is answered."""

    def __init__(self, home: str, app: App, log: Log, stay: Life) -> None:
        self._path = os.path.join(home, wire.SOCKET)
        self._app = app
        self._log = log
        self._life = stay
        self._guard = threading.Lock()
        self._leaving = threading.Event()

    def run(self) -> None:
        """Bind, serve, leave. OSError where the socket is not to be had."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            self._bind(listener)
            signal.signal(signal.SIGTERM, lambda *_: self._leaving.set())
            threads = [threading.Thread(target=self._serve, args=(listener,)) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            self._log.info("resident.began", pid=os.getpid())
            reason = self._stay()
            with contextlib.suppress(OSError):
                os.unlink(self._path)
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the threads that wait in accept()
            for thread in threads:
                thread.join()
        self._log.info("resident.left", pid=os.getpid(), reason=reason, requests=self._life.requests)

    def _bind(self, listener: socket.socket) -> None:
        """Whoever holds the lock of the resident is alone: a socket that lies there is a dead one's."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        before = os.umask(0o177)
        try:
            listener.bind(self._path)
        finally:
            os.umask(before)
        listener.listen(BACKLOG)

    def _stay(self) -> str:
        while not self._leaving.wait(LOOK_SECONDS):
            with self._guard:
                reason = self._life.reason()
            if reason:
                return reason
        return self._life.reason() or "asked"

    def _serve(self, listener: socket.socket) -> None:
        while not self._leaving.is_set():
            try:
                door, _ = listener.accept()
            except OSError:
                return
            with door:
                try:
                    self._hear(door)
                except OSError as error:
                    self._log.warning("resident.door_gone", reason=str(error))
                except Exception as error:  # noqa: BLE001
                    self._log.exception("resident.fault", error)

    def _hear(self, door: socket.socket) -> None:
        door.settimeout(HEAR_SECONDS)
        credentials = door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, wire.PEER_BYTES)
        if wire.peer_user(credentials) != os.getuid():
            return
        door.sendall(wire.READY)
        kind, payload, files = _receive(door)
        try:
            if kind == wire.STATUS:
                door.sendall(json.dumps(self.status()).encode())
            elif kind == wire.STOP:
                self._leaving.set()
            elif kind == wire.REQUEST and len(files) == wire.FILES and self._takes(door, files[-1]):
                self._answer(door, wire.unpack_environ(payload), files)
        finally:
            for file in files:
                os.close(file)

    def _takes(self, door: socket.socket, token: int) -> bool:
        """Make the request ours, if we are fit for it and its door has not taken it back."""
        if self._leaving.is_set() or self._life.is_outdated():
            self._leaving.set()
            return False
        try:
            ours = os.read(token, 1) != b""
        except BlockingIOError:
            return False
        if ours:
            door.sendall(wire.OWNED)
        return ours

    def _answer(self, door: socket.socket, environ: dict[str, str], files: tuple[int, ...]) -> None:
        with self._guard:
            self._life.begin()
        try:
            # A visitor who goes away takes the other end of the streams along.
            with (
                contextlib.suppress(BrokenPipeError, ConnectionResetError),
                contextlib.ExitStack() as streams,
            ):
                stdin = streams.enter_context(open(files[0], "rb", closefd=False))
                stdout = streams.enter_context(open(files[1], "wb", closefd=False))
                stderr = streams.enter_context(open(files[2], "w", closefd=False))
                Handler(door, stdin, stdout, stderr, environ).run(self._app)
            door.sendall(wire.DONE)
        finally:
            with self._guard:
                self._life.end()
            if self._life.is_large():
                self._leaving.set()

    def status(self) -> dict[str, int]:
        """What it holds, as `postern resident status` shows it; seconds and bytes."""
        with self._guard:
            return {
                "pid": os.getpid(),
                "age_seconds": int(self._life.age),
                "requests": self._life.requests,
                "busy": self._life.busy,
                "threads": THREADS,
                "memory_bytes": life.memory(),
            }


class Handler(BaseCGIHandler):
    """wsgiref's, with the environment of the door, and a word to it before the first byte of the answer."""

    os_environ: dict[str, str] = {}  # noqa: RUF012 - nothing of our own environment

    def __init__(
        self, door: socket.socket, stdin: BinaryIO, stdout: BinaryIO, stderr: Any, environ: Any
    ) -> None:
        super().__init__(stdin, stdout, stderr, environ, multithread=True, multiprocess=True)
        self._door: socket.socket | None = door

    def _write(self, data: bytes) -> None:
        if self._door is not None:
            self._door.sendall(wire.WRITING)
            self._door = None
        super()._write(data)


def _receive(door: socket.socket) -> tuple[bytes, bytes, tuple[int, ...]]:
    """Kind, payload and the files that came with it, which the caller must close. OSError, ValueError."""
    data, control, _, _ = door.recvmsg(65536, _CONTROL_BYTES)
    files: tuple[int, ...] = ()
    for level, what, rights in control:
        if level == socket.SOL_SOCKET and what == socket.SCM_RIGHTS:
            files += wire.unpack_files(rights)
    try:
        kind, length = wire.unpack(data)
        while len(data) < wire.HEADER_BYTES + length:
            more = door.recv(65536)
            if not more:
                raise ValueError("a message that was cut")
            data += more
    except BaseException:
        for file in files:
            os.close(file)
        raise
    return kind, data[wire.HEADER_BYTES :], files
