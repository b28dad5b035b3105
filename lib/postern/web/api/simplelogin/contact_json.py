"""Contacts as SimpleLogin's clients read them."""

from __future__ import annotations

from postern.web.api.simplelogin import times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.keyring import KeyRing
    from postern.store.contacts import Contact


def person(ring: KeyRing, contact: Contact, domain: str) -> dict[str, object]:
    """The contact of an activity; `domain` is that of its alias."""
    return {
        "email": contact.address(ring),
        "name": contact.name(ring) or None,
        "reverse_alias": reverse_alias(ring, contact, domain),
    }


def shape(ring: KeyRing, contact: Contact, domain: str, existed: bool) -> dict[str, object]:
    """The contact itself. When mail last went to it is not kept: where some did, when it was last seen stands for it."""
    sent_at = contact.seen_at if contact.sent else None
    return {
        "id": contact.id,
        "creation_date": times.date(contact.created_at),
        "creation_timestamp": times.seconds(contact.created_at),
        "last_email_sent_date": times.date(sent_at) if sent_at else None,
        "last_email_sent_timestamp": times.seconds(sent_at) if sent_at else None,
        "contact": contact.address(ring),
        "reverse_alias": reverse_alias(ring, contact, domain),
        "reverse_alias_address": f"{contact.reverse_local}@{domain}",
        "existed": existed,
        "block_forward": contact.blocked_at is not None,
    }


def reverse_alias(ring: KeyRing, contact: Contact, domain: str) -> str:
    """`"Bob | bob at shop.test" <re-…@alias.example>`: to be pasted into To of a mail program (RFC 5322 3.4)."""
    address = contact.address(ring).replace("@", " at ")
    words = " | ".join(part for part in (contact.name(ring), address) if part)
    quoted = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{contact.reverse_local}@{domain}>'
