"""Leases: which home is at a job that must run on one home only."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

# A home that held it may take it again: its own lock says that the run before is dead.
_TAKE = """
INSERT INTO job_leases AS l (job, home, taken_at, until) VALUES (:job, :home, now(), now() + make_interval(secs => :seconds))
ON CONFLICT (job) DO UPDATE SET home = excluded.home, taken_at = excluded.taken_at, until = excluded.until
    WHERE l.until <= now() OR l.home = excluded.home
RETURNING 1
"""


def take(db: Database, job: str, home: str, seconds: int) -> bool:
    """Take it for so long. False: another home is at it."""
    return db.value(_TAKE, job=job, home=home, seconds=seconds) is not None


_GIVE_BACK = "UPDATE job_leases SET until = now() WHERE job = :job AND home = :home"


def give_back(db: Database, job: str, home: str) -> None:
    """The job has ended."""
    db.run(_GIVE_BACK, job=job, home=home)
