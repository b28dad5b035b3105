"""Jobs: when each last ran on each home, and how it ended. /health reads it."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database

# A run that has no end died: it counts as one that failed.
_BEGIN = """
WITH before AS (SELECT true AS died FROM jobs WHERE job = :job AND home = :home AND ended_at IS NULL)
INSERT INTO jobs AS j (job, home, started_at) VALUES (:job, :home, now())
ON CONFLICT (job, home) DO UPDATE SET started_at = now(), ended_at = NULL, ok = NULL, items = 0,
    failures = j.failures + CASE WHEN j.ended_at IS NULL THEN 1 ELSE 0 END,
    error = CASE WHEN j.ended_at IS NULL THEN 'It did not come to its end.' ELSE j.error END,
    error_at = CASE WHEN j.ended_at IS NULL THEN now() ELSE j.error_at END
RETURNING (SELECT died FROM before) IS NOT NULL
"""


def begin(db: Database, job: str, home: str) -> bool:
    """It starts. True: the run before never ended."""
    return bool(db.value(_BEGIN, job=job, home=home))


_END = """
UPDATE jobs SET ended_at = now(), ok = :ok, items = :items,
    ok_at = CASE WHEN :ok THEN started_at ELSE ok_at END,
    failures = CASE WHEN :ok THEN 0 ELSE failures + 1 END,
    error = coalesce(:error, error), error_at = CASE WHEN :ok THEN error_at ELSE now() END
WHERE job = :job AND home = :home
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
    """A row of `jobs`. `ok` and `ended_at` are None while it runs, or when it died; the last error may be an old one.

    `ok_seconds`: since the last run that went well started; None: none did.
    """

    job: str
    home: str
    started_at: datetime
    started_seconds: int
    ended_at: datetime | None
    ok: bool | None
    ok_seconds: int | None
    items: int
    failures: int
    error: str | None
    error_at: datetime | None


_ALL = """
SELECT job, home, started_at, CAST(extract(epoch FROM now() - started_at) AS bigint) AS started_seconds, ended_at, ok,
       CAST(extract(epoch FROM now() - ok_at) AS bigint) AS ok_seconds, items, failures, error, error_at
FROM jobs ORDER BY job, started_at DESC
"""


def all_jobs(db: Database) -> list[Listed]:
    """The last run of every job on every home."""
    return db.rows(Listed, _ALL)


_DUE = """
SELECT NOT EXISTS (SELECT 1 FROM jobs WHERE job = :job AND ok_at > now() - make_interval(secs => :seconds))
"""


def is_due(db: Database, job: str, seconds: int) -> bool:
    """Whether no home began it within `seconds` and ended it well."""
    return bool(db.value(_DUE, job=job, seconds=seconds))


_FORGET = "DELETE FROM jobs WHERE started_at < now() - interval '30 days'"


def forget_old(db: Database) -> int:
    """Drop what no home runs any more."""
    return db.count(_FORGET)
