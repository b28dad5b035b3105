"""Passkeys: added by somebody who is signed in, and signing in by one. What they prove is verified in the room webauthn.

A user is told by mail when one is added or removed, and when one looks copied: who got in another way cannot quietly
leave a door open.
"""

from __future__ import annotations

from postern.base.database import SYSTEM, UniqueViolation
from postern.base.errors import BadInput, Busy, Conflict, NotFound
from postern.flow import challenges, notify, sign_in, wake
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.mail.notice import Notice
from postern.store import mailbox_proofs, mailboxes, passkeys, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.passkeys import Signer
    from postern.store.sessions import SignedIn
    from postern.webauthn.answer import Answer
    from postern.webauthn.assertion import Assertion

MOST = 20
MAX_NAME = 60

_IF_NOT_YOU = "If it was not you: sign in, look through your passkeys under Settings, Sign-in, and sign out all other browsers."


class Unknown(BadInput):
    """No account is opened by it: unknown, removed, its user disabled. A stranger learns not which."""

    def __init__(self) -> None:
        super().__init__(
            "This passkey opens no account here.",
            "Take another one, or let a mail sign you in. Your passkeys stand under Settings, Sign-in.",
        )


def creation(context: Context, db: Database, user_id: int) -> tuple[bytes, dict[str, object]]:
    """A challenge to add a passkey, and what the browser is asked (webauthn/options.py). In the user's transaction."""
    from postern.webauthn import options

    user = users.get(db, user_id)
    assert user is not None
    challenge = challenges.new(context.ring, user_id)
    owner = options.Owner(user.uid.bytes, user.handle)
    taken = [(one.credential_id, tuple(one.transports.split())) for one in passkeys.of_user(db, user_id)]
    return challenge, options.creation(challenge, _rp_id(context), owner, taken)


def request(context: Context) -> tuple[bytes, dict[str, object]]:
    """A challenge to sign in, and what the browser is asked."""
    from postern.webauthn import options

    challenge = challenges.new(context.ring)
    return challenge, options.request(challenge, _rp_id(context))


def add(context: Context, user_id: int, challenge: str, answer: str, name: str) -> None:
    """Keep the passkey that the browser made. Refused, DeadChallenge, BadInput, Conflict, Busy."""
    from postern.webauthn import answer as answers
    from postern.webauthn import registration

    name, asked = check_name(name), _bytes(challenge)
    challenges.check(context.ring, asked, user_id)
    made = registration.register(answers.parse(answer), asked, context.config.origin, _rp_id(context))
    try:
        with context.pool.connection() as db, db.transaction(user_id):
            _check_room(db, user_id)
            challenges.use_up(db, context.ring, asked, user_id)
            passkeys.add(db, context.ring, user_id, name, made)
            _tell(
                context,
                db,
                user_id,
                "A passkey was added",
                f"It is called {name}, and signs in to your account.",
            )
    except UniqueViolation:
        raise Conflict(
            "This passkey opens an account already.", "Make a new one, or use another device."
        ) from None
    wake.drain(context)
    context.log.info("passkey.added", user=user_id)


def check_name(name: str) -> str:
    """A name as it is kept: one line."""
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadInput(f"A passkey's name has 1 to {MAX_NAME} characters.", "Type another one.")
    return name


def remove(context: Context, user_id: int, uid: UUID) -> None:
    """Let it sign nobody in any more. NotFound."""
    with context.pool.connection() as db, db.transaction(user_id):
        gone = passkeys.get(db, uid)
        if gone is None or not passkeys.remove(db, uid):
            raise NotFound("There is no such passkey.", "It was removed already: load the page again.")
        words = f"It was called {gone.name(context.ring)}, and does not sign in any more."
        if mailbox_proofs.notices_lately(db, user_id) < NOTICES_AN_HOUR:
            _tell(context, db, user_id, "A passkey was removed", words)
    wake.drain(context)
    context.log.info("passkey.removed", user=user_id)


def enter(context: Context, challenge: str, answer: str, agent: str, before: SignedIn | None) -> str:
    """Sign in by a passkey; returns the new session's token. Refused, DeadChallenge, Unknown."""
    from postern.webauthn import answer as answers
    from postern.webauthn.refused import Copied

    asked = _bytes(challenge)
    challenges.check(context.ring, asked)
    told = answers.parse(answer)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        signer = passkeys.signer(db, told.credential_id)
        if signer is None:
            raise Unknown
        try:
            proven = _proven(context, told, asked, signer)
        except Copied:
            _warn(context, db, signer)
            session = ""
        else:
            challenges.use_up(db, context.ring, asked)
            passkeys.used(db, signer.id, proven.sign_count, proven.backed_up)
            session = sign_in.begin(context, db, signer.user_id, agent, before)
    if not session:
        wake.drain(context)
        raise Copied  # after the commit: its user is told
    context.log.info("sign_in.done", user=signer.user_id, by="passkey")
    return session


def _proven(context: Context, told: Answer, asked: bytes, signer: Signer) -> Assertion:
    """That this passkey answered this challenge, for this user. Refused."""
    from postern.webauthn import assertion

    known = assertion.Known(signer.public_key, signer.sign_count)
    proven = assertion.sign_in(told, asked, context.config.origin, _rp_id(context), known)
    if proven.user_handle not in (None, signer.user_uid.bytes):
        raise Unknown
    return proven


def _warn(context: Context, db: Database, signer: Signer) -> None:
    """The counter went back (6.1.1): somebody may have a copy. The one who signs may as well be its owner."""
    context.log.warning("passkey.copied", user=signer.user_id)
    if mailbox_proofs.notices_lately(db, signer.user_id) < NOTICES_AN_HOUR:
        words = "One of your passkeys has been used further than it says. There may be a copy of it, so it did not sign in."
        _tell(context, db, signer.user_id, "A passkey may have been copied", words)


def _check_room(db: Database, user_id: int) -> None:
    if len(passkeys.of_user(db, user_id)) >= MOST:
        raise Conflict(f"You have {MOST} passkeys, and that is the most.", "Remove one that you do not use.")
    if mailbox_proofs.notices_lately(db, user_id) >= NOTICES_AN_HOUR:
        raise Busy("Too many mails were written to you within the hour.", "Try again in an hour.")


def _tell(context: Context, db: Database, user_id: int, subject: str, words: str) -> None:
    mailbox = mailboxes.default(db, user_id)
    if mailbox is not None:
        notice = Notice(subject=subject, paragraphs=(words,), small_print=_IF_NOT_YOU)
        notify.tell(context, db, user_id, mailbox.id, notice)


def _rp_id(context: Context) -> str:
    """The site's name as passkeys know it (RP ID): the host, without a port."""
    host = context.config.origin.partition("://")[2]
    return host if host.endswith("]") else host.partition(":")[0]


def _bytes(challenge: str) -> bytes:
    from postern.webauthn import base64url

    return base64url.decode(challenge)
