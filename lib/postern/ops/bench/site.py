"""The real site, as its visitors meet it: over HTTP, by whatever runs it, CGI or Passenger."""

from __future__ import annotations

import time

from postern.ops.bench.result import LeftOut

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.bench.bench import Bench

ASKED = "/health/ready"
SECONDS = 20


def visits(bench: Bench) -> None:
    """Two rows. Of a site that has a resident, the first is the request after that has left."""
    url = bench.settings().url.rstrip("/") + ASKED
    _visit(url)
    if bench.resident.status(bench.home):
        bench.resident.stop(bench.home)
        # It has left when nobody answers for it any more; a visit before that would keep it from being cold.
        for _ in range(100):
            if not bench.resident.status(bench.home):
                break
            time.sleep(0.05)
        bench.found("site.cold", [_visit(url)])
        _visit(url)
    bench.found("site.warm", [_visit(url) for _ in bench.rounds(15, 6)])


def _visit(url: str) -> float:
    """Milliseconds of one request on a connection of its own. LeftOut where the answer is not 200."""
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "postern-bench"})  # noqa: S310 - the operator's own setting
    began = time.perf_counter()
    try:
        with urlopen(request, timeout=SECONDS) as answer:  # noqa: S310
            answer.read()
    except (OSError, HTTPException, ValueError) as error:
        raise LeftOut(f"{url} does not answer as it should ({error})") from None
    return (time.perf_counter() - began) * 1000
