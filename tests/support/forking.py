"""The process from which support/forked.py lets programs fork: `python -m support.forking FD`, a socket by which it is asked.

A question is the length of a JSON text (4 bytes), with it the four descriptors of standard input, output, error and of a
socket for the answers, then the text: argv, environ, cwd. Answers: the process id, later the exit code. It ends when nobody
can ask any more, and takes all its children along.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pathlib
import pkgutil
import random
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback

DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of prctl(2)
LATER = (
    "pg8000.native",
    "ssl",
    "smtplib",
    "socketserver",
    "wsgiref.simple_server",
    "http.client",
    "urllib.request",
)
"""What programs import within functions."""

_children: dict[int, socket.socket] = {}


def import_all() -> None:
    """Every module of the program but those that run something."""
    import postern

    for found in pkgutil.walk_packages(postern.__path__, "postern."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in LATER:
        importlib.import_module(name)


def serve(asked: socket.socket) -> None:
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        ready, _, _ = select.select([asked, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            reap()
        if asked in ready:
            head, fds, _, _ = socket.recv_fds(asked, 4, 4)
            if not head:
                return
            text = b""
            while len(text) < int.from_bytes(head, "big"):
                text += asked.recv(int.from_bytes(head, "big") - len(text))
            start(json.loads(text), fds, (asked.fileno(), woken, wake))


def reap() -> None:
    """Tell of those that ended."""
    while _children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with _children.pop(pid) as told:
            told.send(str(os.waitstatus_to_exitcode(status)).encode())


def start(what: dict[str, object], fds: list[int], ours: tuple[int, ...]) -> None:
    status = socket.socket(fileno=fds[3])
    pid = os.fork()
    if pid:
        for fd in fds[:3]:
            os.close(fd)
        _children[pid] = status
        status.send(str(pid).encode())
        return
    code = 70
    try:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for fd, standard in zip(fds, (0, 1, 2)):
            os.dup2(fd, standard)
        for fd in (*fds[:3], *ours):
            os.close(fd)
        for other in (status, *_children.values()):
            other.close()
        code = run(what)
    finally:
        os._exit(code)


def run(what: dict[str, object]) -> int:
    """As Python itself would, to its end; the exit code."""
    os.environ.clear()
    os.environ.update(what["environ"])  # type: ignore[call-overload]
    time.tzset()
    os.chdir(str(what["cwd"]))
    random.seed()
    code = 0
    try:
        first, *rest = what["argv"]  # type: ignore[misc]
        sys.path[0] = str(what["cwd"]) if first == "-m" else os.path.dirname(first)
        if first == "-m":
            sys.argv = ["-m", *rest[1:]]
            runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        else:
            sys.argv = [first, *rest]
            runpy.run_path(first, run_name="__main__")
    except SystemExit as end:
        code = exit_code(end.code)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - as Python's own end of a program
        traceback.print_exc()
        code = 1
    return finish(code)


def exit_code(told: object) -> int:
    if told is None:
        return 0
    if isinstance(told, int):
        return told & 0xFF
    sys.stderr.write(f"{told}\n")
    return 1


def finish(code: int) -> int:
    """What Python does at its end; 120 where the output could not be written."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    return code


if __name__ == "__main__":
    sys.path.remove(str(pathlib.Path(__file__).parents[1]))
    import_all()
    # What is there now is never looked through for garbage, and so never copied into a child.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        serve(asking)
