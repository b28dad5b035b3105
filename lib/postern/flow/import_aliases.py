"""Taking in aliases from a file: first what would be made and what not, and why; then making them.

Making is repeatable: what is there already is left as it is, so a run that was cut off is finished by another one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from postern.base.database import retrying
from postern.base.errors import BadInput, Conflict
from postern.flow import alias_file
from postern.flow.aliases import MAX_NOTE, check_local
from postern.mail.address import parse_address
from postern.store import aliases, domains, imports, mailboxes, quotas, retired
from postern.store.imports import New

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.alias_file import Entry
    from postern.flow.context import Context
    from postern.store.domains import Domain

BATCH = 500
"""Aliases a transaction: mail that comes meanwhile waits for none of it."""

THERE = "You have it already."
DELETED = "You deleted it here: bring it back under Deleted."
DELETED_THERE = "It is deleted in the file."
TWICE = "It stands in the file before."
NO_ROOM = "Your quota of aliases is used up: ask the operator for more."
TAKEN = "It is taken."


@dataclass(frozen=True)
class Skipped:
    """An alias of the file that is not made, and why."""

    address: str
    why: str


@dataclass
class Plan:
    """What a file would make, by address, and what not. `elsewhere`: domains of the file that are not the user's, as keys;
    `shared`: ids of domains that everybody may use."""

    new: dict[str, New] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)
    elsewhere: dict[str, None] = field(default_factory=dict)
    shared: frozenset[int] = frozenset()

    def skip(self, address: str, why: str) -> None:
        """Not this one. What the file calls an address is shown, also on terminals: nothing in it may steer one."""
        plain = "".join(
            letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in address[:320]
        )
        self.skipped.append(Skipped(plain, why))


def plan(context: Context, user_id: int, entries: Sequence[Entry], to: int | None = None) -> Plan:
    """What would be made. `to`: the domain for addresses on domains that are not here; else they are skipped. Conflict."""
    with context.pool.connection() as db, db.transaction(user_id):
        reader = _Reader(context, db, user_id, to)
        for entry in entries:
            reader.take(entry)
        _leave_out_own(db, user_id, reader.plan)
    return reader.plan


def make(context: Context, user_id: int, wanted: Plan) -> tuple[list[str], list[Skipped]]:
    """Make what the plan says; returns the addresses that are new, and all that are not made."""
    made: list[str] = []
    skipped = list(wanted.skipped)
    left = list(wanted.new.items())
    while left:
        batch, left = left[:BATCH], left[BATCH:]
        # Another user's batch may want the same addresses of a shared domain in another order.
        there, room = retrying(partial(_make, context, user_id, batch, wanted.shared))
        skipped += [Skipped(address, NO_ROOM) for address, _ in batch[room:]]
        for address, new in batch[:room]:
            if (new.domain_id, new.local) in there:
                made.append(address)
            else:
                skipped.append(Skipped(address, TAKEN))
    context.log.info("import.done", user=user_id, made=len(made), skipped=len(skipped))
    return made, skipped


def _make(
    context: Context, user_id: int, batch: Sequence[tuple[str, New]], shared: frozenset[int]
) -> tuple[set[tuple[int, str]], int]:
    """Make those of the batch that there is room for; returns which were free, and how much room there was."""
    with context.pool.connection() as db, db.transaction(user_id):
        room = max(0, quotas.room(db, context.config, user_id, "aliases"))
        fitting = batch[:room]
        on_shared = [address for address, new in fitting if new.domain_id in shared]
        gone = retired.among(db, context.ring, on_shared)
        return imports.add_aliases(
            db, user_id, [new for address, new in fitting if address not in gone]
        ), room


class _Reader:
    """Turns entries into a plan, by what the user has."""

    def __init__(self, context: Context, db: Database, user_id: int, to: int | None) -> None:
        self._domains = {one.name: one for one in domains.usable(db, user_id)}
        self.plan = Plan(shared=frozenset(one.id for one in self._domains.values() if one.user_id is None))
        self._to = next((one for one in self._domains.values() if one.id == to), None)
        if to is not None and self._to is None:
            raise Conflict("This domain is not yours to use.", "Choose one from the list.")
        own = [one for one in mailboxes.of_user(db, user_id) if one.verified_at is not None]
        if not own:
            raise Conflict(
                "There is no mailbox to forward to yet.",
                "Add one under Mailboxes, and open the link that is mailed to it.",
            )
        self._mailboxes = {one.address(context.ring).lower(): one.id for one in own}
        self._usual = next((one.id for one in own if one.is_default), own[0].id)

    def take(self, entry: Entry) -> None:
        """Put it where it belongs."""
        if entry.deleted or entry.fault:
            self.plan.skip(entry.address, entry.fault or DELETED_THERE)
            return
        try:
            address = parse_address(entry.address)
            domain = self._domain(address.domain)
            local = check_local(address.local, domain.name) if domain else ""
        except BadInput as error:
            self.plan.skip(entry.address, error.reason)
            return
        if domain is None:
            self.plan.skip(entry.address, f"The domain {address.domain} is not yours to use here.")
        elif f"{local}@{domain.name}" in self.plan.new:
            self.plan.skip(entry.address, TWICE)
        else:
            self.plan.new[f"{local}@{domain.name}"] = New(
                domain.id, local, entry.note[:MAX_NOTE], entry.enabled, self._where(entry)
            )

    def _domain(self, name: str) -> Domain | None:
        found = self._domains.get(name)
        if found is None:
            self.plan.elsewhere[name] = None
        return found or self._to

    def _where(self, entry: Entry) -> tuple[int, ...]:
        known = (self._mailboxes.get(one.lower()) for one in entry.mailboxes)
        return tuple(dict.fromkeys(one for one in known if one is not None)) or (self._usual,)


def _leave_out_own(db: Database, user_id: int, found: Plan) -> None:
    """What this user has. What others have, or had, is told when it is made and not before: looking costs nothing."""
    own = {one.address: one for one in aliases.of_user(db, user_id)}
    for address in own.keys() & found.new.keys():
        found.skip(address, THERE if own[address].deleted_at is None else DELETED)
        del found.new[address]


def read(context: Context, user_id: int) -> tuple[UUID, list[Entry]] | None:
    """The uid of the file that the user sent, and its aliases; None when there is none (any more)."""
    with context.pool.connection() as db, db.transaction(user_id):
        found = imports.kept(db, context.ring, user_id)
    return None if found is None else (found[0], alias_file.read(found[1]))


def keep(context: Context, user_id: int, file: bytes) -> None:
    """Keep the file that the user sent, for a day. BadInput when it is none that can be read."""
    alias_file.read(file)
    with context.pool.connection() as db, db.transaction(user_id):
        imports.keep(db, context.ring, user_id, file)


def forget(context: Context, user_id: int) -> None:
    """The file is not needed any more."""
    with context.pool.connection() as db, db.transaction(user_id):
        imports.drop(db, user_id)
