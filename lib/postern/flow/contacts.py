"""Making a contact: a reverse address for somebody who has not written yet. Those who wrote have one: flow/letter.py."""

from __future__ import annotations

from postern.base.errors import Conflict
from postern.mail.address import parse_address
from postern.store import contacts, domains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.contacts import Contact


def make(context: Context, alias: Alias, typed: str, name: str = "") -> Contact:
    """The contact of that address, made when it is new; a name given is kept. BadInput, Conflict."""
    address = parse_address(typed)
    with context.pool.connection() as db, db.transaction(alias.user_id):
        if domains.find(db, address.domain) is not None:
            raise Conflict("This address is on a domain of this server.", "Write to it from your mailbox.")
        return contacts.ensure(db, context.ring, alias.id, str(address), name)
