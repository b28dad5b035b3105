"""The CGI door of the lab, run as a web server runs it: a process a request."""

from __future__ import annotations

import os
import time

from postern.base import clock, home
from postern.ops.bench.result import LeftOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.ops.bench.bench import Bench
    from postern.ops.bench.lab import Lab
    from postern.ops.bench.spawn import Spent

START_SECONDS = 30
"""A resident is there soon after the first answer, or it is not to be had."""


class Door:
    """Requests to it. `resident_ms()` and `resident_mib()` are 0 where no resident answers."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._lab: Lab = bench.lab()
        self._pid = 0

    def ask(
        self,
        path: str,
        want: int,
        *,
        alone: bool = False,
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Spent:
        """One request, a GET or with a file as its body. `alone`: no resident stays behind. LeftOut on another answer."""
        said = self._lab.path("answer")
        environ = {
            **self._lab.environ,
            "REQUEST_METHOD": "POST" if body else "GET",
            "REQUEST_URI": path,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "CONTENT_LENGTH": str(os.stat(body).st_size) if body else "",
            **(headers or {}),
        }
        if alone:
            environ["POSTERN_RESIDENT"] = "off"
        script = os.path.join(home.program(), "cgi-bin", "postern.cgi")
        spent = self._bench.spawner.run(
            [self._bench.python, "-IS", script], environ, body or os.devnull, said
        )
        with open(said, "rb") as file:
            first = file.readline().decode("latin-1").split()
        if spent.code or first[1:2] != [str(want)]:
            answered = first[1] if len(first) > 1 else "nothing"
            raise LeftOut(f"the door answered {answered} to {path}, not {want}")
        return spent

    def warm_up(self) -> bool:
        """Let a resident come. False: none does, as where the host forbids it."""
        self.ask("/health/ready", 200)
        until = clock.elapsed() + START_SECONDS
        while clock.elapsed() < until:
            found = self._bench.resident.status(self._lab.home)
            if found:
                self._pid = int(found["pid"])
                return True
            time.sleep(0.05)
        return False

    def resident_ms(self) -> float:
        """Milliseconds of the processor that the resident has used."""
        return processor_ms(self._pid)

    def resident_mib(self) -> Mapping[str, float]:
        """Its memory: VmRSS now, VmHWM at its heaviest."""
        lines = (line.split() for line in _read(f"/proc/{self._pid}/status").splitlines())
        return {words[0][:-1]: int(words[1]) / 1024 for words in lines if words[0] in ("VmRSS:", "VmHWM:")}

    def forget_peak(self) -> None:
        """From here on VmHWM is anew (proc(5), clear_refs)."""
        try:
            with open(f"/proc/{self._pid}/clear_refs", "w", encoding="ascii") as file:
                file.write("5")
        except OSError:
            pass

    def leave(self) -> None:
        """The resident leaves; it is waited for, for its memory is not to weigh on what follows."""
        until = clock.elapsed() + START_SECONDS
        self._bench.resident.stop(self._lab.home)
        while os.path.isdir(f"/proc/{self._pid}") and self._pid and clock.elapsed() < until:
            time.sleep(0.05)


def processor_ms(pid: int) -> float:
    """Milliseconds that a process's threads have run; 0 where /proc does not tell. Finer than the ticks of proc(5)'s stat."""
    folder = f"/proc/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return 0
    return sum(int((_read(f"{folder}/{one}/schedstat").split() or ["0"])[0]) for one in threads) / 1e6


def _read(path: str) -> str:
    try:
        with open(path, encoding="latin-1") as file:
            return file.read()
    except OSError:
        return ""
