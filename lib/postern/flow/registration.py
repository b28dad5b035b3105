"""Opening an account: by an invitation, or by oneself where POSTERN_REGISTRATION is open.

The account is made at once, unconfirmed: it can do nothing, and is deleted after a day. The mailed link or code
(flow/sign_in_mail.py) proves the address and confirms it. Is the address an account's already, that account is what the mail
signs in to: so a stranger who types somebody's address learns nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postern.base.database import SYSTEM, UniqueViolation
from postern.base.errors import BadInput, Conflict, NotFound
from postern.flow import tokens, wake
from postern.mail.address import parse_address
from postern.store import domains, invitations, mailboxes, sign_in_codes, users
from postern.store.sign_in_codes import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.mail.address import Address
    from postern.store.invitations import Invitation

INVITATION_PATH = "/invitation/"
OPEN = "open"
MAX_DAYS = 365

_HANDLE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_RESERVED = frozenset({"operator"})
"""Who stands as actor among the admin acts (store/admin_acts.py)."""


@dataclass(frozen=True)
class Applicant:
    """Who wants an account: what was typed, and from where."""

    handle: str
    address: str = field(repr=False)
    network: str
    browser: str = field(repr=False)
    agent: str


class DeadInvitation(NotFound):
    """The link opens no account: unknown, used, revoked or too old. Which, a stranger learns not."""

    def __init__(self) -> None:
        super().__init__(
            "This invitation does not work any more.",
            "It works once, and for some days only. Ask who gave it to you for a new one.",
        )


def check_handle(text: str) -> str:
    """A name that an account may have. BadInput."""
    if not _HANDLE.fullmatch(text):
        raise BadInput(
            f"{text[:63]!r} cannot be a name of an account.",
            "Use a-z, 0-9 and . _ - and begin with a letter or digit.",
        )
    if text in _RESERVED:
        raise BadInput(f"The name {text} is reserved.", "Choose another one.")
    return text


def invite(context: Context, db: Database, made_by: str, role: str, note: str, days: int) -> str:
    """A URL that opens one account; it is shown now or never. Inside a transaction of the caller. BadInput."""
    if not 1 <= days <= MAX_DAYS:
        raise BadInput(f"An invitation cannot last {days} days.", f"Give 1 to {MAX_DAYS} days.")
    if len(note) > 500:
        raise BadInput("The note is too long.", "500 characters are enough for it.")
    token = tokens.new()
    invitations.add(db, context.ring, token, made_by, role, note, days)
    return context.config.url.rstrip("/") + INVITATION_PATH + token


def revoke(db: Database, uid: UUID) -> Invitation | None:
    """Void an invitation, with the account that waits for its proof. None when there is none, or it was used."""
    gone = invitations.revoke(db, uid)
    if gone is not None and gone.used_by is not None:
        users.delete_unconfirmed(db, gone.used_by)
    return gone


def look(context: Context, token: str) -> Invitation:
    """The invitation of that link; nothing is used up. DeadInvitation."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        return _invitation(context, db, token)


def need_open(context: Context) -> None:
    """NotFound where accounts are opened by invitation only."""
    if context.config.registration != OPEN:
        raise NotFound("Accounts are opened by invitation here.", "Ask the operator of this site for one.")


def open_account(context: Context, applicant: Applicant, token: str = "") -> None:
    """Open an account by the invitation of that token; without one, where anybody may. The mail proves the address.

    DeadInvitation, NotFound, BadInput, Conflict. Who asks too often is answered like everybody else, and gets no mail.
    """
    handle, address = check_handle(applicant.handle.lower()), parse_address(applicant.address)
    if not token:
        need_open(context)
    try:
        with context.pool.connection() as db, db.transaction(SYSTEM):
            invitation = _invitation(context, db, token) if token else None
            asked = _ask(context, db, applicant, address)
            if asked:
                _add(context, db, handle, address, invitation)
    except UniqueViolation:
        # Names are no secret: users see them on each page, and a name that is taken cannot be had.
        raise Conflict(f"The name {handle} is taken.", "Choose another one.") from None
    if asked:
        wake.drain(context)
    context.log.info("registration.asked", allowed=asked, invited=bool(token))


def _invitation(context: Context, db: Database, token: str) -> Invitation:
    found = invitations.find(db, context.ring, token) if tokens.is_one(token) else None
    if found is None:
        raise DeadInvitation
    return found


def _ask(context: Context, db: Database, applicant: Applicant, address: Address) -> bool:
    """Have the address proven (flow/sign_in_mail.py), unless it was asked for too often."""
    if domains.find(db, address.domain) is not None:
        raise Conflict(
            "This address is on a domain of this server, so its mail would come back here.",
            "Give the address where you really read mail.",
        )
    ring = context.ring
    asked = Asked(
        mailboxes.index(ring, str(address)),
        sign_in_codes.client_index(ring, applicant.network),
        sign_in_codes.browser_index(ring, applicant.browser),
    )
    return sign_in_codes.ask(db, ring, asked, applicant.agent)


def _add(
    context: Context, db: Database, handle: str, address: Address, invitation: Invitation | None
) -> None:
    if invitation is not None and invitation.used_by is not None:
        users.delete_unconfirmed(db, invitation.used_by)  # the form was sent before, maybe with a slip
    user = users.add(db, handle, invitation.role if invitation else users.USER, confirmed=False)
    mailboxes.add(db, context.ring, user.id, str(address), verified=False)
    if invitation is not None:
        invitations.take(db, invitation.id, user.id)
