"""All of it, in about two minutes at most: the groups of rows one after the other, and why a row is left out."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from postern.base.errors import Busy, PosternError
from postern.base.lock import FileLock
from postern.ops.bench import database, drains, host, lab, requests, site
from postern.ops.bench.result import LeftOut
from postern.ops.bench.rows import ROWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postern.ops.bench.bench import Bench


@dataclass(frozen=True)
class Group:
    """Rows that are measured together."""

    work: Callable[[Bench], None]
    rows: tuple[str, ...]


GROUPS = (
    Group(host.processor, ("host.processor",)),
    Group(host.sync, ("host.sync",)),
    Group(host.start, ("start.python", "start.driver", "start.seal")),
    Group(host.limiter, ("limiter",)),
    Group(host.seal, ("seal",)),
    Group(database.questions, ("database.connect", "database.query")),
    Group(database.commits, ("database.commit",)),
    Group(requests.cold, ("request.cold", "request.memory")),
    Group(requests.warm, ("request.warm", "receipt.4k", "receipt.1m", "receipt.25m", "receipt.memory")),
    Group(drains.deliveries, ("drain.start", "drain.4k", "drain.25m", "drain.memory")),
    Group(site.visits, ("site.cold", "site.warm")),
)


def measure(bench: Bench, wanted: set[str], told: Callable[[str], None]) -> Mapping[str, str]:
    """Measure what is wanted (names of rows); the results are in `bench`. Returns row -> why it is left out.

    `told` gets a word for each group. Busy when another run is at work in this home.
    """
    os.makedirs(os.path.join(bench.home, lab.FOLDER), mode=0o700, exist_ok=True)
    left_out: dict[str, str] = {}
    lock = FileLock(os.path.join(bench.home, lab.FOLDER, "lock"))
    if not lock.acquire():
        raise Busy("Another benchmark is at work here.", "Wait until it is done.")
    with lock:
        _clean_up(bench)
        with bench.stack:
            for group in GROUPS:
                rows = [name for name in group.rows if name in wanted]
                if rows:
                    told(", ".join(rows))
                    why = _try(bench, group)
                    left_out.update({name: why for name in rows if name not in bench.results})
    for name in set(bench.results) - wanted:
        del bench.results[name]
    return {row.name: left_out[row.name] for row in ROWS if row.name in left_out}


def _try(bench: Bench, group: Group) -> str:
    """Why not all of its rows could be measured, in case."""
    if bench.is_over():
        return "the two minutes were over"
    try:
        group.work(bench)
    except LeftOut as error:
        return str(error)
    except PosternError as error:
        return lab.why(error)
    return "there is none here"


def _clean_up(bench: Bench) -> None:
    """What a run before has left. Where the database is away, or not known, it stays noted, and no lab is made."""
    lab.remove_homes(bench.home)
    with contextlib.suppress(PosternError):
        lab.clean_up(bench.settings())
