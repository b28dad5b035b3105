"""How long tests wait for what another process or thread does; then they fail, and say where.

pytest-timeout ends a test as a whole, but once only: what tidies up after that must come to its end by itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

PATIENCE = 60
"""Seconds until a test fails. Never how long it takes: a busy machine is no failure."""


def until(condition: Callable[[], object], patience: int = PATIENCE) -> None:
    """Ask again and again until it holds; fails when it never does."""
    pause = threading.Event()
    for _ in range(patience * 50):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it never happened")


def join(*threads: threading.Thread) -> None:
    """Wait until all of them are over."""
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive(), "it does not end"


@contextlib.contextmanager
def child(argv: list[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """A process that ends with the block: by itself, or killed where the test fails or it takes too long."""
    with subprocess.Popen(argv, **options) as process:
        try:
            yield process
            process.wait(PATIENCE)
        except BaseException:
            process.kill()
            raise


def read_terminal(master: int) -> bytes:
    """What a terminal shows next; nothing once its other end is closed."""
    readable, _, _ = select.select([master], [], [], 5 * PATIENCE)
    assert readable, "it shows nothing more"
    try:
        return os.read(master, 4096)
    except OSError:  # EIO
        return b""
