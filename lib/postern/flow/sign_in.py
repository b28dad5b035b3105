"""Signing in: a link good for one sign-in becomes a session, in one transaction.

Not here: the mailed link and code (flow/sign_in_mail.py), cookies and forms (web/session.py).
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import Conflict, NotFound
from postern.flow import tokens
from postern.store import sessions, sign_in_links

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.store.users import User

LINK_HOURS = 24
LINK_PATH = "/sign-in/link/"


class DeadLink(NotFound):
    """The link signs nobody in. Unknown, used, replaced, too old, its user disabled: a stranger learns not which."""

    def __init__(self) -> None:
        super().__init__(
            "This sign-in link does not work any more.",
            "A link works once, within 24 hours, and only the newest one does. Ask the operator for a new one; "
            "the operator runs: postern user link HANDLE",
        )


def make_link(context: Context, db: Database, user: User) -> str:
    """A URL that signs the user in once, within 24 hours; the one before is void. It is shown now or never.

    Inside a transaction of the caller. Conflict when the user is disabled.
    """
    if user.disabled_at is not None:
        raise Conflict(f"The user {user.handle} is disabled.", "Enable the user first, or choose another.")
    token = tokens.new()
    sign_in_links.make(db, context.ring, user.id, token, LINK_HOURS)
    return context.config.url.rstrip("/") + LINK_PATH + token


def look(context: Context, token: str) -> str:
    """The handle of the user whom the link would sign in; nothing is used up. DeadLink."""
    if not tokens.is_one(token):
        raise DeadLink
    with context.pool.connection() as db, db.transaction(SYSTEM):
        handle = sign_in_links.handle(db, context.ring, token)
    if handle is None:
        raise DeadLink
    return handle


def sign_in(context: Context, token: str, agent: str, before: SignedIn | None) -> str:
    """Use the link up and begin a session; returns its token, always a new one. DeadLink.

    `before`: the session that the browser had. It ends, for nobody could reach it any more.
    """
    if not tokens.is_one(token):
        raise DeadLink
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user_id = sign_in_links.use(db, context.ring, token)
        if user_id is None:
            raise DeadLink
        session = begin(context, db, user_id, agent, before)
    context.log.info("sign_in.done", user=user_id, by="link")
    return session


def begin(context: Context, db: Database, user_id: int, agent: str, before: SignedIn | None) -> str:
    """Begin a session in the transaction that is open; returns its token, always a new one. `before` ends."""
    session = tokens.new()
    sessions.add(db, context.ring, user_id, session, agent)
    if before is not None:
        sessions.end(db, before.id)
    return session


def find_session(context: Context, token: str) -> SignedIn | None:
    """Whose session this is, if it is one; its use is noted."""
    if not tokens.is_one(token):
        return None
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            found = sessions.find(db, context.ring, token)
        if found is not None and not found.seen_lately:
            with db.transaction(found.user_id):
                sessions.touch(db, found.id)
    return found


def sign_out(context: Context, who: SignedIn, everywhere: bool) -> None:
    """End this session, or all of the user's."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        if everywhere:
            sessions.end_all(db, who.user_id)
        else:
            sessions.end(db, who.id)
    context.log.info("sign_in.out", user=who.user_id, everywhere=everywhere)
