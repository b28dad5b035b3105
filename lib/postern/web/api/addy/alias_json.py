"""Aliases as addy.io's clients read them."""

from __future__ import annotations

from postern.store import alias_list, domains, mailboxes, users
from postern.web.api.addy import recipient_json
from postern.web.api.addy.times import moment, moment_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.aliases import Alias
    from postern.store.domains import Domain

DOMAIN, USERNAME = "App\\Models\\Domain", "App\\Models\\Username"
"""What an alias may belong to besides its user; clients compare these words."""


def shapes(db: Database, ring: KeyRing, user_id: int, found: Sequence[Alias]) -> list[dict[str, object]]:
    """All of them, as they come: four statements however many they are."""
    user = users.get(db, user_id)
    assert user is not None
    own = {one.id: recipient_json.shape(ring, one, user.uid, None) for one in mailboxes.of_user(db, user_id)}
    places = {one.id: one for one in domains.of_user(db, user_id)}
    links = alias_list.mailboxes_of(db, [one.id for one in found])
    return [
        _shape(
            ring, one, user.uid, places.get(one.domain_id), [own[box] for box in links[one.id] if box in own]
        )
        for one in found
    ]


def shape(db: Database, ring: KeyRing, alias: Alias) -> dict[str, object]:
    """One of them."""
    return shapes(db, ring, alias.user_id, [alias])[0]


def _shape(
    ring: KeyRing, alias: Alias, user: UUID, place: Domain | None, recipients: list[dict[str, object]]
) -> dict[str, object]:
    """Of forwarded, blocked and replied mail one time is kept, the last one; what changed an alias last is not."""
    local, plus, extension = alias.local.partition("+")
    return {
        "id": str(alias.uid),
        "user_id": str(user),
        "aliasable_id": str(place.uid) if place else None,
        "aliasable_type": None if place is None else DOMAIN if place.parent_id is None else USERNAME,
        "local_part": local,
        "extension": extension if plus else None,
        "domain": alias.domain,
        "email": alias.address,
        "active": alias.enabled and alias.deleted_at is None,
        "pinned": alias.pinned,
        "description": alias.note or None,
        "from_name": alias.name(ring) or None,
        "attached_recipients_only": False,
        "emails_forwarded": alias.forwarded,
        "emails_blocked": alias.blocked,
        "emails_replied": alias.replied,
        "emails_sent": 0,
        "recipients": recipients,
        "last_forwarded": moment_or_none(alias.seen_at if alias.forwarded else None),
        "last_blocked": moment_or_none(alias.seen_at if alias.blocked else None),
        "last_replied": moment_or_none(alias.seen_at if alias.replied else None),
        "last_sent": None,
        "created_at": moment(alias.created_at),
        "updated_at": moment(alias.deleted_at or alias.created_at),
        "deleted_at": moment_or_none(alias.deleted_at),
    }
