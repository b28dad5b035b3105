"""Everything that a user has here, for the user: one JSON document, and the aliases as tables that other services take.

The document's keys are told in docs/your-data.md. It holds no secret, no token, and nothing of another user.
"""

from __future__ import annotations

from postern.base import clock
from postern.store import (
    alias_list,
    aliases,
    api_keys,
    blocked_senders,
    contacts,
    domain_mailboxes,
    domains,
    events,
    mailboxes,
    passkeys,
    preferences,
    quotas,
    sessions,
    users,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.store.aliases import Alias

FORMAT = "postern-export"
VERSION = 1
MANY = 1_000_000
"""More of anything than a user may have."""

TABLES = ("simplelogin", "addy")
"""Whose import takes the table."""

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def document(context: Context, user_id: int) -> dict[str, object]:
    """The whole of it, as plain values for JSON."""
    from datetime import datetime, timezone

    ring = context.ring
    with context.pool.connection() as db, db.transaction(user_id):
        user = users.get(db, user_id)
        assert user is not None
        chosen = preferences.of_user(db, user_id)
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_at": _time(datetime.fromtimestamp(clock.now(), timezone.utc)),
            "user": {"handle": user.handle, "since": _time(user.created_at)},
            "preferences": dict(vars(chosen)),
            "quotas": {"used": dict(vars(quotas.used(db, user_id)))},
            "mailboxes": _mailboxes(db, ring, user_id),
            "domains": _domains(db, ring, user_id),
            "blocked_senders": [
                {
                    "kind": one.kind,
                    "value": one.value(ring),
                    "since": _time(one.created_at),
                    "refused": one.blocked,
                }
                for one in blocked_senders.of_user(db, user_id)
            ],
            "aliases": _aliases(db, ring, user_id),
            "events": _events(db, ring, user_id),
            "api_keys": _api_keys(db, ring, user_id),
            "sessions": [
                {"browser": one.agent(ring), "since": _time(one.created_at), "last_used": _time(one.seen_at)}
                for one in sessions.of_user(db, user_id)
            ],
            "passkeys": [
                {"name": one.name(ring), "since": _time(one.created_at), "last_used": _time(one.used_at)}
                for one in passkeys.of_user(db, user_id)
            ],
        }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _mailboxes(db: Database, ring: KeyRing, user_id: int) -> list[dict[str, object]]:
    return [
        {
            "address": one.address(ring),
            "since": _time(one.created_at),
            "verified": _time(one.verified_at),
            "default": one.is_default,
            "paused": _time(one.paused_at),
        }
        for one in mailboxes.of_user(db, user_id)
    ]


def _domains(db: Database, ring: KeyRing, user_id: int) -> list[dict[str, object]]:
    addresses = {one.id: one.address(ring) for one in mailboxes.of_user(db, user_id)}
    chosen = domain_mailboxes.of_user(db, user_id)
    return [
        {
            "name": one.name,
            "since": _time(one.created_at),
            "verified": _time(one.verified_at),
            "on_the_fly": one.on_the_fly,
            "on_the_fly_per_day": one.fly_per_day,
            "on": one.enabled,
            "note": one.note,
            "forwards_new_aliases_to": addresses.get(chosen.get(one.id, 0)),
        }
        for one in domains.of_user(db, user_id)
    ]


def _api_keys(db: Database, ring: KeyRing, user_id: int) -> list[dict[str, object]]:
    return [
        {
            "name": one.name(ring),
            "scope": one.scope,
            "since": _time(one.created_at),
            "last_used": _time(one.used_at),
            "expires": _time(one.expires_at),
        }
        for one in api_keys.of_user(db, user_id)
    ]


def _aliases(db: Database, ring: KeyRing, user_id: int) -> list[dict[str, object]]:
    own = aliases.of_user(db, user_id)
    addresses = {one.id: one.address(ring) for one in mailboxes.of_user(db, user_id)}
    links = alias_list.mailboxes_of(db, [one.id for one in own])
    return [
        {
            "address": one.address,
            "since": _time(one.created_at),
            "origin": one.origin,
            "enabled": one.enabled,
            "pinned": one.pinned,
            "deleted": _time(one.deleted_at),
            "last_used": _time(one.seen_at),
            "note": one.note,
            "name": one.name(ring),
            "forwarded": one.forwarded,
            "blocked": one.blocked,
            "replied": one.replied,
            "mailboxes": [addresses[mailbox_id] for mailbox_id in links[one.id]],
            "contacts": _contacts(db, ring, one),
        }
        for one in own
    ]


def _contacts(db: Database, ring: KeyRing, alias: Alias) -> list[dict[str, object]]:
    return [
        {
            "address": one.address(ring),
            "name": one.name(ring),
            "reverse_address": f"{one.reverse_local}@{alias.domain}",
            "blocked": _time(one.blocked_at),
            "last_seen": _time(one.seen_at),
            "received": one.received,
            "sent": one.sent,
        }
        for one in contacts.of_alias(db, alias.id, MANY)
    ]


def _events(db: Database, ring: KeyRing, user_id: int) -> list[dict[str, object]]:
    known = {one.id: one.address for one in aliases.of_user(db, user_id)}
    return [
        {"at": _time(one.at), "kind": one.kind, "alias": known.get(one.alias_id or 0), "note": one.note(ring)}
        for one in events.of_user(db, user_id, MANY)
    ]


def table(context: Context, user_id: int, service: str) -> str:
    """The aliases that are not deleted as CSV (RFC 4180), with the columns that the import of `service` (TABLES) reads."""
    assert service in TABLES
    with context.pool.connection() as db, db.transaction(user_id):
        own = [one for one in aliases.of_user(db, user_id) if one.deleted_at is None]
        addresses = {one.id: one.address(context.ring) for one in mailboxes.of_user(db, user_id)}
        links = alias_list.mailboxes_of(db, [one.id for one in own])
    rows = ((one, [addresses[mailbox_id] for mailbox_id in links[one.id]]) for one in own)
    if service == "simplelogin":
        return _csv(
            ("alias", "note", "enabled", "mailboxes"),
            ((one.address, _safe(one.note), str(one.enabled), " ".join(where)) for one, where in rows),
        )
    return _csv(
        ("alias", "description", "recipients"),
        ((one.address, _safe(one.note), ",".join(where)) for one, where in rows),
    )


def _csv(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue()


def _safe(note: str) -> str:
    """A note that a spreadsheet would run as a formula is shown as text."""
    return "'" + note if note.startswith(_RISKY) else note
