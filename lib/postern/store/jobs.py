"""Jobs: when each last ran on each home, and how it ended. /health reads it."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database

_BEGIN = """
INSERT INTO jobs (job, home, started_at) VALUES (:job, :home, now())
ON CONFLICT (job, home) DO UPDATE SET started_at = now(), ended_at = NULL, ok = NULL, items = 0, error = NULL
"""


def begin(db: Database, job: str, home: str) -> None:
    """It starts."""
    db.run(_BEGIN, job=job, home=home)


_END = """
UPDATE jobs SET ended_at = now(), ok = :ok, items = :items, error = :error WHERE job = :job AND home = :home
"""


def end(db: Database, job: str, home: str, *, ok: bool, items: int, error: str | None = None) -> None:
    """It ended. `error` holds no address and no secret."""
    db.run(_END, job=job, home=home, ok=ok, items=items, error=error)


@dataclass(frozen=True)
class Run:
    """The newest run of a job on any home; seconds since it started and since it ended (None: it did not)."""

    started_seconds: int
    ended_seconds: int | None
    ok: bool | None
    error: str | None


_LAST = """
SELECT CAST(extract(epoch FROM now() - started_at) AS bigint) AS started_seconds,
       CAST(extract(epoch FROM now() - ended_at) AS bigint) AS ended_seconds, ok, error
FROM jobs WHERE job = :job ORDER BY started_at DESC LIMIT 1
"""


def last(db: Database, job: str) -> Run | None:
    """The newest run, or None when it never ran."""
    return db.row(Run, _LAST, job=job)


@dataclass(frozen=True)
class Listed:
    """A row of `jobs`. `ok` and `ended_at` are None while it runs, or when it died."""

    job: str
    started_at: datetime
    ended_at: datetime | None
    ok: bool | None
    items: int
    error: str | None


_ALL = "SELECT job, started_at, ended_at, ok, items, error FROM jobs ORDER BY job, started_at DESC"


def all_jobs(db: Database) -> list[Listed]:
    """The last run of every job on every home."""
    return db.rows(Listed, _ALL)


_DUE = """
SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE job = :job AND started_at > now() - make_interval(secs => :seconds))
"""


def is_due(db: Database, job: str, seconds: int) -> bool:
    """Whether no home began it within `seconds`."""
    return bool(db.value(_DUE, job=job, seconds=seconds))
