"""Contacts: who wrote to an alias, or was written to from it, and the reverse address that stands for each."""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import dataclass, replace

from postern.mail.address import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postern.base.database import Database
    from postern.base.keyring import KeyRing


@dataclass(frozen=True)
class Contact:
    """A row of `contacts`, its address and name still sealed."""

    id: int
    uid: uuid.UUID
    user_id: int
    alias_id: int
    address_sealed: bytes
    name_sealed: bytes | None
    reverse_local: str
    created_at: datetime
    blocked_at: datetime | None
    seen_at: datetime | None
    received: int
    sent: int

    def address(self, ring: KeyRing) -> str:
        """Who it is."""
        return ring.open(self.address_sealed, f"contacts.address:{self.uid}").decode()

    def name(self, ring: KeyRing) -> str:
        """The name that it last wrote under; maybe empty."""
        return ring.open(self.name_sealed, f"contacts.name:{self.uid}").decode() if self.name_sealed else ""


@dataclass(frozen=True)
class Wanted:
    """A contact that is to be there. The name may be empty."""

    alias_id: int
    address: str
    name: str = ""


def new_reverse_local() -> str:
    """`re-` and 80 random bits in 16 letters: short enough for every server, and nothing to guess."""
    return "re-" + base64.b32encode(os.urandom(10)).decode().lower()


def _index(ring: KeyRing, address: str) -> bytes:
    return ring.index("contact", normalise(address).encode())


_FIND = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE alias_id = :alias_id AND address_index = :index
"""

_ADD = """
INSERT INTO contacts (uid, user_id, alias_id, domain_id, address_sealed, address_index, reverse_local)
SELECT :uid, a.user_id, a.id, a.domain_id, :sealed, :index, :reverse_local FROM aliases a WHERE a.id = :alias_id
ON CONFLICT ON CONSTRAINT contact_once_per_alias DO NOTHING
"""


_RENAME = "UPDATE contacts SET name_sealed = :name WHERE id = :id"


def ensure(db: Database, ring: KeyRing, alias_id: int, address: str, name: str = "") -> Contact:
    """The contact of this alias with that address; made when it is new, however many ask at once. A name is kept."""
    contact = with_address(db, ring, alias_id, address)
    if contact is None:
        uid = uuid.uuid4()
        sealed = ring.seal(address.encode(), f"contacts.address:{uid}")
        reverse_local, index = new_reverse_local(), _index(ring, address)
        db.run(_ADD, uid=uid, alias_id=alias_id, sealed=sealed, index=index, reverse_local=reverse_local)
        contact = with_address(db, ring, alias_id, address)
    assert contact is not None
    return _named(db, ring, contact, name)


def _named(db: Database, ring: KeyRing, contact: Contact, name: str) -> Contact:
    if not name or name == contact.name(ring):
        return contact
    named = ring.seal(name.encode(), f"contacts.name:{contact.uid}")
    db.run(_RENAME, id=contact.id, name=named)
    return replace(contact, name_sealed=named)


_FIND_ALL = """
SELECT c.id, c.uid, c.user_id, c.alias_id, c.address_sealed, c.name_sealed, c.reverse_local,
       c.created_at, c.blocked_at, c.seen_at, c.received, c.sent, c.address_index
FROM unnest(CAST(:alias_ids AS bigint[]), CAST(:indexes AS bytea[])) AS w (alias_id, address_index)
     JOIN contacts c ON c.alias_id = w.alias_id AND c.address_index = w.address_index
"""


@dataclass(frozen=True)
class _Indexed(Contact):
    address_index: bytes


def ensure_all(db: Database, ring: KeyRing, wanted: Sequence[Wanted]) -> list[Contact]:
    """As ensure(), for each of these in turn; those that are there already cost one statement together."""
    if not wanted:
        return []
    keys = [(one.alias_id, _index(ring, one.address)) for one in wanted]
    alias_ids, indexes = [key[0] for key in keys], [key[1] for key in keys]
    rows = db.rows(_Indexed, _FIND_ALL, alias_ids=alias_ids, indexes=indexes)
    found: dict[tuple[int, bytes], Contact] = {(row.alias_id, row.address_index): row for row in rows}
    for key, one in zip(keys, wanted):
        known = found.get(key)
        found[key] = (
            ensure(db, ring, one.alias_id, one.address, one.name)
            if known is None
            else _named(db, ring, known, one.name)
        )
    return [found[key] for key in keys]


def with_address(db: Database, ring: KeyRing, alias_id: int, address: str) -> Contact | None:
    """The contact of this alias with that address, where there is one."""
    return db.row(Contact, _FIND, alias_id=alias_id, index=_index(ring, address))


_GET = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE uid = :uid
"""


def find(db: Database, uid: uuid.UUID) -> Contact | None:
    """The contact of that uid, among those this tenant may see."""
    return db.row(Contact, _GET, uid=uid)


_BY_ID = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE id = :id
"""


def by_id(db: Database, contact_id: int) -> Contact | None:
    """The contact of that id, among those this tenant may see."""
    return db.row(Contact, _BY_ID, id=contact_id)


_OF_ALIAS = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE alias_id = :alias_id ORDER BY seen_at DESC NULLS LAST, id DESC LIMIT :many
"""


def of_alias(db: Database, alias_id: int, many: int) -> list[Contact]:
    """The contacts of an alias, those last heard of first."""
    return db.rows(Contact, _OF_ALIAS, alias_id=alias_id, many=many)


_PAGE = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE alias_id = :alias_id ORDER BY id DESC LIMIT :many OFFSET :skip
"""


def page(db: Database, alias_id: int, many: int, skip: int) -> list[Contact]:
    """A page of the contacts of an alias, newest first."""
    return db.rows(Contact, _PAGE, alias_id=alias_id, many=many, skip=skip)


_AMONG = """
SELECT id, uid, user_id, alias_id, address_sealed, name_sealed, reverse_local, created_at, blocked_at, seen_at, received, sent
FROM contacts WHERE id = ANY(CAST(:ids AS bigint[]))
"""


def among(db: Database, ids: Sequence[int]) -> dict[int, Contact]:
    """Those of these contacts that are still there, by id."""
    return {one.id: one for one in db.rows(Contact, _AMONG, ids=list(ids))} if ids else {}


_BLOCK = """
UPDATE contacts SET blocked_at = CASE WHEN :blocked THEN now() END WHERE id = :id AND (blocked_at IS NOT NULL) <> :blocked
"""


def block(db: Database, contact_id: int, blocked: bool) -> bool:
    """Refuse its mail to the alias, or take it again. False when it was so already."""
    return db.count(_BLOCK, id=contact_id, blocked=blocked) == 1


_FORGET = "DELETE FROM contacts WHERE id = :id"


def forget(db: Database, contact_id: int) -> bool:
    """Delete it with what was queued to it. Its reverse address leads nowhere then. False when it is gone already."""
    return db.count(_FORGET, id=contact_id) == 1


_BY_REVERSE = """
SELECT c.id, c.uid, c.user_id, c.alias_id, c.address_sealed, c.name_sealed, c.reverse_local,
       c.created_at, c.blocked_at, c.seen_at, c.received, c.sent
FROM contacts c JOIN domains d ON d.id = c.domain_id
WHERE d.name = :domain AND c.reverse_local = :local
"""


def by_reverse(db: Database, local: str, domain: str) -> Contact | None:
    """The contact that a reverse address stands for, whoever owns the alias."""
    return db.row(Contact, _BY_REVERSE, local=local, domain=domain)
