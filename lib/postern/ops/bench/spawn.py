"""Starts processes and weighs them: milliseconds on the clock and of the processor, and the most memory.

What a process was at its heaviest counts from fork on, when it still was its parent (getrusage(2)). So a small Python stands
between, and this file is also its program: a line of JSON with what to start comes in, a line with what it took goes out.
It and what it starts step back behind what people wait for (nice).
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

NICE = 5


class Spent:
    """What one process took; `code` is its exit code, negative for the signal that ended it."""

    def __init__(self, code: int, clock_ms: float, processor_ms: float, peak_mib: float) -> None:
        self.code = code
        self.clock_ms = clock_ms
        self.processor_ms = processor_ms
        self.peak_mib = peak_mib


class Spawner:
    """The small Python; it ends with the `with` block, and when its parent is gone."""

    def __init__(self, python: str, nice: int = NICE) -> None:
        from subprocess import PIPE, Popen

        argv = [python, "-I", "-S", os.path.abspath(__file__), str(nice)]
        self._child = Popen(argv, stdin=PIPE, stdout=PIPE, text=True, env={}, start_new_session=True)
        self._waits = False

    def __enter__(self) -> Spawner:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.stdin:
            self._child.stdin.close()
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()

    def settle(self) -> None:
        """Wait for what was started and not waited for, because something was raised meanwhile (Ctrl-C)."""
        if self._waits and self._child.stdout:
            self._child.stdout.readline()
            self._waits = False

    def run(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str],
        stdin: str = os.devnull,
        stdout: str = os.devnull,
    ) -> Spent:
        """Start it, wait for it. `stdin`, `stdout`: paths. OSError when it cannot be started."""
        assert self._child.stdin
        assert self._child.stdout
        wanted = {"argv": list(argv), "environ": dict(environ), "stdin": stdin, "stdout": stdout}
        self._child.stdin.write(json.dumps(wanted) + "\n")
        self._child.stdin.flush()
        self._waits = True
        told = self._child.stdout.readline()
        self._waits = False
        if not told:
            raise OSError("the process that starts others is gone")
        found = json.loads(told)
        if isinstance(found, str):
            raise OSError(found)
        return Spent(*found)


def _weigh(wanted: dict[str, Any]) -> list[float]:
    files = [
        (os.POSIX_SPAWN_OPEN, 0, wanted["stdin"], os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, wanted["stdout"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    began = time.perf_counter()
    pid = os.posix_spawn(wanted["argv"][0], wanted["argv"], wanted["environ"], file_actions=files)
    _, status, used = os.wait4(pid, 0)
    took = time.perf_counter() - began
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    # Linux counts KiB, macOS bytes.
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return [code, took * 1000, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / unit]


def main() -> None:
    """Until nobody asks any more."""
    os.nice(int(sys.argv[1]))
    for line in sys.stdin:
        try:
            told: object = _weigh(json.loads(line))
        except OSError as error:
            told = str(error)
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
