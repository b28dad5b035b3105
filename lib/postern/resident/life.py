"""How long a resident stays, and how much it may take of a host that it shares."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from postern.base import clock, gate

NICE = 5
"""What people wait for in other programs of the account goes first (nice(2))."""

ADDRESS_BYTES = 512 << 20
"""RLIMIT_AS, unless the host allows less."""

STACK_BYTES = 1 << 20
"""Of each thread; Python's own frames do not lie on it, and the usual 8 MB would count against the limit."""

M_ARENA_MAX = -8
"""mallopt(3)."""

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Limits:
    """Seconds without a request, requests, seconds in all, bytes of memory in use."""

    idle_seconds: float = 60
    requests: int = 2_000
    seconds: float = 3_600
    memory_bytes: int = 160 << 20


class Life:
    """What one resident has done. `reason` asks it all at once: empty while it may stay."""

    def __init__(self, home: str, limits: Limits) -> None:
        self._env_file = os.path.join(home, ".env")
        self._env = gate.identity(self._env_file)
        self._limits = limits
        self._began = self._last = clock.elapsed()
        self.requests = 0
        self.busy = 0

    def begin(self) -> None:
        """A request has come."""
        self.requests += 1
        self.busy += 1

    def end(self) -> None:
        """One is answered."""
        self.busy -= 1
        self._last = clock.elapsed()

    @property
    def age(self) -> float:
        """Seconds."""
        return clock.elapsed() - self._began

    def is_outdated(self) -> bool:
        """Whether the program or the settings on disk are no longer those that it runs with."""
        return gate.was_replaced() or gate.identity(self._env_file) != self._env

    def is_large(self) -> bool:
        """Whether it has more memory in use than it may."""
        return memory() > self._limits.memory_bytes

    def reason(self) -> str:
        """Why it must leave; empty when it may stay."""
        limits = self._limits
        if self.is_outdated():
            return "outdated"
        if self.is_large():
            return "memory"
        if self.requests >= limits.requests:
            return "requests"
        if self.age >= limits.seconds:
            return "age"
        if not self.busy and clock.elapsed() - self._last >= limits.idle_seconds:
            return "idle"
        return ""


def memory() -> int:
    """Bytes of memory that this process has in use; 0 where /proc does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def take_little() -> None:
    """Step back behind others, and cap this process's memory."""
    import resource
    import threading

    os.nice(NICE)
    threading.stack_size(STACK_BYTES)
    _share_one_arena()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY or soft > ADDRESS_BYTES:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, hard))


def _share_one_arena() -> None:
    """One heap for all threads. glibc reserves 64 MB of address space for each thread that has its own: four of them are all
    that a host with a limit of 256 MB gives, and then nothing more can be loaded."""
    import ctypes

    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
