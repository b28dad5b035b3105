"""What happened between an alias and a contact, without mail: rows as flow/ writes them."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.store import contacts, events
from postern.store.aliases import Alias
from support.people import Site


def happen(site: Site, alias: Alias, address: str, *kinds: str, name: str = "") -> int:
    """Let these things happen between the alias and a contact; returns the contact's id."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        contact = contacts.ensure(db, site.context.ring, alias.id, address, name)
        for kind in kinds:
            events.add(db, site.context.ring, alias.user_id, kind, alias_id=alias.id, contact_id=contact.id)
    return contact.id
