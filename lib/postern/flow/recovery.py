"""Recovery codes: ten on paper, each good for one sign-in without mail. Who makes or uses them is told so by mail.

A code holds 80 random bits: guessing is hopeless at any speed. The limit of tries keeps the log and the database quiet.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, Busy
from postern.flow import codes, notify, sign_in, tokens, wake
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.mail.notice import Notice
from postern.store import mailbox_proofs, mailboxes, recovery_codes, sign_in_codes
from postern.store.sign_in_codes import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn

CODES = 10
LETTERS = 16

_MADE = Notice(
    subject="New recovery codes were made",
    paragraphs=(
        "Somebody who is signed in to your account made new recovery codes. Those from before are void.",
    ),
    small_print="If it was not you: sign in, make new ones, and sign out all other browsers under Settings, Sign-in.",
)


class WrongRecovery(BadInput):
    """Name and code sign nobody in: unknown, mistyped, used, void, or tried too often. Which, a stranger learns not."""

    def __init__(self) -> None:
        super().__init__(
            "This name and this code do not fit.",
            "Take a code that was not used yet, from the newest list. After five tries, wait an hour.",
        )


def make(context: Context, user_id: int) -> list[str]:
    """Make ten new codes; those before are void. They are shown now or never. Busy."""
    made = [codes.new(LETTERS) for _ in range(CODES)]
    with context.pool.connection() as db, db.transaction(user_id):
        if mailbox_proofs.notices_lately(db, user_id) >= NOTICES_AN_HOUR:
            raise Busy("Too many mails were written to you within the hour.", "Try again in an hour.")
        recovery_codes.replace(db, context.ring, user_id, made)
        _tell(context, db, user_id, _MADE)
    wake.drain(context)
    context.log.info("recovery.made", user=user_id)
    return [codes.written(code) for code in made]


def use(context: Context, handle: str, typed: str, network: str, agent: str, before: SignedIn | None) -> str:
    """Sign in by a code; returns the new session's token. WrongRecovery."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        session = _use(context, db, handle.lower(), typed, network, agent, before)
    if not session:
        raise WrongRecovery  # after the commit: the try counts
    wake.drain(context)
    return session


def _use(
    context: Context, db: Database, handle: str, typed: str, network: str, agent: str, before: SignedIn | None
) -> str:
    if not sign_in_codes.ask(db, context.ring, _asked(context, handle, network), agent, done=True):
        context.log.warning("recovery.limited")
        return ""
    user_id = recovery_codes.use(db, context.ring, handle, codes.meant(typed))
    if user_id is None:
        return ""
    left = recovery_codes.left(db, user_id)
    _tell(context, db, user_id, _used(agent, left))
    context.log.info("sign_in.done", user=user_id, by="recovery")
    return sign_in.begin(context, db, user_id, agent, before)


def _asked(context: Context, handle: str, network: str) -> Asked:
    """A try counts for the name together with the network: else anybody could use up the tries of somebody else."""
    ring = context.ring
    return Asked(
        ring.index("recovery try", f"{handle}\n{network}".encode()),
        sign_in_codes.client_index(ring, network),
        sign_in_codes.browser_index(ring, tokens.new()),  # no browser waits for a code
    )


def _used(agent: str, left: int) -> Notice:
    return Notice(
        subject="A recovery code was used",
        paragraphs=(f"Somebody signed in to your account with a recovery code ({agent}). {left} are left.",),
        small_print="If it was not you: sign in, make new codes, and sign out all other browsers under Settings, Sign-in.",
    )


def _tell(context: Context, db: Database, user_id: int, notice: Notice) -> None:
    mailbox = mailboxes.default(db, user_id)
    if mailbox is not None:
        notify.tell(context, db, user_id, mailbox.id, notice)
