"""API keys: a program uses an account by one, without signing in. Whoever makes one has the account's user told by mail.

A key is `postern` and 52 letters of flow/tokens.py, which hold 256 random bits: people and scanners of source code see whose it
is, and nobody guesses one. No underscore, and 59 letters in all, since addy.io's browser extension takes 40 to 60 letters and
digits and nothing else. It is looked up by its keyed hash: how long that takes tells nothing to who cannot make such hashes.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, Busy, Conflict, NotFound
from postern.flow import notify, tokens, wake
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.mail.notice import Notice
from postern.store import api_keys, mailbox_proofs, mailboxes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer

PREFIX = "postern"
HEAD = len(PREFIX) + 4
"""Letters that stay in sight: 20 of the 256 bits."""

MOST = 20
"""Keys of a user that work at a time."""

MAX_NAME = 60
MAX_DAYS = 365
PATH = "/settings/api-keys"

MAY = {
    api_keys.READ: "It can look at everything, and change nothing.",
    api_keys.ALIASES: "It can look at everything, and make and change aliases and contacts.",
    api_keys.ALL: "It can do everything, even delete the account.",
}
"""Scope -> what it means."""


@dataclass(frozen=True)
class Wanted:
    """A key that shall be made. `days`: how long it works; None: until it is revoked."""

    name: str
    scope: str
    days: int | None


class TooManyKeys(Conflict):
    """The user has as many as he may."""

    def __init__(self) -> None:
        super().__init__(f"There are {MOST} API keys already.", "Revoke one that is no longer used.")


def make(context: Context, user_id: int, wanted: Wanted) -> str:
    """Make one for the user who asks; it is shown now or never. BadInput, TooManyKeys, Busy."""
    with context.pool.connection() as db, db.transaction(user_id):
        key = issue(context, db, user_id, wanted)
    wake.drain(context)
    return key


def issue(context: Context, db: Database, user_id: int, wanted: Wanted) -> str:
    """The same inside a transaction of the caller."""
    wanted = _checked(wanted)
    if mailbox_proofs.notices_lately(db, user_id) >= NOTICES_AN_HOUR:
        raise Busy("Too many mails were written to you within the hour.", "Try again in an hour.")
    key = PREFIX + tokens.new()
    if not api_keys.add(
        db, context.ring, user_id, key, key[:HEAD], wanted.name, wanted.scope, wanted.days, MOST
    ):
        raise TooManyKeys
    _tell(context, db, user_id, wanted)
    context.log.info("api_key.made", user=user_id, scope=wanted.scope)
    return key


def find(context: Context, key: str) -> Bearer | None:
    """Whose key this is, while it works; its use is noted."""
    if not (key.startswith(PREFIX) and tokens.is_one(key[len(PREFIX) :])):
        return None
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):  # whose it is, is what is asked
            found = api_keys.find(db, context.ring, key)
        if found is not None and not found.used_lately:
            with db.transaction(found.user_id):
                api_keys.touch(db, found.id)
    return found


def revoke(context: Context, user_id: int, uid: UUID) -> None:
    """Let it work no more, from the next request on. NotFound."""
    with context.pool.connection() as db, db.transaction(user_id):
        if not api_keys.revoke(db, user_id, uid):
            raise NotFound("This API key is revoked already.", "Load the page again.")
    context.log.info("api_key.revoked", user=user_id)


def lifetime(days: int | None) -> str:
    """How long a key works, in words."""
    return "It works until it is revoked." if days is None else f"It works for {days} days."


def _checked(wanted: Wanted) -> Wanted:
    name = " ".join(wanted.name.split())
    if not name:
        raise BadInput("The API key has no name.", "Name the program that will use it.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"The name is longer than {MAX_NAME} characters, or no plain text.", "Shorten it.")
    if wanted.scope not in api_keys.SCOPES:
        raise BadInput("There is no such scope.", f"Choose one of: {', '.join(api_keys.SCOPES)}.")
    if wanted.days is not None and not 1 <= wanted.days <= MAX_DAYS:
        raise BadInput(f"An API key cannot last {wanted.days} days.", f"Give 1 to {MAX_DAYS}, or no end.")
    return Wanted(name, wanted.scope, wanted.days)


def _tell(context: Context, db: Database, user_id: int, wanted: Wanted) -> None:
    mailbox = mailboxes.default(db, user_id)
    if mailbox is not None:
        notify.tell(context, db, user_id, mailbox.id, _notice(context, wanted))


def _notice(context: Context, wanted: Wanted) -> Notice:
    return Notice(
        subject="An API key was made for your account",
        paragraphs=(
            f"A program can use your account by a new API key now. It is called “{wanted.name}”.",
            f"{MAY[wanted.scope]} {lifetime(wanted.days)}",
        ),
        button=("Look at your API keys", context.config.url.rstrip("/") + PATH),
        small_print=(
            "If it was not you: revoke it there, and sign out all other browsers under Settings, Sign-in."
        ),
    )
