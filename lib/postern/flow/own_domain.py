"""A user's own domain: claimed, shown to be his by a TXT record, set up, and given back.

The record stands at `_postern.<domain>`, not at the domain itself: there it may meet a CNAME or a dozen other services'
records, and whoever may write below a domain's name may write its MX as well. Ownership is asked once: who loses a domain
loses its MX, so no mail of it reaches us any more.
"""

from __future__ import annotations

import base64
import os
import re

from postern.base.database import SYSTEM, UniqueViolation
from postern.base.errors import BadInput, Conflict
from postern.dns.doh import Resolver
from postern.mail.domain import to_ascii
from postern.store import domain_mailboxes, domains, quotas, retired

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.domains import Domain
    from postern.store.mailboxes import Mailbox

RECORD = "_postern"
PREFIX = "postern-verify="
LOOKUP_SECONDS = 5.0
MOST_A_DAY = 1000
MAX_NOTE = 500
"""Characters; the CHECK of the column says the same."""

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class NotShown(Conflict):
    """The TXT record is not there (yet), or says something else."""


def record_name(domain: Domain) -> str:
    """Where the TXT record is looked for."""
    return f"{RECORD}.{domain.name}"


def record_value(domain: Domain) -> str:
    """What it must say."""
    return PREFIX + domain.proof


def read_name(typed: str) -> str:
    """The domain's name as it is kept. BadInput."""
    name = to_ascii(typed.strip().rstrip("."))
    if name is None or "." not in name or name.rpartition(".")[2].isdigit():
        raise BadInput(
            "This is not a domain name.", "Give it like example.org, without http:// and without an @."
        )
    return name


def claim(context: Context, user_id: int, typed: str) -> Domain:
    """Say that a domain is one's own. BadInput, Conflict, OverQuota."""
    name = read_name(typed)
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            # Whose it is stays unsaid: users do not learn of one another.
            _check_free(domains.in_the_way(db, name, user_id))
        try:
            with db.transaction(user_id):
                quotas.check(db, context.config, user_id, "domains")
                return domains.claim(db, name, user_id, _new_proof())
        except UniqueViolation:
            raise Conflict(f"You have {name} already.", "It stands in the list.") from None


def take_subdomain(context: Context, user_id: int, label: str, parent_id: int) -> Domain:
    """A subdomain of a shared domain, where the operator offers that. BadInput, Conflict, OverQuota."""
    label = label.strip().lower()
    if not _LABEL.fullmatch(label) or label.startswith("xn--") or len(label) < 3:
        raise BadInput(
            "This cannot be the name of a subdomain.", "Use 3 to 63 letters, digits and hyphens, like jane."
        )
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            parent = next(
                (one for one in domains.all_domains(db) if one.id == parent_id and one.user_id is None), None
            )
            if parent is None or not parent.subdomains:
                raise Conflict("This domain has no subdomains to take.", "Choose one from the list.")
            name = f"{label}.{parent.name}"
            # It is shared ground above; what counts is the name itself and what lies below it.
            if retired.has(db, context.ring, f"@{name}"):
                raise Conflict(f"{name} is taken.", "Choose another name.")
        try:
            with db.transaction(user_id):
                quotas.check(db, context.config, user_id, "domains")
                return domains.take_subdomain(db, name, user_id, parent.id)
        except UniqueViolation:
            raise Conflict(f"{name} is taken.", "Choose another name.") from None


def check(context: Context, domain: Domain) -> None:
    """Look for the TXT record, and verify the domain when it is there. NotShown, Unreachable, Conflict."""
    found = Resolver(context.config.doh_url, LOOKUP_SECONDS).txt(record_name(domain))
    assert domain.user_id is not None
    with context.pool.connection() as db:
        if record_value(domain) not in (text.strip() for text in found):
            with db.transaction(domain.user_id):
                domains.note_check(db, domain.id)
            raise _not_shown(domain, found)
        try:
            with db.transaction(SYSTEM):
                _check_free(domains.in_the_way(db, domain.name, domain.user_id))
                domains.verify(db, domain.id)
        except UniqueViolation:
            _check_free(domain)
    context.log.info("domain.verified", user=domain.user_id, domain=domain.name)


def _not_shown(domain: Domain, found: list[str]) -> NotShown:
    others = [text for text in found if text.startswith(PREFIX)]
    if others:
        return NotShown(
            f"The TXT record at {record_name(domain)} says something else.",
            f"Change it to {record_value(domain)}, wait some minutes, and check again.",
        )
    return NotShown(
        f"There is no such TXT record at {record_name(domain)} yet.",
        "Make it where your domain's DNS is kept. New records can take some minutes, old ones up to a day to change.",
    )


def _check_free(other: Domain | None) -> None:
    if other is not None:
        raise Conflict(
            "This domain, or one above or below it, is in use on this server.",
            "If it is yours, ask the operator.",
        )


def set_fly(context: Context, domain: Domain, on: bool, per_day: int) -> None:
    """Whether any address of it makes itself an alias, and how many a day at most. BadInput."""
    if not 0 <= per_day <= MOST_A_DAY:
        raise BadInput("The number a day is none.", f"Give a whole number up to {MOST_A_DAY:,}.")
    assert domain.user_id is not None
    with context.pool.connection() as db, db.transaction(domain.user_id):
        domains.set_fly(db, domain.id, on, per_day)


def enable(context: Context, domain: Domain, on: bool) -> None:
    """Whether its aliases take mail at all."""
    assert domain.user_id is not None
    with context.pool.connection() as db, db.transaction(domain.user_id):
        domains.enable(db, domain.id, on)


def describe(context: Context, domain: Domain, note: str) -> None:
    """What its user says about it. BadInput."""
    assert domain.user_id is not None
    if len(note) > MAX_NOTE:
        raise BadInput(f"The note is longer than {MAX_NOTE} characters.", "Shorten it.")
    with context.pool.connection() as db, db.transaction(domain.user_id):
        domains.describe(db, domain.id, note)


def forward_new_to(context: Context, domain: Domain, mailbox: Mailbox | None) -> None:
    """Where its new aliases forward; None: to the user's default mailbox. BadInput for one that is not confirmed."""
    assert domain.user_id is not None
    with context.pool.connection() as db, db.transaction(domain.user_id):
        if mailbox is None:
            domain_mailboxes.forget(db, domain.id)
        elif mailbox.verified_at is None:
            raise BadInput("This mailbox is not confirmed yet.", "Open the link that was mailed to it.")
        else:
            domain_mailboxes.choose(db, domain.user_id, domain.id, mailbox.id)


def give_back(context: Context, domain: Domain) -> None:
    """Delete it with its aliases. A subdomain of a shared domain goes to nobody else afterwards."""
    assert domain.user_id is not None
    with context.pool.connection() as db, db.transaction(SYSTEM):
        if domain.parent_id is not None:
            retired.add(db, context.ring, f"@{domain.name}")
        domains.delete(db, domain.id)
    context.log.info("domain.deleted", user=domain.user_id, domain=domain.name)


def _new_proof() -> str:
    return base64.b32encode(os.urandom(20)).decode().lower()
