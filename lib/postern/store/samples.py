"""Samples for the demo: a past that did not happen."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database

_DAY = """
WITH of_alias AS (
    UPDATE aliases SET forwarded = forwarded + :forwarded, blocked = blocked + :blocked, replied = replied + :replied,
        seen_at = greatest(seen_at, now() - make_interval(days => :back))
    WHERE id = :alias_id RETURNING id, user_id
)
INSERT INTO alias_days (alias_id, user_id, day, forwarded, blocked, replied)
SELECT id, user_id, CAST(now() AT TIME ZONE 'UTC' AS date) - CAST(:back AS integer), :forwarded, :blocked, :replied
FROM of_alias ON CONFLICT DO NOTHING
"""


def day(db: Database, alias_id: int, back: int, forwarded: int, blocked: int, replied: int) -> None:
    """What an alias had so many days ago."""
    db.run(_DAY, alias_id=alias_id, back=back, forwarded=forwarded, blocked=blocked, replied=replied)
