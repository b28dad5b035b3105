"""Samples for the demo: a past that did not happen."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

_DAY = """
WITH of_alias AS (
    UPDATE aliases SET forwarded = forwarded + :forwarded, blocked = blocked + :blocked, replied = replied + :replied,
        created_at = least(created_at, now() - make_interval(days => :back)),
        seen_at = CASE WHEN CAST(:forwarded AS integer) + CAST(:blocked AS integer) + CAST(:replied AS integer) > 0
            THEN greatest(seen_at, now() - make_interval(days => :back)) ELSE seen_at END
    WHERE id = :alias_id RETURNING id, user_id
)
INSERT INTO alias_days (alias_id, user_id, day, forwarded, blocked, replied)
SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:back AS integer), :forwarded, :blocked, :replied
FROM of_alias ON CONFLICT DO NOTHING
"""


def day(db: Database, alias_id: int, back: int, forwarded: int, blocked: int, replied: int) -> None:
    """What an alias had so many days ago."""
    db.run(_DAY, alias_id=alias_id, back=back, forwarded=forwarded, blocked=blocked, replied=replied)


_CONTACT = """
UPDATE contacts SET received = a.forwarded, sent = a.replied, seen_at = a.seen_at
FROM aliases a WHERE a.id = contacts.alias_id AND contacts.id = :contact_id
"""


def sole_contact(db: Database, contact_id: int) -> None:
    """All that its alias had, it had with this one."""
    db.run(_CONTACT, contact_id=contact_id)


_FIGURES = """
INSERT INTO figures (name, at, value)
SELECT :name, date_trunc('hour', now()) - (6 * ordinality - 5) * interval '1 hour', value
FROM unnest(CAST(:values AS bigint[])) WITH ORDINALITY AS v (value, ordinality) ON CONFLICT DO NOTHING
"""


def figures(db: Database, name: str, values: list[int]) -> None:
    """A figure of the operator's: the newest first, one every six hours."""
    db.run(_FIGURES, name=name, values=values)


_AGE = """
WITH earlier AS (UPDATE events SET at = at - make_interval(mins => :minutes) WHERE alias_id = :alias_id)
UPDATE aliases SET seen_at = now() - make_interval(mins => :minutes) WHERE id = :alias_id
"""


def age(db: Database, alias_id: int, minutes: int) -> None:
    """Let what happened to an alias just now have happened so much earlier."""
    db.run(_AGE, alias_id=alias_id, minutes=minutes)
