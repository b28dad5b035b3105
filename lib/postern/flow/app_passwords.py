"""App passwords: what a user types into an app that asks for a login and a password. The app gets an API key for it.

Users have no other password. One is 20 letters of flow/codes.py in groups of five (7XK2M-9QFHD-…), 100 random bits: nobody
guesses one at any speed, and a limit of tries keeps the log and the database quiet. It is looked up by its keyed hash. The keys
that it made have its scope, and end with it; each is told to the user by mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, TooFast
from postern.flow import api_keys as keeping
from postern.flow import codes, tokens, wake
from postern.flow.api_keys import Wanted
from postern.mail.notice import Notice
from postern.store import api_keys, mailboxes, sign_in_codes
from postern.store.api_keys import PASSWORD, New
from postern.store.sign_in_codes import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer, Password

LETTERS = 20
GROUP = 5
MAX_LOGIN = 320
HOUR_SECONDS = 3600
SUDO_MINUTES = 5

SOME_DEVICE = "An app"
"""The name of a key whose app does not say what it is."""

_FORM = re.compile(rf"[0-9A-Z]{{{LETTERS}}}")


class WrongPassword(BadInput):
    """They open nothing: unknown, mistyped, revoked, expired, or the user is disabled. Which, a stranger learns not."""

    def __init__(self) -> None:
        super().__init__(
            "Login or password is wrong.", "The password is an app password, from Settings, API keys."
        )


@dataclass(frozen=True)
class Device:
    """Where somebody signs in. `days`: how long the app wants its key to work; None: as long as the password does."""

    name: str
    network: str
    days: int | None = None


@dataclass(frozen=True)
class SignedIn:
    """An app that was let in: its key, and whose it is. `address`: the mailbox that he reads; empty when he has none."""

    key: str
    name: str
    handle: str
    address: str
    created_at: datetime
    expires_at: datetime | None


def make(context: Context, user_id: int, wanted: Wanted) -> str:
    """Make one for the user who asks; it is shown now or never. BadInput, TooManyKeys, Busy."""
    with context.pool.connection() as db, db.transaction(user_id):
        password = issue(context, db, user_id, wanted)
    wake.drain(context)
    return password


def issue(context: Context, db: Database, user_id: int, wanted: Wanted) -> str:
    """The same inside a transaction of the caller."""
    wanted = keeping.checked(wanted)
    password = codes.new(LETTERS)
    new = New(password, password[:GROUP], wanted.name, wanted.scope, wanted.days, PASSWORD)
    keeping.keep(context, db, user_id, new, _made(context, wanted))
    return codes.written(password, GROUP)


def belongs(context: Context, user_id: int, typed: str) -> bool:
    """Whether it is one of this user's that works: he is asked again before what matters."""
    password = meant(typed)
    if not password:
        return False
    with context.pool.connection() as db, db.transaction(user_id):
        return api_keys.belongs(db, context.ring, user_id, password)


def confirm(context: Context, who: Bearer, typed: str) -> bool:
    """Let the key do for some minutes what needs the password again. False when it is no app password of its user."""
    password = meant(typed)
    if not password:
        return False
    with context.pool.connection() as db, db.transaction(who.user_id):
        confirmed = api_keys.belongs(db, context.ring, who.user_id, password) and api_keys.sudo(
            db, who.id, SUDO_MINUTES
        )
    context.log.info("api_key.sudo", user=who.user_id, confirmed=confirmed)
    return confirmed


def sign_in(context: Context, login: str, typed: str, device: Device) -> SignedIn:
    """Let an app in by a mailbox of its user, or by his handle. WrongPassword, TooFast, TooManyKeys, Busy."""
    login = login.strip().lower()[:MAX_LOGIN]
    with context.pool.connection() as db, db.transaction(SYSTEM):  # whose it is, is what is asked
        if not sign_in_codes.ask(db, context.ring, _asked(context, login, device), SOME_DEVICE, done=True):
            context.log.warning("app_password.limited")
            raise TooFast(HOUR_SECONDS)
        found = api_keys.use_password(
            db, context.ring, login, mailboxes.index(context.ring, login), meant(typed)
        )
        signed_in = None if found is None else _let_in(context, db, found, device)
    if signed_in is None:
        raise WrongPassword  # after the commit: the try counts
    wake.drain(context)
    return signed_in


def meant(typed: str) -> str:
    """The password that somebody typed, whatever its case, blanks and dashes; empty when it has not the form of one."""
    if len(typed) > 4 * LETTERS:
        return ""
    password = codes.meant("".join(typed.split()))
    return password if _FORM.fullmatch(password) else ""


def _asked(context: Context, login: str, device: Device) -> Asked:
    """A try counts for the login together with the network: else anybody could use up the tries of somebody else."""
    ring = context.ring
    return Asked(
        ring.index("app password try", f"{login}\n{device.network}".encode()),
        sign_in_codes.client_index(ring, device.network),
        sign_in_codes.browser_index(ring, tokens.new()),  # no browser waits for a code
    )


def _let_in(context: Context, db: Database, found: Password, device: Device) -> SignedIn:
    name = keeping.tidy(device.name, SOME_DEVICE)
    key = keeping.PREFIX + tokens.new()
    new = New(key, key[: keeping.HEAD], name, found.scope, device.days, made_by=found.id)
    kept = keeping.keep(context, db, found.user_id, new, _entered(context, name, found.name(context.ring)))
    mailbox = mailboxes.default(db, found.user_id)
    context.log.info("sign_in.done", user=found.user_id, by="app password")
    return SignedIn(
        key,
        name,
        found.handle,
        "" if mailbox is None else mailbox.address(context.ring),
        kept.created_at,
        kept.expires_at,
    )


def _made(context: Context, wanted: Wanted) -> Notice:
    return Notice(
        subject="An app password was made for your account",
        paragraphs=(
            f"Apps can sign in to your account by a new app password now. It is called “{wanted.name}”.",
            f"{keeping.MAY[wanted.scope]} {keeping.lifetime(wanted.days)}",
        ),
        button=_look(context),
        small_print=(
            "If it was not you: revoke it there, and sign out all other browsers under Settings, Sign-in."
        ),
    )


def _entered(context: Context, device: str, password: str) -> Notice:
    return Notice(
        subject="An app signed in to your account",
        paragraphs=(f"“{device}” signed in with the app password “{password}”.",),
        button=_look(context),
        small_print="If it was not you: revoke the app password there. All that signed in with it is locked out then.",
    )


def _look(context: Context) -> tuple[str, str]:
    return ("Look at your API keys", context.config.url.rstrip("/") + keeping.PATH)
