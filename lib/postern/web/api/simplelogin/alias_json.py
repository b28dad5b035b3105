"""Aliases as SimpleLogin's clients read them."""

from __future__ import annotations

from postern.base.errors import SealBroken
from postern.store import alias_list, contacts, events, mailboxes
from postern.web.api.simplelogin import contact_json, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.aliases import Alias

ACTIONS = {"received": "forward", "replied": "reply", "blocked": "block", "bounced": "bounced"}
"""Kind of event -> what SimpleLogin calls it; the others have no name there."""


def brief(alias: Alias) -> dict[str, object]:
    """What the first version of the listing showed."""
    return {
        "id": alias.id,
        "email": alias.address,
        "creation_date": times.date(alias.created_at),
        "creation_timestamp": times.seconds(alias.created_at),
        "enabled": alias.enabled,
        "note": alias.note or None,
        "nb_forward": alias.forwarded,
        "nb_block": alias.blocked,
        "nb_reply": alias.replied,
    }


def shapes(db: Database, ring: KeyRing, found: Sequence[Alias]) -> list[dict[str, object]]:
    """All of them, as they come: four statements however many they are. The aliases are of one user."""
    if not found:
        return []
    ids = [one.id for one in found]
    own = {
        one.id: {"id": one.id, "email": one.address(ring)} for one in mailboxes.of_user(db, found[0].user_id)
    }
    links = alias_list.mailboxes_of(db, ids)
    latest = _latest(db, ring, found)
    return [
        _shape(ring, one, [own[box] for box in links[one.id] if box in own], latest.get(one.id))
        for one in found
    ]


def shape(db: Database, ring: KeyRing, alias: Alias) -> dict[str, object]:
    """One of them."""
    return shapes(db, ring, [alias])[0]


def _shape(
    ring: KeyRing, alias: Alias, boxes: list[dict[str, object]], activity: dict[str, object] | None
) -> dict[str, object]:
    return {
        **brief(alias),
        "name": alias.name(ring) or None,
        "mailbox": boxes[0] if boxes else {"id": 0, "email": ""},
        "mailboxes": boxes,
        "support_pgp": False,
        "disable_pgp": False,
        "latest_activity": activity,
        "pinned": alias.pinned,
    }


def _latest(db: Database, ring: KeyRing, found: Sequence[Alias]) -> dict[int, dict[str, object]]:
    """Alias id -> what happened last between it and a contact that is still there."""
    domains = {one.id: one.domain for one in found}
    happened = events.latest_with_contact(db, list(domains), list(ACTIONS))
    known = contacts.among(db, [one.contact_id for one in happened if one.contact_id is not None])
    latest: dict[int, dict[str, object]] = {}
    for event in happened:
        contact = known.get(event.contact_id or 0)
        if contact is None or event.alias_id is None:
            continue
        try:
            person = contact_json.person(ring, contact, domains[event.alias_id])
        except SealBroken:
            continue
        latest[event.alias_id] = {
            "timestamp": times.seconds(event.at),
            "action": ACTIONS[event.kind],
            "contact": person,
        }
    return latest
