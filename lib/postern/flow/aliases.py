"""Making aliases, and the rules for it: who may have which name where. What mail makes by itself is in flow/policy.py."""

from __future__ import annotations

from postern.base.database import UniqueViolation
from postern.base.errors import BadInput, Conflict, NotFound
from postern.mail import names
from postern.mail.address import is_reserved, parse_address
from postern.store import aliases, domain_mailboxes, domains, mailboxes, preferences, quotas, retired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.domains import Domain

TRIES = 5
"""A random name that is taken is thrown again; five times in a row means that something else is wrong."""

MAX_NOTE = 500
"""Characters; the CHECK of the column says the same."""

MAX_NAME = 100
"""Characters of the name for replies: more than anybody's, and short enough for one header line."""


class Taken(Conflict):
    """Somebody has the address, or had it. `deleted`: it is this user's own, and can be brought back."""

    def __init__(self, address: str, deleted: UUID | None = None) -> None:
        remedy = "Bring it back from the deleted ones." if deleted else "Choose another name before the @."
        super().__init__(f"{address} is taken.", remedy)
        self.deleted = deleted


def make_random(
    context: Context,
    user_id: int,
    domain_id: int | None = None,
    kind: str = "",
    mailbox_ids: Sequence[int] = (),
    note: str = "",
) -> Alias:
    """An alias with a name nobody guesses; what is not given is as the user has set. BadInput, OverQuota."""
    note = check_note(note)
    for attempt in range(TRIES):
        with context.pool.connection() as db:
            try:
                with db.transaction(user_id):
                    chosen = preferences.of_user(db, user_id)
                    domain = _usable(db, user_id, domain_id, chosen.default_domain_id)
                    local = names.new_local(kind or chosen.default_kind)
                    alias = _make(db, context, user_id, domain, local, "random", mailbox_ids)
                    return _described(db, context, alias, note)
            except (UniqueViolation, Taken):
                if attempt == TRIES - 1:
                    raise
    raise AssertionError


def make_custom(
    context: Context,
    user_id: int,
    local: str,
    domain_id: int,
    mailbox_ids: Sequence[int] = (),
    note: str = "",
    name: str = "",
) -> Alias:
    """An alias whose part before the @ its user chose. `name` stands beside it in replies. Taken, BadInput, OverQuota."""
    note, name = check_note(note), check_name(name)
    with context.pool.connection() as db:
        with db.transaction(user_id):
            domain = _usable(db, user_id, domain_id)
        local = check_local(local, domain.name)
        try:
            with db.transaction(user_id):
                alias = _make(db, context, user_id, domain, local, "custom", mailbox_ids)
                return _described(db, context, alias, note, name)
        except UniqueViolation:
            with db.transaction(user_id):
                own = aliases.find(db, local, domain.name)
            deleted = own.uid if own is not None and own.deleted_at is not None else None
            raise Taken(f"{local}@{domain.name}", deleted) from None


def check_local(local: str, domain: str) -> str:
    """The part before the @ as it is kept. BadInput says what is wrong with it."""
    address = parse_address(f"{local.strip().lower()}@{domain}")
    if is_reserved(address.local):
        raise BadInput(f"{address.local} is reserved.", "Choose another name before the @.")
    return address.local


def check_note(note: str) -> str:
    """A note as it is kept."""
    if len(note) > MAX_NOTE:
        raise BadInput(f"The note is longer than {MAX_NOTE} characters.", "Shorten it.")
    return note


def check_name(name: str) -> str:
    """A name for replies as it is kept: one line."""
    line = " ".join(name.split())
    if len(line) > MAX_NAME or not all(letter.isprintable() for letter in line):
        raise BadInput(f"The name is longer than {MAX_NAME} characters, or no plain text.", "Shorten it.")
    return line


def choose_mailboxes(db: Database, user_id: int, uids: Sequence[str]) -> list[int]:
    """Ids of the mailboxes named. BadInput when it is none, NotFound when one is not the user's."""
    known = {str(one.uid): one.id for one in mailboxes.of_user(db, user_id)}
    if not uids:
        raise BadInput("No mailbox is chosen.", "Choose one at least, or turn the alias off.")
    if not known.keys() >= set(uids):
        raise NotFound("There is no such mailbox.", "Load the page again.")
    return [known[uid] for uid in uids]


def _make(
    db: Database,
    context: Context,
    user_id: int,
    domain: Domain,
    local: str,
    origin: str,
    mailbox_ids: Sequence[int],
) -> Alias:
    quotas.check(db, context.config, user_id, "aliases")
    if domain.user_id is None and retired.has(db, context.ring, f"{local}@{domain.name}"):
        raise Taken(f"{local}@{domain.name}")
    alias = aliases.add(db, user_id, domain.id, local, origin)
    for mailbox_id in mailbox_ids or [_default_mailbox(db, user_id, domain)]:
        aliases.forward_to(db, alias, mailbox_id)
    return alias


def _described(db: Database, context: Context, alias: Alias, note: str, name: str = "") -> Alias:
    """The alias that was just made, with its note and name."""
    if not note and not name:
        return alias
    aliases.describe(db, context.ring, alias, note, name)
    made = aliases.get(db, alias.uid)
    assert made is not None
    return made


def _default_mailbox(db: Database, user_id: int, domain: Domain) -> int:
    """The domain's own, or else the user's."""
    own = domain_mailboxes.of(db, domain.id) if domain.user_id is not None else None
    if own is not None:
        return own
    mailbox = mailboxes.default(db, user_id)
    if mailbox is None:
        raise Conflict(
            "There is no mailbox to forward to yet.",
            "Add one under Mailboxes, and open the link that is mailed to it.",
        )
    return mailbox.id


def _usable(db: Database, user_id: int, domain_id: int | None, preferred: int | None = None) -> Domain:
    """That domain; without one the preferred, or the first that the user may use. NotFound when there is none."""
    usable = {domain.id: domain for domain in domains.usable(db, user_id)}
    if not usable:
        raise NotFound(
            "There is no domain yet.", "Add one under Domains, or ask the operator for a shared one."
        )
    if domain_id is None:
        return usable.get(preferred or 0) or next(iter(usable.values()))
    if domain_id not in usable:
        raise NotFound("This domain is not yours to use.", "Choose one from the list.")
    return usable[domain_id]
