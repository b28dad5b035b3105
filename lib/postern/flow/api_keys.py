"""API keys: a program uses an account by one, without signing in. Whoever makes one has the account's user told by mail.

A key is `postern` and 52 letters of flow/tokens.py, which hold 256 random bits: people and scanners of source code see whose it
is, and nobody guesses one. No underscore, and 59 letters in all, since addy.io's browser extension takes 40 to 60 letters and
digits and nothing else. It is looked up by its keyed hash: how long that takes tells nothing to who cannot make such hashes.
Not here: what apps take that want a password (flow/app_passwords.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, Busy, Conflict, NotFound, TooFast
from postern.flow import notify, tokens, wake
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.mail.notice import Notice
from postern.store import api_keys, mailbox_proofs, mailboxes
from postern.store.api_keys import New

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uuid import UUID

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import ApiKey, Bearer

PREFIX = "postern"
HEAD = len(PREFIX) + 4
"""Letters that stay in sight: 20 of the 256 bits."""

MOST = 20
"""Keys and app passwords of a user that work at a time."""

MAX_NAME = 60
MAX_DAYS = 365
PATH = "/settings/api-keys"

MAY = {
    api_keys.READ: "It can look at everything, and change nothing.",
    api_keys.ALIASES: "It can look at everything, and make and change aliases and contacts.",
    api_keys.ALL: "It can do everything, even delete the account.",
}
"""Scope -> what it means."""


WORDS = {api_keys.KEY: "API key", api_keys.PASSWORD: "app password"}
"""Kind -> what it is called."""


@dataclass(frozen=True)
class Wanted:
    """A key or an app password that shall be made. `days`: how long it works; None: until it is revoked."""

    name: str
    scope: str
    days: int | None
    kind: str = api_keys.KEY


class TooManyKeys(Conflict):
    """The user has as many as he may."""

    def __init__(self) -> None:
        super().__init__(
            f"There are {MOST} API keys and app passwords already.", "Revoke one that is no longer used."
        )


def make(context: Context, user_id: int, wanted: Wanted) -> str:
    """Make one for the user who asks; it is shown now or never. BadInput, TooManyKeys, Busy."""
    with context.pool.connection() as db, db.transaction(user_id):
        key = issue(context, db, user_id, wanted)
    wake.drain(context)
    return key


def issue(context: Context, db: Database, user_id: int, wanted: Wanted) -> str:
    """The same inside a transaction of the caller."""
    wanted = checked(wanted)
    key = PREFIX + tokens.new()
    new = New(key, key[:HEAD], wanted.name, wanted.scope, wanted.days)
    keep(context, db, user_id, new, _notice(context, wanted))
    return key


def keep(context: Context, db: Database, user_id: int, new: New, notice: Notice) -> ApiKey:
    """Let one of either kind work, and tell its user, in the transaction that is open. TooManyKeys, Busy."""
    if mailbox_proofs.notices_lately(db, user_id) >= NOTICES_AN_HOUR:
        raise Busy("Too many mails were written to you within the hour.", "Try again in an hour.")
    kept = api_keys.add(db, context.ring, user_id, new, MOST)
    if kept is None:
        raise TooManyKeys
    mailbox = mailboxes.default(db, user_id)
    if mailbox is not None:
        notify.tell(context, db, user_id, mailbox.id, notice)
    context.log.info("api_key.made", user=user_id, kind=new.kind, scope=new.scope)
    return kept


def make_another(context: Context, who: Bearer, name: str) -> str:
    """A key for the key that asks: it may as much, lasts as long, and ends with the same app password. TooManyKeys, Busy."""
    wanted = checked(Wanted(name, who.scope, None))
    key = PREFIX + tokens.new()
    new = New(key, key[:HEAD], wanted.name, wanted.scope, None, made_by=who.made_by, until=who.expires_at)
    with context.pool.connection() as db, db.transaction(who.user_id):
        keep(
            context,
            db,
            who.user_id,
            new,
            _notice(context, wanted, "It works as long as the key that made it."),
        )
    wake.drain(context)
    return key


def use(context: Context, key: str, cost: int = 1) -> Bearer | None:
    """Whose key this is, while it works; its use is noted and counts `cost` against its rate. TooFast."""
    if not (key.startswith(PREFIX) and tokens.is_one(key[len(PREFIX) :])):
        return None
    with context.pool.connection() as db, db.transaction(SYSTEM):  # whose it is, is what is asked
        found = api_keys.use(db, context.ring, key, cost)
    if found is not None and found.wait:
        raise TooFast(found.wait)
    return found


def revoke(context: Context, user_id: int, uid: UUID) -> None:
    """Let it work no more, from the next request on, nor the keys that it made. NotFound."""
    with context.pool.connection() as db, db.transaction(user_id):
        if not api_keys.revoke(db, user_id, uid):
            raise NotFound("It is revoked already.", "Load the page again.")
    context.log.info("api_key.revoked", user=user_id)


def tidy(name: str, otherwise: str) -> str:
    """What a program calls itself, as far as a key may be called that."""
    printable = "".join(letter if letter.isprintable() else " " for letter in name[: 4 * MAX_NAME])
    return " ".join(printable.split())[:MAX_NAME].strip() or otherwise


def lifetime(days: int | None) -> str:
    """How long a key works, in words."""
    return "It works until it is revoked." if days is None else f"It works for {days} days."


def checked(wanted: Wanted) -> Wanted:
    """The same with a tidy name. BadInput."""
    name, what = " ".join(wanted.name.split()), WORDS.get(wanted.kind)
    if what is None:
        raise BadInput("There is no such kind.", f"Choose one of: {', '.join(api_keys.KINDS)}.")
    if not name:
        raise BadInput(f"The {what} has no name.", "Name the program that will use it.")
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"The name is longer than {MAX_NAME} characters, or no plain text.", "Shorten it.")
    if wanted.scope not in api_keys.SCOPES:
        raise BadInput("There is no such scope.", f"Choose one of: {', '.join(api_keys.SCOPES)}.")
    if wanted.days is not None and not 1 <= wanted.days <= MAX_DAYS:
        raise BadInput(f"An {what} cannot last {wanted.days} days.", f"Give 1 to {MAX_DAYS}, or no end.")
    return Wanted(name, wanted.scope, wanted.days, wanted.kind)


def _notice(context: Context, wanted: Wanted, lasting: str = "") -> Notice:
    return Notice(
        subject="An API key was made for your account",
        paragraphs=(
            f"A program can use your account by a new API key now. It is called “{wanted.name}”.",
            f"{MAY[wanted.scope]} {lasting or lifetime(wanted.days)}",
        ),
        button=("Look at your API keys", context.config.url.rstrip("/") + PATH),
        small_print=(
            "If it was not you: revoke it there, and sign out all other browsers under Settings, Sign-in."
        ),
    )
