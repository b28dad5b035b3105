"""Half of one processor for some processes and all that they start, as hosts with CloudLinux give it: a group's quota."""

from __future__ import annotations

import contextlib
import os
import pathlib
from collections.abc import Iterator

from support.patience import until

PERIOD, QUOTA = 100_000, 50_000
"""Microseconds: of each of these, so many."""

GROUPS = pathlib.Path("/sys/fs/cgroup")
JOIN = ("sh", "-c", 'echo $$ >"$0" && exec "$@"')
"""A program that puts itself into a group and becomes another."""


@contextlib.contextmanager
def half_core() -> Iterator[list[str]]:
    """What to put before a command. Empty where this machine lets nobody make a group: a container without rights."""
    made = _made(f"postern-{os.getpid()}")
    if made is None:
        yield []
        return
    try:
        yield [*JOIN, str(made / "cgroup.procs")]
    finally:
        until(lambda: (made / "cgroup.procs").read_text() == "")
        made.rmdir()


def _made(name: str) -> pathlib.Path | None:
    """A group with the quota: of the controller `cpu` by itself (version 1), else of all of them (version 2)."""
    for top, file, text in (
        (GROUPS / "cpu", "cpu.cfs_quota_us", str(QUOTA)),
        (GROUPS, "cpu.max", f"{QUOTA} {PERIOD}"),
    ):
        made = top / name
        try:
            made.mkdir()
        except OSError:
            continue
        with contextlib.suppress(OSError):
            (made / file).write_text(text)
            return made
        with contextlib.suppress(OSError):
            made.rmdir()
    return None
