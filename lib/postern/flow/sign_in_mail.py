"""Signing in by mail: a browser asks with an address, and gets in with the link or the code that is mailed there.

The request only notes the wish; whose address it is is found out by the drain that it wakes. So known and unknown addresses are
answered by the same work, and no clock tells them apart. Link and code work for ten minutes, once, in the browser that asked.
"""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.errors import BadInput, NotFound
from postern.flow import codes, notify, sign_in, tokens, wake
from postern.mail.notice import Notice
from postern.store import mailboxes, sign_in_codes
from postern.store.sign_in_codes import Asked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.store.sign_in_codes import Open, Owner, Wish

LINK_PATH = "/sign-in/mail/"
CODE_LETTERS = 8
"""40 random bits, and five tries at them."""


class WrongCode(BadInput):
    """The code signs nobody in: mistyped, too old, used, void, or never mailed. Which, a stranger learns not."""

    def __init__(self) -> None:
        super().__init__(
            "This code does not work.",
            "Look at the newest mail. A code works for ten minutes, once, and only in the browser that asked for it.",
        )


class DeadLink(NotFound):
    """The link signs nobody in."""

    def __init__(self) -> None:
        super().__init__(
            "This link does not work any more.",
            "It works for ten minutes and once. Ask for a new one on the sign-in page.",
        )


def ask(context: Context, address: str, network: str, browser: str, agent: str) -> None:
    """Note that somebody wants to sign in with this address. Nothing tells whether a mail will come."""
    ring = context.ring
    asked = Asked(
        mailboxes.index(ring, address),
        sign_in_codes.client_index(ring, network),
        sign_in_codes.browser_index(ring, browser),
    )
    with context.pool.connection() as db, db.transaction(SYSTEM):
        allowed = sign_in_codes.ask(db, ring, asked, agent)
    if allowed:
        wake.drain(context)
    else:
        context.log.warning("sign_in.limited")


def post_asked(context: Context) -> None:
    """The drain's part: look up who asked, and queue the mails. One transaction each."""
    while _post_one(context):
        pass


def _post_one(context: Context) -> bool:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        wish = sign_in_codes.next_wish(db)
        if wish is None:
            return False
        found = sign_in_codes.owner(db, wish.address_index)
        token, code = tokens.new(), codes.new(CODE_LETTERS)
        sign_in_codes.posted(db, context.ring, wish, found, token, code)
        if found is not None:
            notice = _notice(context, wish, found, token, code)
            notify.post(context, db, found.user_id, found.mailbox_id, notice, urgent=True)
    context.log.info("sign_in.asked", known=found is not None)
    return True


def _notice(context: Context, wish: Wish, found: Owner, token: str, code: str) -> Notice:
    site = context.config.url.split("//")[-1].rstrip("/")
    return Notice(
        subject=f"Welcome to {site}" if found.is_new else f"Sign in to {site}",
        paragraphs=(
            f"Press the button in the browser where you asked, or type this code there. You are {found.handle}.",
        ),
        code=codes.written(code),
        button=("Sign in", context.config.url.rstrip("/") + LINK_PATH + token),
        small_print=f"Asked for with {wish.agent(context.ring)}. Link and code work for ten minutes, once. "
        "If it was not you, do nothing: nobody gets in without this mail.",
    )


def look(context: Context, token: str, browser: str) -> tuple[str, bool]:
    """The handle that the link would sign in, and whether this browser asked for it. DeadLink."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        found = sign_in_codes.by_token(db, context.ring, token) if tokens.is_one(token) else None
    if found is None:
        raise DeadLink
    return found.handle, _is_same(context, found, browser)


def use_link(context: Context, token: str, browser: str, agent: str, before: SignedIn | None) -> str:
    """Sign in by the link; returns the new session's token. DeadLink, also in another browser than the one that asked."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        found = sign_in_codes.by_token(db, context.ring, token) if tokens.is_one(token) else None
        if found is None or not _is_same(context, found, browser):
            raise DeadLink
        session = _begin(context, db, found, agent, before)
    context.log.info("sign_in.done", user=found.user_id, by="mail")
    return session


def use_code(context: Context, typed: str, browser: str, agent: str, before: SignedIn | None) -> str:
    """Sign in by the code; returns the new session's token. WrongCode."""
    code = codes.meant(typed)
    index = sign_in_codes.browser_index(context.ring, browser)
    with context.pool.connection() as db, db.transaction(SYSTEM):
        found = sign_in_codes.by_code(db, context.ring, index, code) if browser else None
        session = "" if found is None else _begin(context, db, found, agent, before)
    if found is None:
        raise WrongCode  # after the commit: the try counts
    context.log.info("sign_in.done", user=found.user_id, by="code")
    return session


def _begin(context: Context, db: Database, found: Open, agent: str, before: SignedIn | None) -> str:
    sign_in_codes.confirm(db, found)
    sign_in_codes.use(db, found.browser_index)
    return sign_in.begin(context, db, found.user_id, agent, before)


def _is_same(context: Context, found: Open, browser: str) -> bool:
    import hmac

    return hmac.compare_digest(found.browser_index, sign_in_codes.browser_index(context.ring, browser))
