"""A user's own domains as addy.io's clients read them; his subdomains of shared domains are usernames there."""

from __future__ import annotations

from postern.store import domain_mailboxes, domains, mailboxes, users
from postern.web.api.addy import recipient_json
from postern.web.api.addy.times import moment, moment_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.store.domains import Domain


def shapes(db: Database, ring: KeyRing, user_id: int, found: Sequence[Domain]) -> list[dict[str, object]]:
    """All of them, as they come: four statements however many they are."""
    user = users.get(db, user_id)
    assert user is not None
    boxes = {
        one.id: recipient_json.shape(ring, one, user.uid, None) for one in mailboxes.of_user(db, user_id)
    }
    chosen = domain_mailboxes.of_user(db, user_id)
    many = domains.aliases_by_domain(db, user_id)
    return [
        {
            "id": str(one.uid),
            "user_id": str(user.uid),
            **_name(one),
            "description": one.note or None,
            "from_name": None,
            "aliases": [],
            "aliases_count": many.get(one.id, 0),
            "default_recipient": boxes.get(chosen.get(one.id, 0)),
            "active": one.enabled,
            "catch_all": one.on_the_fly,
            "auto_create_regex": None,
            **_rest(one),
            "created_at": moment(one.created_at),
            "updated_at": moment(one.verified_at or one.created_at),
        }
        for one in found
    ]


def _name(domain: Domain) -> dict[str, object]:
    """A username is the part of a subdomain that its user chose."""
    if domain.parent_id is not None:
        return {"username": domain.name.partition(".")[0]}
    return {"domain": domain.name}


def _rest(domain: Domain) -> dict[str, object]:
    """Nobody signs in with a subdomain. Whether a domain's mail is led here is not looked at: clients would warn of each."""
    if domain.parent_id is not None:
        return {"can_login": False}
    shown = moment_or_none(domain.verified_at)
    return {
        "domain_verified_at": shown,
        "domain_mx_validated_at": shown,
        "domain_sending_verified_at": shown,
    }
