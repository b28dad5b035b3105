"""A migrated database and two tenants with a row in every table, for tests of the SQL itself."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pg8000.native import Connection

from postern.base.connect import connect
from postern.base.database import SYSTEM, Database
from postern.base.keyring import KeyRing, new_key, parse_keys
from postern.base.settings import Config
from postern.ops import migrate
from postern.store import (
    aliases,
    api_keys,
    blocked_senders,
    contacts,
    deliveries,
    domain_mailboxes,
    domains,
    events,
    imports,
    mailboxes,
    messages,
    preferences,
    sessions,
    sign_in_codes,
    sign_in_links,
    thread_ids,
    users,
)
from postern.store.aliases import Alias
from postern.store.api_keys import New
from postern.store.contacts import Contact
from postern.store.deliveries import Claimed, Said
from postern.store.mailboxes import Mailbox
from postern.store.preferences import Preferences
from postern.store.sign_in_codes import Asked, Owner
from support.postgres import OWNER
from support.postgres import Database as Place

SCHEMA = "postern"
RING = KeyRing(parse_keys(new_key()), os.urandom(32))
SAID = Said(451, "rcpt", "4.2.1 <jane@real.example> come back later")


def settings(place: Place) -> Config:
    """As .env would give them."""
    return Config(db_host=place.host, db_port=place.port, db_name=place.name, db_user=place.user)


def migrated(place: Place) -> None:
    """Bring it up to the program's schema."""
    with contextlib.closing(connect(settings(place))) as db:
        migrate.up(db, SCHEMA, migrate.read_files())


def enable_pgcrypto(superuser: Connection) -> None:
    """As a host does it; only a superuser may before PostgreSQL 13."""
    with contextlib.closing(superuser):
        superuser.run(f"CREATE SCHEMA {SCHEMA} AUTHORIZATION {OWNER}")
        superuser.run(f"CREATE EXTENSION IF NOT EXISTS pgcrypto SCHEMA {SCHEMA}")


@dataclass
class Store:
    """Connections to one migrated database; closed with it."""

    place: Place
    _open: list[Database] = field(default_factory=list)
    _superuser: Connection | None = None

    def connect(self) -> Database:
        """As the program."""
        db = connect(settings(self.place))
        self._open.append(db)
        return db

    def close(self) -> None:
        for db in self._open:
            db.close()
        if self._superuser is not None:
            self._superuser.close()

    def look(self, sql: str, **params: object) -> list[list[object]]:
        """As a superuser, whom row level security does not hold."""
        if self._superuser is None:
            self._superuser = self.place.connect_superuser()
            self._superuser.run(f"SET search_path TO {SCHEMA}")
        found: list[list[object]] = self._superuser.run(sql, **params)
        return found

    def tables(self) -> list[str]:
        """Every table of ours."""
        found = self.look(f"SELECT tablename FROM pg_tables WHERE schemaname = '{SCHEMA}' ORDER BY 1")
        return [str(row[0]) for row in found]

    def empty(self) -> None:
        """Delete every row of ours."""
        self.look("; ".join(f"DELETE FROM {name}" for name in self.tables() if name != "migrations"))


def spread_ids(store: Store) -> None:
    """Let ids of different tables differ: a mix-up of two must not go unseen."""
    identities = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'postern' AND is_identity = 'YES'"
    for number, row in enumerate(store.look(f"{identities} ORDER BY 1"), 1):
        store.look(f"ALTER TABLE {row[0]} ALTER COLUMN id RESTART WITH {number * 1000}")


class TakenBack(Exception):
    """Ends a transaction that shall leave nothing."""


@contextlib.contextmanager
def taken_back(db: Database, user_id: int) -> Iterator[None]:
    """A transaction that is rolled back at its end."""
    with contextlib.suppress(TakenBack), db.transaction(user_id):
        yield
        raise TakenBack


def become(db: Database, user_id: int) -> None:
    """Go on as another user in the transaction that is open."""
    db.run(f"SET LOCAL postern.user_id TO '{user_id}'")


@dataclass(frozen=True)
class Tenant:
    """A user and what is his: one row at least in every table of tenants."""

    id: int
    handle: str
    domain_id: int
    domain: str
    mailbox: Mailbox
    alias: Alias
    contact: Contact
    message_id: int
    message_uid: uuid.UUID
    delivery_id: int
    session_id: int


def add_message(
    db: Database, user_id: int, alias_id: int, mailbox_ids: list[int], chunks: list[bytes]
) -> tuple[int, uuid.UUID]:
    """A message with these chunks, queued to these mailboxes, in the transaction that is open."""
    uid = uuid.uuid4()
    message_id = messages.add(
        db,
        RING,
        uid=uid,
        user_id=user_id,
        alias_id=alias_id,
        received_at=1_700_000_000.25,
        source="test",
        size=sum(map(len, chunks)),
        mail_from="bob@shop.example",
        stream_header=b"\x02" + bytes(24),
        chunk_count=len(chunks),
    )
    messages.add_chunks(db, message_id, chunks)
    deliveries.add(db, user_id, message_id, mailbox_ids)
    return message_id, uid


def add_tenant(db: Database, handle: str) -> Tenant:
    """A user with a domain, a mailbox, an alias, a contact, a message, a delivery, an event, a sign-in link and a session."""
    with db.transaction(SYSTEM):
        user = users.add(db, handle)
        domain = domains.add(db, f"{handle}.example", user.id)
        mailbox = mailboxes.add(db, RING, user.id, f"{handle}@real.example", verified=True)
        alias = aliases.add(db, user.id, domain.id, "shop")
        aliases.forward_to(db, alias, mailbox.id)
        contact = contacts.ensure(db, RING, alias.id, f"friend.of.{handle}@shop.example")
        message_id, uid = add_message(db, user.id, alias.id, [mailbox.id], [b"sealed " + handle.encode()])
        delivery_id = int(db.value("SELECT max(id) FROM deliveries"))
        events.add(
            db, RING, user.id, "received", alias_id=alias.id, message_id=message_id, note={"from": "bob"}
        )
        sign_in_links.make(db, RING, user.id, f"link of {handle}", 24)
        sessions.add(db, RING, user.id, f"session of {handle}", "Firefox on Linux")
        session_id = int(db.value("SELECT max(id) FROM sessions"))
    return Tenant(
        user.id,
        handle,
        domain.id,
        domain.name,
        mailbox,
        alias,
        contact,
        message_id,
        uid,
        delivery_id,
        session_id,
    )


def furnish(db: Database, tenant: Tenant) -> None:
    """A row in each tenant table that add_tenant leaves empty, in the transaction that is open."""
    handle, user_id, alias_id, mailbox_id = tenant.handle, tenant.id, tenant.alias.id, tenant.mailbox.id
    preferences.save(db, user_id, Preferences())
    thread_ids.ensure(db, RING, alias_id, f"{handle}.example", f"<1@{handle}.example>".encode())
    day = "INSERT INTO alias_days (alias_id, user_id, day) VALUES (:alias_id, :user_id, '2999-01-31')"
    db.run(day, alias_id=alias_id, user_id=user_id)
    db.run("INSERT INTO user_days (user_id, day) VALUES (:user_id, '2999-01-31')", user_id=user_id)
    asked = Asked(
        mailboxes.index(RING, f"{handle}@real.example"), b"client", b"browser of " + handle.encode()
    )
    sign_in_codes.ask(db, RING, asked, "Firefox on Linux")
    wish = sign_in_codes.next_wish(db)
    assert wish is not None
    owner = Owner(user_id, handle, mailbox_id, False)
    sign_in_codes.posted(db, RING, wish, owner, f"mailed to {handle}", "CODE")
    passkey = uuid.uuid4()
    db.run(
        "INSERT INTO passkeys (uid, user_id, credential_id, public_key, name_sealed)"
        " VALUES (:uid, :user_id, :credential, '', :name)",
        uid=passkey,
        name=RING.seal(b"Laptop", f"passkeys.name:{passkey}"),
        user_id=user_id,
        credential=handle.encode(),
    )
    db.run(
        "INSERT INTO passkey_challenges (challenge_index, user_id, expires_at) VALUES (:index, :user_id, 'infinity')",
        index=handle.encode(),
        user_id=user_id,
    )
    db.run(
        "INSERT INTO recovery_codes (user_id, code_index) VALUES (:user_id, :index)",
        index=RING.index("recovery code", f"CODE OF {handle}".encode()),
        user_id=user_id,
    )
    blocked_senders.add(db, RING, user_id, "email", f"foe.of.{handle}@shop.example")
    domain_mailboxes.choose(db, user_id, tenant.domain_id, mailbox_id)
    imports.keep(db, RING, user_id, b"alias\na@b.example\n")
    for kind in api_keys.KINDS:
        api_keys.add(
            db, RING, user_id, New(f"{kind} of {handle}", "x", "Scripts", api_keys.ALL, 365, kind), 2
        )


@contextlib.contextmanager
def opened(place: Place) -> Iterator[Store]:
    store = Store(place)
    with contextlib.closing(store):
        yield store


def claim(db: Database, many: int = 100, lease_seconds: int = 900) -> list[Claimed]:
    with db.transaction(SYSTEM):
        return deliveries.claim(db, many, lease_seconds)


def do(db: Database, move: Callable[..., Any], *args: object) -> Any:
    """One move in a transaction of its own."""
    with db.transaction(SYSTEM):
        return move(db, *args)


def row(db: Database, delivery_id: int) -> dict[str, Any]:
    """The delivery; `due_in` is in seconds."""
    names = "state, lease, attempts, said_code, said_stage, said_sealed, finished_at, bounced_at, created_at, user_id"
    with db.transaction(SYSTEM):
        found = db.run(
            f"SELECT {names}, CAST(extract(epoch FROM due_at - now()) AS float8) FROM deliveries WHERE id = :id",
            id=delivery_id,
        )
    return dict(zip([*names.split(", "), "due_in"], found[0]))


def set_row(db: Database, delivery_id: int, assignment: str) -> None:
    with db.transaction(SYSTEM):
        db.run(f"UPDATE deliveries SET {assignment} WHERE id = {delivery_id}")


def more(db: Database, jane: Tenant, many: int) -> list[int]:
    """More messages to her mailbox; ids of their deliveries."""
    with db.transaction(SYSTEM):
        before = int(db.value("SELECT max(id) FROM deliveries"))
        for _ in range(many):
            add_message(db, jane.id, jane.alias.id, [jane.mailbox.id], [b"x"])
        return [found[0] for found in db.run(f"SELECT id FROM deliveries WHERE id > {before} ORDER BY id")]
