"""Admin acts: what admins and the operator did to other people's accounts and to the instance."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database

OPERATOR = "operator"
"""The actor of the command line."""


@dataclass(frozen=True)
class Act:
    """A row of `admin_acts`."""

    id: int
    at: datetime
    actor: str
    act: str
    target: str
    note: str


_ADD = "INSERT INTO admin_acts (actor, act, target, note) VALUES (:actor, :act, :target, :note)"


def add(db: Database, actor: str, act: str, target: str = "", note: str = "") -> None:
    """Write one, in the transaction of the act, as SYSTEM. No real address may stand in it."""
    db.run(_ADD, actor=actor, act=act, target=target, note=note)


_LATEST = """
SELECT id, at, actor, act, target, note FROM admin_acts
WHERE id < :before ORDER BY id DESC LIMIT :many
"""


def latest(db: Database, many: int, before: int = 2**62) -> list[Act]:
    """Those with an id below `before`, newest first."""
    return db.rows(Act, _LATEST, many=many, before=before)
