"""Contacts: who wrote to an alias, and the reverse address that stands for each."""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass

from postern.mail.address import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Contact:
    """A row of `contacts`, its address still sealed."""

    id: int
    uid: uuid.UUID
    user_id: int
    alias_id: int
    address_sealed: bytes
    reverse_local: str

    def address(self, ring: KeyRing) -> str:
        """Who it is."""
        return ring.open(self.address_sealed, f"contacts.address:{self.uid}").decode()


def new_reverse_local() -> str:
    """`re-` and 80 random bits in 16 letters: short enough for every server, and nothing to guess."""
    return "re-" + base64.b32encode(os.urandom(10)).decode().lower()


def _index(ring: KeyRing, address: str) -> bytes:
    return ring.index("contact", normalise(address).encode())


_FIND = """
SELECT id, uid, user_id, alias_id, address_sealed, reverse_local
FROM contacts WHERE alias_id = :alias_id AND address_index = :index
"""

_ADD = """
INSERT INTO contacts (uid, user_id, alias_id, domain_id, address_sealed, address_index, reverse_local)
SELECT :uid, a.user_id, a.id, a.domain_id, :sealed, :index, :reverse_local FROM aliases a WHERE a.id = :alias_id
ON CONFLICT ON CONSTRAINT contact_once_per_alias DO NOTHING
"""


def ensure(db: Database, ring: KeyRing, alias_id: int, address: str) -> Contact:
    """The contact of this alias with that address; made when it is new, however many ask at once."""
    index = _index(ring, address)
    contact = db.row(Contact, _FIND, alias_id=alias_id, index=index)
    if contact is None:
        uid = uuid.uuid4()
        sealed = ring.seal(address.encode(), f"contacts.address:{uid}")
        reverse_local = new_reverse_local()
        db.run(_ADD, uid=uid, alias_id=alias_id, sealed=sealed, index=index, reverse_local=reverse_local)
        contact = db.row(Contact, _FIND, alias_id=alias_id, index=index)
    assert contact is not None
    return contact


_BY_REVERSE = """
SELECT c.id, c.uid, c.user_id, c.alias_id, c.address_sealed, c.reverse_local
FROM contacts c JOIN domains d ON d.id = c.domain_id
WHERE d.name = :domain AND c.reverse_local = :local
"""


def by_reverse(db: Database, local: str, domain: str) -> Contact | None:
    """The contact that a reverse address stands for."""
    return db.row(Contact, _BY_REVERSE, local=local, domain=domain)
