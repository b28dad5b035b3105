"""The wall between users stands in the database: row level security, forced, on every table of tenants.

Covered: as one user, SELECT, UPDATE and DELETE without a WHERE meet that user's rows only; no row can be written in
another's name or tied to another's row; without a user there are no rows; and every function of store/, called as one
user with the ids of another, tells nothing and changes nothing. The table of functions is held against the modules: a new
function must say what it does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import importlib
import inspect
import pkgutil
import uuid
from collections.abc import Callable, Iterator

import pytest

import postern.store
from postern.base.database import SYSTEM, Database
from postern.base.errors import PosternError
from postern.base.settings import Config
from postern.base.spool import Holder
from postern.store import (
    activity,
    admin_acts,
    alias_list,
    alias_search,
    aliases,
    api_keys,
    blocked_senders,
    bounces,
    contacts,
    counts,
    deliveries,
    digests,
    domain_mailboxes,
    domains,
    events,
    held,
    holds,
    imports,
    invitations,
    mailbox_proofs,
    mailboxes,
    messages,
    outcomes,
    passkey_challenges,
    passkeys,
    preferences,
    queue,
    quotas,
    recovery_codes,
    retired,
    samples,
    sessions,
    sign_in_codes,
    sign_in_links,
    stats,
    targets,
    thread_ids,
    undelivered,
    user_list,
    users,
)
from postern.store.alias_list import Wanted
from postern.store.api_keys import New
from postern.store.bounces import Bounced
from postern.store.deliveries import Claimed, Said
from postern.store.digests import Due, Tally
from postern.store.preferences import Preferences
from postern.store.quotas import Limits, Used
from postern.store.sign_in_codes import Asked, Open, Wish
from postern.store.targets import Fly
from postern.webauthn.registration import Credential
from support.store import RING, Store, Tenant, add_tenant, become, furnish, taken_back

TENANT_TABLES = (
    *("alias_days", "alias_mailboxes", "aliases", "api_keys", "blocked_senders", "contacts", "deliveries"),
    *("domain_mailboxes", "domains", "events"),
    "mailboxes",
    *(
        "imports",
        "messages",
        "passkey_challenges",
        "passkeys",
        "preferences",
        "recovery_codes",
        "sessions",
        "sign_in_codes",
    ),
    *("sign_in_links", "thread_ids", "user_days", "users"),
)

NO_ID = {
    "alias_days",
    "alias_mailboxes",
    "domain_mailboxes",
    "imports",
    "passkey_challenges",
    "preferences",
    "thread_ids",
    "user_days",
}
"""Tenant tables whose key is made of other columns."""

PROGRAMS_OWN = ("admin_acts", "invitations")
"""Tables that no tenant sees a row of."""

SHARED_TABLES = {
    "message_chunks": "COPY refuses walled tables; a trigger guards them, and each opens under its message alone",
    "fingerprints": "keyed hashes of no user",
    "canaries": "the operator's",
    "figures": "counts of all users together",
    "findings": "the operator's",
    "webhook_ids": "of no user",
    "relays": "the operator's",
    "relay_usage": "the operator's",
    "job_leases": "the operator's",
    "jobs": "the operator's",
    "migrations": "the operator's",
    "retired_addresses": "keyed hashes of no user",
}
"""Tables without the wall, and why."""

every_tenant_table = pytest.mark.parametrize("table", TENANT_TABLES)


ROWS = (
    "SELECT 'message_chunks: ' || c::text FROM message_chunks c JOIN messages m ON m.id = message_id WHERE m.user_id = :id"
    + "".join(
        f" UNION ALL SELECT '{table}: ' || t::text FROM {table} t WHERE {'id' if table == 'users' else 'user_id'} = :id"
        for table in TENANT_TABLES
    )
    + " ORDER BY 1"
)
"""One statement, for it is asked five hundred times."""


@dataclasses.dataclass(frozen=True)
class World:
    """Jane asks; Kim's rows must stay unseen and as they are. What a test changes is taken back."""

    store: Store
    db: Database
    jane: Tenant
    kim: Tenant
    shared_domain_id: int

    def rows_of(self, user_id: int) -> list[str]:
        """Everything that belongs to a user, read in the transaction that is open, which goes on as SYSTEM."""
        become(self.db, SYSTEM)
        return [str(row[0]) for row in self.db.run(ROWS, id=user_id)]

    def as_they_are(self) -> list[list[str]]:
        """Both users' rows, in a transaction of its own."""
        with taken_back(self.db, SYSTEM):
            return [self.rows_of(self.jane.id), self.rows_of(self.kim.id)]
        raise AssertionError


@pytest.fixture(scope="module")
def built(module_store: Store) -> World:
    db = module_store.connect()
    jane, kim = add_tenant(db, "jane"), add_tenant(db, "kim")
    with db.transaction(SYSTEM):
        furnish(db, jane)
        furnish(db, kim)
        shared = domains.add(db, "shared.example", None)
        invitations.add(db, RING, "invitation", "kim", "user", "", 7)
        admin_acts.add(db, "kim", "set quota", "jane")
    return World(module_store, db, jane, kim, shared.id)


@pytest.fixture
def world(built: World) -> Iterator[World]:
    """Nothing may stay of a test."""
    before = built.as_they_are()
    yield built
    assert built.as_they_are() == before


def owned(world: World, table: str, user_id: int) -> int:
    """Rows of this user as a superuser counts them."""
    owner = "id" if table == "users" else "user_id"
    found = world.store.look(f"SELECT count(*) FROM {table} WHERE {owner} = :id", id=user_id)
    return int(str(found[0][0]))


# The tables.


def test_every_table_is_walled_or_says_why_not(module_store: Store):
    assert sorted([*TENANT_TABLES, *PROGRAMS_OWN, *SHARED_TABLES]) == module_store.tables()


@pytest.mark.parametrize("table", PROGRAMS_OWN)
def test_what_is_the_programs_own_no_user_sees(world: World, table: str):
    with world.db.transaction(SYSTEM):
        assert world.db.value(f"SELECT count(*) FROM {table}") == 1
    with world.db.transaction(world.jane.id):
        assert world.db.value(f"SELECT count(*) FROM {table}") == 0
        assert world.db.count(f"DELETE FROM {table}") == 0


def test_every_table_that_names_a_user_is_walled(module_store: Store):
    found = module_store.look(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'postern' AND column_name = 'user_id'"
    )
    assert {str(row[0]) for row in found} | {"users"} == set(TENANT_TABLES)


@every_tenant_table
def test_the_wall_is_up_and_holds_the_owner_too(module_store: Store, table: str):
    sql = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = CAST(:name AS regclass)"
    assert module_store.look(sql, name=f"postern.{table}") == [[True, True]]


def test_the_program_is_no_superuser_and_cannot_pass_the_wall(world: World):
    sql = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    with world.db.transaction(SYSTEM):
        assert world.db.value(sql) is False
        owners = world.db.run(
            "SELECT DISTINCT tableowner = current_user FROM pg_tables WHERE schemaname = 'postern'"
        )
    assert owners == [[True]]


# Statements without a WHERE.


@every_tenant_table
def test_a_user_sees_just_her_own_rows(world: World, table: str):
    own = owned(world, table, world.jane.id)
    shared = 1 if table == "domains" else 0
    assert own >= 1
    with world.db.transaction(world.jane.id):
        assert world.db.value(f"SELECT count(*) FROM {table}") == own + shared
    with world.db.transaction(SYSTEM):
        assert world.db.value(f"SELECT count(*) FROM {table}") == 2 * own + shared


@every_tenant_table
def test_a_user_changes_just_her_own_rows(world: World, table: str):
    column = "handle" if table == "users" else "user_id" if table in NO_ID else "id"
    before = world.as_they_are()
    with taken_back(world.db, world.jane.id):
        changed = world.db.count(f"UPDATE {table} SET {column} = {column}")
        assert changed == owned(world, table, world.jane.id)
        assert world.rows_of(world.kim.id) == before[1]


@every_tenant_table
def test_a_user_deletes_just_her_own_rows(world: World, table: str):
    before = world.as_they_are()
    with taken_back(world.db, world.jane.id):
        assert world.db.count(f"DELETE FROM {table}") == owned(world, table, world.jane.id)
        assert world.rows_of(world.kim.id) == before[1]
        assert len(world.rows_of(world.jane.id)) < len(before[0])
        assert world.db.value("SELECT count(*) FROM domains WHERE user_id IS NULL") == 1


STRAY = (
    "DELETE FROM message_chunks",
    "UPDATE message_chunks SET data = ''",
    "INSERT INTO message_chunks (message_id, seq, data) SELECT message_id, seq + 1, data FROM message_chunks",
)


@pytest.mark.parametrize("sql", STRAY, ids=lambda sql: sql.split()[0])
def test_no_stray_statement_of_a_user_reaches_sealed_mail(world: World, sql: str):
    """Of this table row level security keeps nothing (SHARED_TABLES): a trigger does, also without a WHERE."""
    with pytest.raises(PosternError), world.db.transaction(world.jane.id):
        world.db.run(sql)


def test_what_goes_by_a_cascade_takes_its_sealed_mail_along(world: World):
    with taken_back(world.db, world.jane.id):
        assert world.db.count("DELETE FROM messages") == 1
        become(world.db, SYSTEM)
        left = world.db.run("SELECT message_id FROM message_chunks")
        assert {int(str(row[0])) for row in left} == {world.kim.message_id}


@every_tenant_table
def test_the_programs_own_work_crosses_users(world: World, table: str):
    shared = 1 if table == "domains" else 0
    with taken_back(world.db, SYSTEM):
        assert world.db.count(f"DELETE FROM {table}") == 2 * owned(world, table, world.jane.id) + shared


@every_tenant_table
def test_no_row_can_be_handed_to_another_user(world: World, table: str):
    column = "id" if table == "users" else "user_id"
    with pytest.raises(PosternError) as caught, world.db.transaction(world.jane.id):
        world.db.run(f"UPDATE {table} SET {column} = :kim", kim=world.kim.id)
    assert "row-level security" in caught.value.reason


@every_tenant_table
@pytest.mark.parametrize("who", ["jane", "the program"])
def test_no_row_can_be_written_in_anothers_name(world: World, table: str, who: str):
    """A copy of his row, made fit to stand beside it. The program itself can write it, so nothing but the wall stops her."""
    columns = world.store.look(
        "SELECT column_name, quote_nullable(row_to_json(t)->>column_name) FROM information_schema.columns c, "
        f"(SELECT * FROM {table} WHERE {'id' if table == 'users' else 'user_id'} = :kim LIMIT 1) t "
        "WHERE c.table_schema = 'postern' AND c.table_name = :table",
        kim=world.kim.id,
        table=table,
    )
    row = {str(name): str(value) for name, value in columns}
    fresh = {
        "id": "999",
        "uid": "gen_random_uuid()",
        "handle": "'new'",
        "name": "'new.example'",
        "local": "'new'",
        "reverse_local": "'re-new'",
        "address_index": "'new'",
        "token_index": "'new'",
        "code_index": "'new'",
        "key_index": "'new'",
        "value_index": "'new'",
        "credential_id": "'new'",
        "challenge_index": "'new'",
        "original_index": "'new'",
        "ours": "'<new@x>'",
        "day": "'2000-01-01'",
        "is_default": "false",
    }
    row.update({name: value for name, value in fresh.items() if name in row})
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    if who == "jane":
        with pytest.raises(PosternError) as caught, world.db.transaction(world.jane.id):
            world.db.run(sql)
        assert "row-level security" in caught.value.reason
        return
    with taken_back(world.db, SYSTEM):
        for clash in (
            "alias_mailboxes",
            "deliveries",
            "domain_mailboxes",
            "imports",
            "preferences",
            "sign_in_links",
        ):
            world.db.run(f"DELETE FROM {clash}")
        world.db.run(sql)


def test_a_users_own_domain_cannot_be_made_everybodys(world: World):
    with pytest.raises(PosternError), world.db.transaction(world.jane.id):
        world.db.run("UPDATE domains SET user_id = NULL WHERE user_id IS NOT NULL")


# Without a user.


NOBODY = {
    "in a fresh session": "SELECT 1",
    "after a transaction of hers": None,
    "after a reset": "RESET ALL",
    "with an empty name": "SET postern.user_id TO ''",
    "with the number of no user": "SET postern.user_id TO '-1'",
    "with a number that begins with 0": "SET postern.user_id TO '00'",
}


@pytest.mark.parametrize("how", NOBODY)
def test_without_a_user_there_is_nothing(world: World, how: str):
    db = world.store.connect()
    sql = NOBODY[how]
    if sql is None:
        with db.transaction(world.jane.id):
            assert db.value("SELECT count(*) FROM users") == 1
    else:
        db.run(sql)
    for table in TENANT_TABLES:
        shared = 1 if table == "domains" and how.startswith("with the number") else 0
        shared += 1 if table == "domains" and how.startswith("with a number") else 0
        column = "user_id" if table in NO_ID else "id"
        assert db.run(f"SELECT count(*) FROM postern.{table}") == [[shared]]
        assert db.count(f"UPDATE postern.{table} SET {column} = {column}") == 0
        assert db.count(f"DELETE FROM postern.{table}") == 0
    with pytest.raises(PosternError):
        db.run("INSERT INTO postern.users (handle) VALUES ('mallory')")


def test_a_user_id_that_is_no_number_is_an_error_and_no_way_in(world: World):
    db = world.store.connect()
    db.run("SET postern.user_id TO 'x'")
    with pytest.raises(PosternError):
        db.run("SELECT * FROM postern.users")


# Rows that would tie one user's things to another's: foreign keys do not ask row level security.


TIES = {
    "her alias to his mailbox": (
        "INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id) VALUES (:jane_alias, :kim_mailbox, :jane)"
    ),
    "his alias to her mailbox": (
        "INSERT INTO alias_mailboxes (alias_id, mailbox_id, user_id) VALUES (:kim_alias, :jane_mailbox, :jane)"
    ),
    "his message to her mailbox": (
        "INSERT INTO deliveries (uid, user_id, message_id, mailbox_id) VALUES (:uid, :jane, :kim_message, :jane_mailbox)"
    ),
    "her message to his mailbox": (
        "INSERT INTO deliveries (uid, user_id, message_id, mailbox_id) VALUES (:uid, :jane, :jane_message, :kim_mailbox)"
    ),
    "a message to his alias": (
        "INSERT INTO messages (uid, user_id, alias_id, source, size, mail_from_sealed, stream_header, chunk_count)"
        " VALUES (:uid, :jane, :kim_alias, 'test', 1, '', '', 0)"
    ),
    "a contact to his alias": (
        "INSERT INTO contacts (uid, user_id, alias_id, domain_id, address_sealed, address_index, reverse_local)"
        " VALUES (:uid, :jane, :kim_alias, :jane_domain, '', '', 're-x')"
    ),
    "her domain's mail to his mailbox": "UPDATE domain_mailboxes SET mailbox_id = :kim_mailbox",
    "her contact to his alias": "UPDATE contacts SET alias_id = :kim_alias",
    "her message, moved to his alias": "UPDATE messages SET alias_id = :kim_alias",
    "her delivery, moved to his message": "UPDATE deliveries SET message_id = :kim_message",
}


@pytest.mark.parametrize("tie", TIES)
@pytest.mark.parametrize("who", ["jane", "the program"])
def test_what_belongs_to_two_users_cannot_be_tied_together(world: World, tie: str, who: str):
    jane, kim = world.jane, world.kim
    params = {
        "uid": uuid.uuid4(),
        "jane": jane.id,
        "jane_alias": jane.alias.id,
        "jane_mailbox": jane.mailbox.id,
        "jane_message": jane.message_id,
        "jane_domain": jane.domain_id,
        "kim_alias": kim.alias.id,
        "kim_mailbox": kim.mailbox.id,
        "kim_message": kim.message_id,
    }
    sql = TIES[tie] + (" WHERE user_id = :jane" if TIES[tie].startswith("UPDATE") else "")
    with pytest.raises(PosternError) as caught, world.db.transaction(jane.id if who == "jane" else SYSTEM):
        world.db.run(sql, **{name: value for name, value in params.items() if f":{name}" in sql})
    assert "of_same_user" in caught.value.reason


# Every function of store/, as Jane, with what is Kim's.


def his_claim(world: World) -> Claimed:
    """A lease on his delivery, in the transaction that is open."""
    become(world.db, SYSTEM)
    return next(one for one in deliveries.claim(world.db, 10, 900) if one.user_id == world.kim.id)


def chunks_of_his(world: World) -> int:
    with contextlib.closing(Holder("/tmp")) as holder:
        messages.read_chunks(world.db, world.kim.message_id, holder)
        return holder.count


def note_of_his(world: World) -> object:
    return events.add(world.db, RING, world.kim.id, "sent", message_id=world.kim.message_id)


def message_for_him(world: World) -> object:
    place = {"uid": uuid.uuid4(), "user_id": world.kim.id, "alias_id": world.kim.alias.id, "received_at": 1.0}
    rest = {"source": "test", "size": 1, "mail_from": "", "stream_header": b"", "chunk_count": 0}
    return messages.add(world.db, RING, **place, **rest)  # type: ignore[arg-type]


def message_to_his_alias(world: World) -> object:
    place = {
        "uid": uuid.uuid4(),
        "user_id": world.jane.id,
        "alias_id": world.kim.alias.id,
        "received_at": 1.0,
    }
    rest = {"source": "test", "size": 1, "mail_from": "", "stream_header": b"", "chunk_count": 0}
    return messages.add(world.db, RING, **place, **rest)  # type: ignore[arg-type]


def look_up(world: World, sql: str) -> object:
    return world.store.look(sql, id=world.kim.id)[0][0]


def uid_of_domain(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM domains WHERE user_id = :id")))


def uid_of_blocked_sender(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM blocked_senders WHERE user_id = :id")))


def uid_of_delivery(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM deliveries WHERE user_id = :id")))


def uid_of_session(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM sessions WHERE user_id = :id")))


def uid_of_user(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM users WHERE id = :id")))


def new_alias(domain_id: int) -> imports.New:
    return imports.New(domain_id, "new", "", True, ())


def his_keys_key(world: World) -> New:
    """One that would end with Kim's password."""
    sql = "SELECT id FROM api_keys WHERE user_id = :id AND kind = 'password'"
    return New("new", "n", "x", api_keys.READ, None, made_by=int(str(look_up(world, sql))))


def uid_of_api_key(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM api_keys WHERE user_id = :id")))


def id_of_api_key(world: World) -> int:
    return int(str(look_up(world, "SELECT id FROM api_keys WHERE user_id = :id")))


def id_of_invitation(world: World) -> int:
    return int(str(world.store.look("SELECT id FROM invitations")[0][0]))


def uid_of_invitation(world: World) -> uuid.UUID:
    return uuid.UUID(str(world.store.look("SELECT uid FROM invitations")[0][0]))


def id_of_passkey(world: World) -> int:
    return int(str(look_up(world, "SELECT id FROM passkeys WHERE user_id = :id")))


def uid_of_passkey(world: World) -> uuid.UUID:
    return uuid.UUID(str(look_up(world, "SELECT uid FROM passkeys WHERE user_id = :id")))


CREDENTIAL = Credential(b"new", b"key", -7, 0, bytes(16), False, ())


def his_code(world: World) -> int:
    return int(str(look_up(world, "SELECT id FROM sign_in_codes WHERE user_id = :id")))


def his_open(world: World) -> Open:
    return Open(
        his_code(world), uuid.uuid4(), world.kim.id, world.kim.mailbox.id, "kim", b"browser of kim", b""
    )


def his_digest(world: World) -> Due:
    """The digest that would be due to him."""
    since = world.store.look("SELECT digest_from FROM preferences WHERE user_id = :id", id=world.kim.id)[0][0]
    assert isinstance(since, datetime.date)
    return Due(world.kim.id, "off", since, datetime.date(3000, 1, 1))


def his_address_index() -> bytes:
    return mailboxes.index(RING, "kim@real.example")


def his_bounce(world: World) -> Bounced:
    return Bounced(
        world.kim.delivery_id,
        uuid.uuid4(),
        world.kim.id,
        "forward",
        None,
        world.kim.message_id,
        None,
        None,
        True,
    )


def his_fly(world: World) -> Fly:
    """An address of his domain, as it were when it made itself."""
    return Fly(world.kim.domain_id, world.kim.id, "new", world.kim.domain, 1, "quarantine", [], [])


REFUSED = object()
SAID = Said(250, "body", "ok")

FOREIGN: dict[str, list[tuple[Callable[[World], object], object]]] = {
    "targets.resolve": [(lambda w: targets.resolve(w.db, "shop", w.kim.domain), None)],
    "targets.fly": [(lambda w: targets.fly(w.db, "new", w.kim.domain), None)],
    "targets.make": [(lambda w: targets.make(w.db, his_fly(w)), False)],
    "targets.count_fly": [(lambda w: targets.count_fly(w.db, w.kim.domain_id), False)],
    "targets.reverse": [(lambda w: targets.reverse(w.db, w.kim.contact.reverse_local, w.kim.domain), None)],
    "counts.forwarded": [(lambda w: counts.forwarded(w.db, w.kim.alias.id, w.kim.contact.id), None)],
    "counts.blocked": [(lambda w: counts.blocked(w.db, w.kim.alias.id), None)],
    "counts.replied": [(lambda w: counts.replied(w.db, w.kim.alias.id, w.kim.contact.id), None)],
    "counts.events_lately": [(lambda w: counts.events_lately(w.db, w.kim.alias.id, "received"), 0)],
    "quotas.own": [(lambda w: quotas.own(w.db, w.kim.id), Limits())],
    "quotas.limits": [(lambda w: quotas.limits(w.db, Config(), w.kim.id)["aliases"], 10_000)],
    "quotas.set_own": [(lambda w: quotas.set_own(w.db, w.kim.id, Limits(aliases=1)), None)],
    "quotas.used": [(lambda w: quotas.used(w.db, w.kim.id), Used(0, 0, 0, 0, 0))],
    "quotas.check": [(lambda w: quotas.check(w.db, Config(), w.kim.id, "aliases"), None)],
    "quotas.has_room": [(lambda w: quotas.has_room(w.db, Config(), w.kim.id, 1), True)],
    "quotas.book": [(lambda w: quotas.book(w.db, Config(), w.kim.id, 1), REFUSED)],
    "quotas.forget_old": [(lambda w: quotas.forget_old(w.db), 0)],
    "aliases.find": [(lambda w: aliases.find(w.db, "shop", w.kim.domain), None)],
    "aliases.of_user": [(lambda w: aliases.of_user(w.db, w.kim.id), [])],
    "aliases.add": [
        (lambda w: aliases.add(w.db, w.kim.id, w.kim.domain_id, "new"), REFUSED),
        (lambda w: aliases.add(w.db, w.kim.id, w.shared_domain_id, "new"), REFUSED),
        (lambda w: aliases.add(w.db, w.jane.id, w.kim.domain_id, "new"), REFUSED),
    ],
    "aliases.forward_to": [
        (lambda w: aliases.forward_to(w.db, w.kim.alias, w.kim.mailbox.id), REFUSED),
        (lambda w: aliases.forward_to(w.db, w.kim.alias, w.jane.mailbox.id), REFUSED),
        (lambda w: aliases.forward_to(w.db, w.jane.alias, w.kim.mailbox.id), REFUSED),
    ],
    "contacts.ensure": [
        (lambda w: contacts.ensure(w.db, RING, w.kim.alias.id, "friend.of.kim@shop.example"), REFUSED),
        (lambda w: contacts.ensure(w.db, RING, w.kim.alias.id, "new@shop.example"), REFUSED),
    ],
    "contacts.by_reverse": [
        (lambda w: contacts.by_reverse(w.db, w.kim.contact.reverse_local, w.kim.domain), None)
    ],
    "contacts.ensure_all": [
        (
            lambda w: contacts.ensure_all(
                w.db, RING, [contacts.Wanted(w.kim.alias.id, "friend.of.kim@shop.example")]
            ),
            REFUSED,
        ),
    ],
    "messages.read_small": [(lambda w: messages.read_small(w.db, [w.kim.message_id]), {})],
    "deliveries.add": [
        (lambda w: deliveries.add(w.db, w.kim.id, w.kim.message_id, [w.kim.mailbox.id]), REFUSED),
        (lambda w: deliveries.add(w.db, w.jane.id, w.kim.message_id, [w.jane.mailbox.id]), REFUSED),
        (lambda w: deliveries.add(w.db, w.jane.id, w.jane.message_id, [w.kim.mailbox.id]), REFUSED),
    ],
    "deliveries.claim": [
        (lambda w: [c.user_id for c in deliveries.claim(w.db, 10, 900) if c.user_id != w.jane.id], [])
    ],
    "domains.add": [
        (lambda w: domains.add(w.db, "new.example", w.kim.id), REFUSED),
        (lambda w: domains.add(w.db, "new.example", None), REFUSED),
    ],
    "domains.find": [(lambda w: domains.find(w.db, w.kim.domain), None)],
    "domains.all_domains": [
        (lambda w: [d.name for d in domains.all_domains(w.db)], ["jane.example", "shared.example"])
    ],
    "events.add": [(note_of_his, REFUSED)],
    "events.of_user": [(lambda w: events.of_user(w.db, w.kim.id, 100), [])],
    "events.forget_old": [(lambda w: events.forget_old(w.db, -1), 1)],
    "mailboxes.add": [(lambda w: mailboxes.add(w.db, RING, w.kim.id, "new@real.example", True), REFUSED)],
    "mailboxes.of_user": [(lambda w: mailboxes.of_user(w.db, w.kim.id), [])],
    "mailboxes.find": [(lambda w: mailboxes.find(w.db, RING, w.kim.id, "kim@real.example"), None)],
    "mailboxes.verify": [(lambda w: mailboxes.verify(w.db, w.kim.mailbox.id), False)],
    "messages.add": [(message_for_him, REFUSED), (message_to_his_alias, REFUSED)],
    "messages.read_chunks": [(chunks_of_his, 0)],
    "messages.add_chunks": [(lambda w: messages.add_chunks(w.db, w.kim.message_id, [b"more"]), REFUSED)],
    "messages.exists": [(lambda w: messages.exists(w.db, w.kim.message_uid), False)],
    "messages.find": [(lambda w: messages.find(w.db, w.kim.message_id), None)],
    "messages.clear_when_done": [(lambda w: messages.clear_when_done(w.db, w.kim.message_id), None)],
    "messages.clear_failed": [(lambda w: messages.clear_failed(w.db, -1), 0)],
    "messages.forget_old": [(lambda w: messages.forget_old(w.db, -1), 0)],
    "queue.entries": [
        (lambda w: [e.handle for e in queue.entries(w.db, list(deliveries.STATES), 9)], ["jane"])
    ],
    "queue.retry": [(lambda w: queue.retry(w.db, w.kim.delivery_id), None)],
    "queue.drop": [(lambda w: queue.drop(w.db, w.kim.delivery_id), None)],
    "queue.depth": [(lambda w: queue.depth(w.db).waiting, 1)],
    "sessions.add": [
        (lambda w: sessions.add(w.db, RING, w.kim.id, "a new one", "x"), REFUSED),
        (lambda w: sessions.add(w.db, RING, w.jane.id, "session of kim", "x"), REFUSED),
    ],
    "sessions.find": [(lambda w: sessions.find(w.db, RING, "session of kim"), None)],
    "sessions.touch": [(lambda w: sessions.touch(w.db, w.kim.session_id), False)],
    "sessions.of_user": [(lambda w: sessions.of_user(w.db, w.kim.id), [])],
    "sessions.end": [(lambda w: sessions.end(w.db, w.kim.session_id), False)],
    "sessions.end_all": [(lambda w: sessions.end_all(w.db, w.kim.id), 0)],
    "sessions.forget_old": [(lambda w: sessions.forget_old(w.db), 0)],
    "sign_in_links.make": [(lambda w: sign_in_links.make(w.db, RING, w.kim.id, "a new one", 24), REFUSED)],
    "sign_in_links.handle": [(lambda w: sign_in_links.handle(w.db, RING, "link of kim"), None)],
    "sign_in_links.use": [(lambda w: sign_in_links.use(w.db, RING, "link of kim"), None)],
    "sign_in_links.forget_old": [(lambda w: sign_in_links.forget_old(w.db), 0)],
    "users.add": [(lambda w: users.add(w.db, "mallory"), REFUSED)],
    "users.find": [(lambda w: users.find(w.db, "kim"), None)],
    "users.all_users": [(lambda w: [user.handle for user in users.all_users(w.db)], ["jane"])],
    "admin_acts.add": [(lambda w: admin_acts.add(w.db, "jane", "x"), REFUSED)],
    "admin_acts.latest": [(lambda w: admin_acts.latest(w.db, 9), [])],
    "alias_list.page": [(lambda w: alias_list.page(w.db, w.kim.id, Wanted(), 9, 0), [])],
    "alias_list.count": [(lambda w: alias_list.count(w.db, w.kim.id, Wanted()), 0)],
    "alias_list.counts": [(lambda w: alias_list.counts(w.db, w.kim.id).everything, 0)],
    "alias_list.mailboxes_of": [
        (lambda w: list(alias_list.mailboxes_of(w.db, [w.kim.alias.id]).values()), [[]]),
    ],
    "alias_list.enable": [(lambda w: alias_list.enable(w.db, [w.kim.alias.uid], False), 0)],
    "alias_list.pin": [(lambda w: alias_list.pin(w.db, [w.kim.alias.uid], True), 0)],
    "alias_list.delete": [(lambda w: alias_list.delete(w.db, [w.kim.alias.uid]), 0)],
    "alias_list.restore": [(lambda w: alias_list.restore(w.db, [w.kim.alias.uid]), 0)],
    "aliases.get": [(lambda w: aliases.get(w.db, w.kim.alias.uid), None)],
    "aliases.by_id": [(lambda w: aliases.by_id(w.db, w.kim.alias.id), None)],
    "aliases.uid_of": [(lambda w: aliases.uid_of(w.db, w.kim.alias.id), None)],
    "aliases.describe": [(lambda w: aliases.describe(w.db, RING, w.kim.alias, "x", "x"), None)],
    "aliases.forward_only_to": [
        (lambda w: aliases.forward_only_to(w.db, w.kim.alias, []), None),
        (lambda w: aliases.forward_only_to(w.db, w.kim.alias, [w.jane.mailbox.id]), REFUSED),
    ],
    "aliases.own_among": [(lambda w: aliases.own_among(w.db, w.kim.id, [w.kim.alias.address]), set())],
    "bounces.find": [(lambda w: bounces.find(w.db, w.kim.delivery_id), None)],
    "bounces.note": [(lambda w: bounces.note(w.db, RING, his_bounce(w), "5.1.1", "x", True), None)],
    "bounces.pause_when_too_many": [(lambda w: bounces.pause_when_too_many(w.db, w.kim.mailbox.id), False)],
    "contacts.with_address": [
        (lambda w: contacts.with_address(w.db, RING, w.kim.alias.id, "friend.of.kim@shop.example"), None)
    ],
    "contacts.find": [(lambda w: contacts.find(w.db, w.kim.contact.uid), None)],
    "contacts.by_id": [(lambda w: contacts.by_id(w.db, w.kim.contact.id), None)],
    "contacts.of_alias": [(lambda w: contacts.of_alias(w.db, w.kim.alias.id, 9), [])],
    "alias_search.page": [
        (lambda w: alias_search.page(w.db, w.kim.id, alias_search.Wanted(deleted="with"), 9, 0), [])
    ],
    "alias_search.count": [
        (lambda w: alias_search.count(w.db, w.kim.id, alias_search.Wanted(deleted="with")), 0)
    ],
    "alias_search.among": [(lambda w: alias_search.among(w.db, [w.kim.alias.uid]), [])],
    "contacts.page": [(lambda w: contacts.page(w.db, w.kim.alias.id, 9, 0), [])],
    "contacts.among": [(lambda w: contacts.among(w.db, [w.kim.contact.id]), {})],
    "contacts.block": [(lambda w: contacts.block(w.db, w.kim.contact.id, True), False)],
    "contacts.forget": [(lambda w: contacts.forget(w.db, w.kim.contact.id), False)],
    "deliveries.add_reply": [
        (lambda w: deliveries.add_reply(w.db, w.kim.id, w.kim.message_id, w.kim.contact.id), REFUSED),
        (lambda w: deliveries.add_reply(w.db, w.jane.id, w.kim.message_id, w.jane.contact.id), REFUSED),
        (lambda w: deliveries.add_reply(w.db, w.jane.id, w.jane.message_id, w.kim.contact.id), REFUSED),
    ],
    "domains.get": [(lambda w: domains.get(w.db, uid_of_domain(w)), None)],
    "domains.of_user": [(lambda w: domains.of_user(w.db, w.kim.id), [])],
    "domains.usable": [(lambda w: [d.name for d in domains.usable(w.db, w.kim.id)], ["shared.example"])],
    "domains.claim": [(lambda w: domains.claim(w.db, "new.example", w.kim.id, "x"), REFUSED)],
    "domains.take_subdomain": [
        (lambda w: domains.take_subdomain(w.db, "x.shared.example", w.kim.id, w.shared_domain_id), REFUSED)
    ],
    "domains.in_the_way": [(lambda w: domains.in_the_way(w.db, w.kim.domain, w.jane.id), None)],
    "domains.verify": [(lambda w: domains.verify(w.db, w.kim.domain_id), False)],
    "domains.note_check": [(lambda w: domains.note_check(w.db, w.kim.domain_id), None)],
    "domains.set_fly": [
        (lambda w: domains.set_fly(w.db, w.kim.domain_id, True, 1), False),
        (lambda w: domains.set_fly(w.db, w.shared_domain_id, True, 1), False),
    ],
    "domains.enable": [
        (lambda w: domains.enable(w.db, w.kim.domain_id, False), False),
        (lambda w: domains.enable(w.db, w.shared_domain_id, False), False),
    ],
    "domains.describe": [
        (lambda w: domains.describe(w.db, w.kim.domain_id, "x"), False),
        (lambda w: domains.describe(w.db, w.shared_domain_id, "x"), False),
    ],
    "domains.aliases_by_domain": [(lambda w: domains.aliases_by_domain(w.db, w.kim.id), {})],
    "domain_mailboxes.of": [(lambda w: domain_mailboxes.of(w.db, w.kim.domain_id), None)],
    "domain_mailboxes.of_user": [(lambda w: domain_mailboxes.of_user(w.db, w.kim.id), {})],
    "domain_mailboxes.choose": [
        (lambda w: domain_mailboxes.choose(w.db, w.kim.id, w.kim.domain_id, w.kim.mailbox.id), REFUSED),
        (lambda w: domain_mailboxes.choose(w.db, w.jane.id, w.jane.domain_id, w.kim.mailbox.id), REFUSED),
    ],
    "domain_mailboxes.forget": [(lambda w: domain_mailboxes.forget(w.db, w.kim.domain_id), False)],
    "blocked_senders.add": [
        (lambda w: blocked_senders.add(w.db, RING, w.kim.id, "email", "new@shop.example"), REFUSED)
    ],
    "blocked_senders.of_user": [(lambda w: blocked_senders.of_user(w.db, w.kim.id), [])],
    "blocked_senders.count": [(lambda w: blocked_senders.count(w.db, w.kim.id), 0)],
    "blocked_senders.holds": [
        (lambda w: blocked_senders.holds(w.db, RING, w.kim.id, "foe.of.kim@shop.example"), False)
    ],
    "blocked_senders.note": [
        (lambda w: blocked_senders.note(w.db, RING, w.kim.id, "foe.of.kim@shop.example"), None)
    ],
    "blocked_senders.delete": [
        (lambda w: blocked_senders.delete(w.db, w.kim.id, [uid_of_blocked_sender(w)]), []),
        (lambda w: blocked_senders.delete(w.db, w.jane.id, [uid_of_blocked_sender(w)]), []),
    ],
    "domains.offer_subdomains": [(lambda w: domains.offer_subdomains(w.db, w.shared_domain_id, True), False)],
    "domains.count_aliases": [(lambda w: domains.count_aliases(w.db, w.kim.domain_id), 0)],
    "domains.count_subdomains": [(lambda w: domains.count_subdomains(w.db, w.kim.domain_id), 0)],
    "domains.delete": [
        (lambda w: domains.delete(w.db, w.kim.domain_id), False),
        (lambda w: domains.delete(w.db, w.shared_domain_id), False),
    ],
    "domains.forget_claims": [(lambda w: domains.forget_claims(w.db), 0)],
    "domains.first_shared": [(lambda w: domains.first_shared(w.db), "shared.example")],
    "activity.page": [(lambda w: activity.page(w.db, w.kim.id, "", 2**62, 9), [])],
    "held.held": [(lambda w: held.held(w.db, w.kim.id, 14, 9), [])],
    "held.waiting": [(lambda w: held.waiting(w.db, w.kim.message_uid), [])],
    "held.failed": [(lambda w: held.failed(w.db, w.kim.id, 9), [])],
    "held.failed_id": [(lambda w: held.failed_id(w.db, uid_of_delivery(w)), None)],
    "undelivered.page": [(lambda w: undelivered.page(w.db, w.kim.id, "", 9, 0), [])],
    "undelivered.count": [(lambda w: undelivered.count(w.db, w.kim.id, ""), 0)],
    "undelivered.get": [(lambda w: undelivered.get(w.db, uid_of_delivery(w)), None)],
    "held.kept_message": [(lambda w: held.kept_message(w.db, w.kim.message_uid), None)],
    "samples.sole_contact": [(lambda w: samples.sole_contact(w.db, w.kim.contact.id), None)],
    "samples.age": [(lambda w: samples.age(w.db, w.kim.alias.id, 9), None)],
    "samples.day": [(lambda w: samples.day(w.db, w.kim.alias.id, 1, 1, 1, 1), None)],
    "stats.forget_old": [(lambda w: stats.forget_old(w.db), 0)],
    "stats.days": [(lambda w: [one for one in stats.days(w.db, w.kim.id, 30) if one.forwarded], [])],
    "stats.totals": [(lambda w: stats.totals(w.db, w.kim.id).aliases, 0)],
    "stats.top": [(lambda w: stats.top(w.db, w.kim.id, 30, 9), [])],
    "activity.of_alias": [(lambda w: activity.of_alias(w.db, w.kim.alias.id, 9), [])],
    "events.with_contact": [(lambda w: events.with_contact(w.db, w.kim.alias.id, events.KINDS, 9, 0), [])],
    "events.latest_with_contact": [
        (lambda w: events.latest_with_contact(w.db, [w.kim.alias.id], events.KINDS), [])
    ],
    "events.happened_lately": [(lambda w: events.happened_lately(w.db, w.kim.alias.id, "received"), False)],
    "holds.waits_for_mailbox": [(lambda w: holds.waits_for_mailbox(w.db, w.kim.delivery_id), False)],
    "holds.resume": [(lambda w: holds.resume(w.db, w.kim.mailbox.id), 0)],
    "holds.release": [(lambda w: holds.release(w.db, w.kim.delivery_id), None)],
    "holds.drop": [(lambda w: holds.drop(w.db, w.kim.delivery_id), None)],
    "holds.expire": [(lambda w: holds.expire(w.db, -1), [])],
    "mailbox_proofs.begin": [(lambda w: mailbox_proofs.begin(w.db, RING, w.kim.mailbox.id, "x"), False)],
    "mailbox_proofs.notices_lately": [(lambda w: mailbox_proofs.notices_lately(w.db, w.kim.id), 0)],
    "mailbox_proofs.find": [(lambda w: mailbox_proofs.find(w.db, RING, "proof of kim"), None)],
    "mailbox_proofs.use": [(lambda w: mailbox_proofs.use(w.db, RING, "proof of kim"), None)],
    "mailboxes.get": [(lambda w: mailboxes.get(w.db, w.kim.mailbox.uid), None)],
    "mailboxes.by_id": [(lambda w: mailboxes.by_id(w.db, w.kim.mailbox.id), None)],
    "mailboxes.default": [(lambda w: mailboxes.default(w.db, w.kim.id), None)],
    "mailboxes.set_default": [(lambda w: mailboxes.set_default(w.db, w.kim.mailbox), False)],
    "mailboxes.resume": [(lambda w: mailboxes.resume(w.db, w.kim.mailbox.id), False)],
    "mailboxes.delete": [(lambda w: mailboxes.delete(w.db, w.kim.mailbox.id), False)],
    "mailboxes.hand_over": [
        (lambda w: mailboxes.hand_over(w.db, w.kim.mailbox.id, w.jane.mailbox.id), 0),
    ],
    "mailboxes.hand_over_mail": [
        (lambda w: mailboxes.hand_over_mail(w.db, w.kim.mailbox.id, w.jane.mailbox.id), 0),
    ],
    "mailboxes.of_admins": [(lambda w: mailboxes.of_admins(w.db), [])],
    "mailboxes.uses": [(lambda w: mailboxes.uses(w.db, w.kim.id), {})],
    "digests.due": [(lambda w: digests.due(w.db), [])],
    "digests.claim": [(lambda w: digests.claim(w.db, his_digest(w)), False)],
    "digests.tally": [(lambda w: digests.tally(w.db, his_digest(w)), Tally(0, 0, 0, 0, 0))],
    "digests.busiest": [(lambda w: digests.busiest(w.db, his_digest(w), 9), [])],
    "preferences.of_user": [(lambda w: preferences.of_user(w.db, w.kim.id), Preferences())],
    "preferences.save": [(lambda w: preferences.save(w.db, w.kim.id, Preferences()), REFUSED)],
    "retired.purge": [(lambda w: retired.purge(w.db, RING), 0)],
    "retired.forget": [(lambda w: retired.forget(w.db, RING, [w.kim.alias]), None)],
    "retired.retire_all": [(lambda w: retired.retire_all(w.db, RING, w.kim.id), None)],
    "retired.retire_domain": [(lambda w: retired.retire_domain(w.db, RING, w.kim.domain_id), None)],
    "sessions.end_of_user": [(lambda w: sessions.end_of_user(w.db, w.kim.id, uid_of_session(w)), False)],
    "sessions.end_others": [(lambda w: sessions.end_others(w.db, w.kim.id, 0), 0)],
    "sign_in_codes.ask": [(lambda w: sign_in_codes.ask(w.db, RING, Asked(b"a", b"c", b"b"), "x"), REFUSED)],
    "sign_in_codes.next_wish": [(lambda w: sign_in_codes.next_wish(w.db), None)],
    "sign_in_codes.owner": [(lambda w: sign_in_codes.owner(w.db, his_address_index()), None)],
    "sign_in_codes.posted": [
        (
            lambda w: sign_in_codes.posted(
                w.db, RING, Wish(his_code(w), uuid.uuid4(), b"", b""), None, "x", "x"
            ),
            None,
        )
    ],
    "sign_in_codes.by_token": [(lambda w: sign_in_codes.by_token(w.db, RING, "mailed to kim"), None)],
    "sign_in_codes.by_code": [(lambda w: sign_in_codes.by_code(w.db, RING, b"browser of kim", "CODE"), None)],
    "sign_in_codes.use": [(lambda w: sign_in_codes.use(w.db, b"browser of kim"), None)],
    "sign_in_codes.confirm": [(lambda w: sign_in_codes.confirm(w.db, his_open(w)), None)],
    "sign_in_codes.forget_old": [(lambda w: sign_in_codes.forget_old(w.db), 0)],
    "thread_ids.ensure": [(lambda w: thread_ids.ensure(w.db, RING, w.kim.alias.id, "x", b"<2@x>"), REFUSED)],
    "thread_ids.note": [(lambda w: thread_ids.note(w.db, RING, [(w.kim.alias.id, b"<2@x>")]), None)],
    "thread_ids.known": [
        (lambda w: thread_ids.known(w.db, RING, w.kim.alias.id, [b"<1@kim.example>"]), {}),
    ],
    "thread_ids.originals": [
        (lambda w: thread_ids.originals(w.db, RING, [(w.kim.alias.id, b"<new@kim.example>")]), {}),
    ],
    "thread_ids.forget_old": [(lambda w: thread_ids.forget_old(w.db), 0)],
    "users.get": [(lambda w: users.get(w.db, w.kim.id), None)],
    "users.welcomed": [(lambda w: users.welcomed(w.db, w.kim.id), False)],
    "users.disable": [(lambda w: users.disable(w.db, w.kim.id, True), False)],
    "users.set_role": [(lambda w: users.set_role(w.db, w.kim.id, "admin"), False)],
    "users.delete_unconfirmed": [(lambda w: users.delete_unconfirmed(w.db, w.kim.id), False)],
    "users.forget_unconfirmed": [(lambda w: users.forget_unconfirmed(w.db), 0)],
    "passkeys.add": [(lambda w: passkeys.add(w.db, RING, w.kim.id, "x", CREDENTIAL), REFUSED)],
    "passkeys.of_user": [(lambda w: passkeys.of_user(w.db, w.kim.id), [])],
    "passkeys.get": [(lambda w: passkeys.get(w.db, uid_of_passkey(w)), None)],
    "passkeys.signer": [(lambda w: passkeys.signer(w.db, b"kim"), None)],
    "passkeys.used": [(lambda w: passkeys.used(w.db, id_of_passkey(w), 9, True), None)],
    "passkeys.rename": [(lambda w: passkeys.rename(w.db, RING, uid_of_passkey(w), "x"), False)],
    "passkeys.remove": [(lambda w: passkeys.remove(w.db, uid_of_passkey(w)), False)],
    "passkey_challenges.use": [
        (lambda w: passkey_challenges.use(w.db, RING, b"new", w.kim.id, 4_000_000_000), REFUSED),
    ],
    "passkey_challenges.forget_old": [(lambda w: passkey_challenges.forget_old(w.db), 0)],
    "recovery_codes.replace": [(lambda w: recovery_codes.replace(w.db, RING, w.kim.id, ["x"]), REFUSED)],
    "recovery_codes.left": [(lambda w: recovery_codes.left(w.db, w.kim.id), 0)],
    "recovery_codes.use": [(lambda w: recovery_codes.use(w.db, RING, "kim", "CODE OF kim"), None)],
    "invitations.add": [(lambda w: invitations.add(w.db, RING, "t", "jane", "admin", "", 7), REFUSED)],
    "invitations.find": [(lambda w: invitations.find(w.db, RING, "invitation"), None)],
    "invitations.take": [(lambda w: invitations.take(w.db, id_of_invitation(w), w.jane.id), None)],
    "invitations.all_invitations": [(lambda w: invitations.all_invitations(w.db), [])],
    "invitations.revoke": [(lambda w: invitations.revoke(w.db, uid_of_invitation(w)), None)],
    "invitations.forget_old": [(lambda w: invitations.forget_old(w.db), 0)],
    "api_keys.add": [
        (lambda w: api_keys.add(w.db, RING, w.kim.id, New("new", "n", "x", api_keys.READ, None), 9), REFUSED),
        (lambda w: api_keys.add(w.db, RING, w.jane.id, his_keys_key(w), 9), REFUSED),
    ],
    "api_keys.use": [(lambda w: api_keys.use(w.db, RING, "key of kim", 1), None)],
    "api_keys.use_password": [
        (lambda w: api_keys.use_password(w.db, RING, "kim", his_address_index(), "password of kim"), None)
    ],
    "api_keys.belongs": [(lambda w: api_keys.belongs(w.db, RING, w.kim.id, "password of kim"), False)],
    "api_keys.sudo": [(lambda w: api_keys.sudo(w.db, id_of_api_key(w), 5), False)],
    "api_keys.of_user": [(lambda w: api_keys.of_user(w.db, w.kim.id), [])],
    "api_keys.revoke": [(lambda w: api_keys.revoke(w.db, w.kim.id, uid_of_api_key(w)), False)],
    "api_keys.forget_old": [(lambda w: api_keys.forget_old(w.db), 0)],
    "imports.keep": [(lambda w: imports.keep(w.db, RING, w.kim.id, b"x"), REFUSED)],
    "imports.kept": [(lambda w: imports.kept(w.db, RING, w.kim.id), None)],
    "imports.drop": [(lambda w: imports.drop(w.db, w.kim.id), False)],
    "imports.forget_old": [(lambda w: imports.forget_old(w.db), 0)],
    "imports.add_aliases": [
        (lambda w: imports.add_aliases(w.db, w.kim.id, [new_alias(w.shared_domain_id)]), REFUSED),
        (lambda w: imports.add_aliases(w.db, w.jane.id, [new_alias(w.kim.domain_id)]), set()),
    ],
    "quotas.room": [(lambda w: quotas.room(w.db, Config(), w.kim.id, "aliases"), Config().user_aliases)],
    "users.of_uid": [(lambda w: users.of_uid(w.db, uid_of_user(w)), None)],
    "users.lock_admins": [(lambda w: users.lock_admins(w.db), set())],
    "user_list.page": [(lambda w: [one.handle for one in user_list.page(w.db, "", 9, 0)], ["jane"])],
    "user_list.count": [(lambda w: user_list.count(w.db, "kim"), 0)],
    "user_list.busiest": [(lambda w: [one.handle for one in user_list.busiest(w.db, 9)], [])],
    "queue.id_of": [(lambda w: queue.id_of(w.db, uid_of_delivery(w)), None)],
    "queue.find": [(lambda w: queue.find(w.db, w.kim.delivery_id), None)],
    "users.delete": [(lambda w: users.delete(w.db, w.kim.id), False)],
}
"""What Jane gets when she gives Kim's ids; REFUSED: an error, and the transaction is taken back."""

WITH_A_LEASE: dict[str, Callable[[World, Claimed], object]] = {
    "deliveries.give_back": lambda w, claimed: deliveries.give_back(w.db, claimed.lease, [claimed.id], 0),
    "outcomes.sent": lambda w, claimed: bool(outcomes.sent(w.db, RING, [(claimed, SAID)])),
    "deliveries.later": lambda w, claimed: deliveries.later(w.db, RING, claimed, SAID, 1),
    "deliveries.failed": lambda w, claimed: deliveries.failed(w.db, RING, claimed, SAID),
    "holds.hold": lambda w, claimed: holds.hold(w.db, claimed.lease, [claimed.id]),
}
"""What a drain does with its lease, tried by Jane with a lease on his delivery: nothing is changed."""

NO_TENANTS = {
    "canaries",
    "figures",
    "findings",
    "fingerprints",
    "job_leases",
    "jobs",
    "migrations",
    "relay_pace",
    "relays",
    "roles",
    "seals",
    "server",
    "table_locks",
    "tables",
    "walls",
    "webhook_ids",
}
"""Modules whose tables are nobody's in particular."""

NOT_WALLED = {
    "retired.has": "keyed hashes of no user",
    "retired.among": "keyed hashes of no user",
    "retired.add": "keyed hashes of no user",
    "samples.figures": "counts of all users together",
}


def functions() -> set[str]:
    """Every function of store/ that asks the database."""
    found = set()
    for info in pkgutil.iter_modules(postern.store.__path__):
        module = importlib.import_module(f"postern.store.{info.name}")
        for name, value in vars(module).items():
            own = (
                inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
            )
            if own and info.name not in NO_TENANTS and "db" in inspect.signature(value).parameters:
                found.add(f"{info.name}.{name}")
    return found


def test_every_function_is_in_the_table():
    assert functions() == set(FOREIGN) | set(WITH_A_LEASE) | set(NOT_WALLED)


@pytest.mark.parametrize(
    ("name", "call", "expected"),
    [
        pytest.param(name, *case, id=f"{name}-{n}")
        for name, cases in FOREIGN.items()
        for n, case in enumerate(cases)
    ],
)
def test_a_function_called_with_anothers_ids_tells_and_changes_nothing(
    world: World, name: str, call: Callable[[World], object], expected: object
):
    if expected is REFUSED:
        with pytest.raises((PosternError, AssertionError)), world.db.transaction(world.jane.id):
            call(world)
        return
    his = world.as_they_are()[1]
    with taken_back(world.db, world.jane.id):
        assert call(world) == expected
        assert world.rows_of(world.kim.id) == his


@pytest.mark.parametrize("name", WITH_A_LEASE)
def test_a_lease_on_anothers_delivery_moves_nothing(world: World, name: str):
    with taken_back(world.db, SYSTEM):
        claimed = his_claim(world)
        his = world.rows_of(world.kim.id)
        become(world.db, world.jane.id)
        assert not WITH_A_LEASE[name](world, claimed)
        assert world.rows_of(world.kim.id) == his
        assert WITH_A_LEASE[name](world, claimed), "the call itself works"


def test_nothing_sealed_of_another_opens_under_her_rows(world: World):
    """What a copied sealed value would be worth: nothing, for it is bound to its row."""
    stolen = dataclasses.replace(world.jane.mailbox, address_sealed=world.kim.mailbox.address_sealed)
    with pytest.raises(PosternError):
        stolen.address(RING)
    assert world.kim.mailbox.address(RING) == "kim@real.example"
