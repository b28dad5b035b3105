"""How fast a relay wants to be fed: slowing down when it asks for it, and limits learnt from its refusals.

A level of slowness falls by one each ten minutes without a word from the relay, by the clock alone: nothing has to be
written when all is well. A learnt limit is believed for three days; then the setting holds again, until the relay refuses anew.
"""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database


@dataclass(frozen=True)
class Pace:
    """`slow`: how often a batch is halved; 0: not at all. `hour`, `day`: learnt limits, None: none."""

    slow: int
    hour: int | None
    day: int | None


_FIND = """
SELECT greatest(0, coalesce(slow_level - CAST(floor(extract(epoch FROM now() - slowed_at) / 600) AS integer), 0)) AS slow,
       CASE WHEN hour_learnt_at > now() - interval '3 days' THEN hour_learnt END AS hour,
       CASE WHEN day_learnt_at > now() - interval '3 days' THEN day_learnt END AS day
FROM relays WHERE name = :name
"""


def find(db: Database, name: str) -> Pace:
    """What is known of this relay."""
    return db.row(Pace, _FIND, name=name) or Pace(0, None, None)


_SLOWER = """
UPDATE relays SET slow_level = least(6, :slow + 1), slowed_at = now(),
    rest_until = now() + make_interval(secs => least(900, 60 * power(2, :slow)))
WHERE name = :name
"""


def slower(db: Database, name: str) -> None:
    """It asked to go slower: let it rest for a minute, twice as long each time, and take half as much at a time."""
    db.run(_SLOWER, name=name, slow=find(db, name).slow)


_REST = "UPDATE relays SET rest_until = now() + make_interval(secs => :seconds) WHERE name = :name"


def rest(db: Database, name: str, seconds: int) -> None:
    """Claim nothing for it for so long."""
    db.run(_REST, name=name, seconds=seconds)


_LEARN_HOUR = "UPDATE relays SET hour_learnt = :most, hour_learnt_at = now() WHERE name = :name"

_LEARN_DAY = "UPDATE relays SET day_learnt = :most, day_learnt_at = now() WHERE name = :name"


def learn(db: Database, name: str, period: str, most: int) -> None:
    """It takes no more than this in an `hour` or a `day`."""
    db.run(_LEARN_HOUR if period == "hour" else _LEARN_DAY, name=name, most=most)


_FORGET = """
UPDATE relays SET paused_until = NULL, rest_until = NULL, slow_level = NULL, slowed_at = NULL,
    hour_learnt = NULL, hour_learnt_at = NULL, day_learnt = NULL, day_learnt_at = NULL
WHERE name = :name
"""


def forget(db: Database, name: str) -> None:
    """As if it had never complained."""
    db.run(_FORGET, name=name)
