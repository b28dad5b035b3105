"""Findings: what the monitor saw, the state each check is in, and whom it must still tell. Times are the database's."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database

LOOKS = 2
"""So many looks in a row change a state: what is bad once may be chance."""

REPEAT_SECONDS = 86400
"""What stays bad is told again so often."""

CLAIM_SECONDS = 300


@dataclass(frozen=True)
class Finding:
    """A row of `findings`, with the seconds since its state changed."""

    name: str
    home: str
    ok: bool
    detail: str
    bad: bool
    since: datetime
    since_seconds: int
    seen_seconds: int


# ok = bad: this look says the opposite of the state.
_NOTE = """
INSERT INTO findings AS f (name, home, ok, detail, seen_at, since, streak)
VALUES (:name, :home, :ok, :detail, now(), now(), CASE WHEN :ok THEN 0 ELSE 1 END)
ON CONFLICT (name, home) DO UPDATE SET ok = excluded.ok, detail = excluded.detail, seen_at = now(),
    streak = CASE WHEN excluded.ok <> f.bad OR f.streak + 1 >= :looks THEN 0 ELSE f.streak + 1 END,
    bad = CASE WHEN excluded.ok = f.bad AND f.streak + 1 >= :looks THEN NOT f.bad ELSE f.bad END,
    since = CASE WHEN excluded.ok = f.bad AND f.streak + 1 >= :looks THEN now() ELSE f.since END,
    pending = f.pending OR (excluded.ok = f.bad AND f.streak + 1 >= :looks)
"""


def note(db: Database, name: str, home: str, *, ok: bool, detail: str) -> None:
    """One look."""
    db.run(_NOTE, name=name, home=home, ok=ok, detail=detail, looks=LOOKS)


_SHOWN = """
SELECT name, home, ok, detail, bad, since, CAST(extract(epoch FROM now() - since) AS bigint) AS since_seconds,
       CAST(extract(epoch FROM now() - seen_at) AS bigint) AS seen_seconds
FROM findings ORDER BY bad DESC, name, home
"""


def all_findings(db: Database) -> list[Finding]:
    """Every check, the bad ones first."""
    return db.rows(Finding, _SHOWN)


_CLAIM = """
UPDATE findings f SET claimed_until = now() + make_interval(secs => :claim)
FROM (SELECT name, home FROM findings
      WHERE (pending OR bad AND told_at <= now() - make_interval(secs => :repeat))
        AND (claimed_until IS NULL OR claimed_until <= now())
      ORDER BY name, home FOR UPDATE SKIP LOCKED) c
WHERE f.name = c.name AND f.home = c.home
RETURNING f.name, f.home, f.ok, f.detail, f.bad, f.since, CAST(extract(epoch FROM now() - f.since) AS bigint) AS since_seconds,
          CAST(extract(epoch FROM now() - f.seen_at) AS bigint) AS seen_seconds
"""


def claim_untold(db: Database) -> list[Finding]:
    """What somebody must be told now, by name; for a while no other monitor tells it."""
    found = db.rows(Finding, _CLAIM, claim=CLAIM_SECONDS, repeat=REPEAT_SECONDS)
    return sorted(found, key=lambda one: (one.name, one.home))  # RETURNING has no order


# A state that changed meanwhile is still to be told.
_TOLD = """
UPDATE findings SET told_at = now(), claimed_until = NULL, pending = bad <> :bad WHERE name = :name AND home = :home
"""


def told(db: Database, one: Finding) -> None:
    """Somebody was told."""
    db.run(_TOLD, name=one.name, home=one.home, bad=one.bad)


_UNCLAIM = "UPDATE findings SET claimed_until = NULL WHERE name = :name AND home = :home"


def give_back(db: Database, one: Finding) -> None:
    """Nobody could be told: the next look tries again."""
    db.run(_UNCLAIM, name=one.name, home=one.home)


_FORGET = "DELETE FROM findings WHERE seen_at < now() - interval '30 days'"


def forget_old(db: Database) -> int:
    """Drop what nobody looks at any more: its home is gone."""
    return db.count(_FORGET)
