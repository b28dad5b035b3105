"""Contacts as rows on the page of their alias, and the reverse address that was just asked for."""

from __future__ import annotations

from postern.web import render, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.keyring import KeyRing
    from postern.store.aliases import Alias
    from postern.store.contacts import Contact
    from postern.web.render import Safe


def rows(ring: KeyRing, csrf: str, alias: Alias, known: Sequence[Contact]) -> Safe:
    """The list on the page of the alias."""
    if not known:
        return render.render("contact_none")
    return render.render("contact_list", rows=render.join(_row(ring, csrf, alias, one) for one in known))


def _row(ring: KeyRing, csrf: str, alias: Alias, contact: Contact) -> Safe:
    address, name = contact.address(ring), contact.name(ring)
    blocked = contact.blocked_at is not None
    return render.render(
        "contact_row",
        csrf=csrf,
        uid=str(contact.uid),
        address=render.address(address),
        plain=address,
        name=render.render("contact_name", name=name) if name else render.EMPTY,
        received=f"{contact.received:,}",
        sent=f"{contact.sent:,}",
        seen=render.render("contact_seen", day=times.day(contact.seen_at))
        if contact.seen_at
        else "nothing yet",
        reverse=f"{contact.reverse_local}@{alias.domain}",
        badge=render.render("contact_blocked") if blocked else render.EMPTY,
        act="unblock" if blocked else "block",
        words="Unblock" if blocked else "Block",
    )


def made(ring: KeyRing, alias: Alias, contact: Contact | None) -> Safe:
    """The reverse address that was just asked for."""
    if contact is None or contact.alias_id != alias.id:
        return render.EMPTY
    return render.render(
        "contact_made",
        reverse=f"{contact.reverse_local}@{alias.domain}",
        address=contact.address(ring),
        alias=alias.address,
    )
