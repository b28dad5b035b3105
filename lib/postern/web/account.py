"""/account: what a user has here, and signing out. Everything is read as that user: another's rows are not there for it."""

from __future__ import annotations

from datetime import timezone

from postern.flow import sign_in
from postern.store import aliases, mailboxes, sessions
from postern.web import csrf, render, session
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from postern.base.keyring import KeyRing
    from postern.flow.context import Context
    from postern.store.aliases import Alias
    from postern.store.mailboxes import Mailbox
    from postern.store.sessions import Session, SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request
    from postern.web.response import Response


@session.page
def show(context: Context, request: Request, who: SignedIn) -> Response:
    """GET /account."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        own_mailboxes = mailboxes.of_user(db, who.user_id)
        own_aliases = aliases.of_user(db, who.user_id)
        own_sessions = sessions.of_user(db, who.user_id)
    page = render.page(
        "account",
        "Your account",
        handle=who.handle,
        since=_day(who.user_since),
        mailboxes=_mailboxes(context.ring, own_mailboxes, who.handle),
        aliases=_aliases(own_aliases, who.handle),
        sessions=_sessions(context.ring, own_sessions, who),
        csrf=csrf.token(context, who),
    )
    return responses.html(200, page)


@session.action
def sign_out(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /sign-out: this browser."""
    sign_in.sign_out(context, who, everywhere=False)
    return responses.redirect(session.SIGN_IN, session.drop_cookie(context))


@session.action
def sign_out_everywhere(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
    """POST /sign-out/everywhere: every browser of this user."""
    sign_in.sign_out(context, who, everywhere=True)
    return responses.redirect(session.SIGN_IN, session.drop_cookie(context))


def _aliases(found: Sequence[Alias], handle: str) -> str:
    if not found:
        return _empty("No alias yet. The operator makes one:", f"postern alias add {handle} ADDRESS")
    rows = [
        _row(
            render.address(one.address),
            f"since {_day(one.created_at)}",
            _badge(one.enabled, "on", "off: refuses mail"),
            "address",
        )
        for one in found
    ]
    return _list(rows)


def _mailboxes(ring: KeyRing, found: Sequence[Mailbox], handle: str) -> str:
    if not found:
        words = "No mailbox yet, so nothing can be forwarded. The operator adds one:"
        return _empty(words, f"postern mailbox add {handle} ADDRESS --verified")
    rows = []
    for one in found:
        badge = _badge(one.verified_at is not None, "verified", "not verified: gets no mail")
        rows.append(
            _row(render.address(one.address(ring)), f"since {_day(one.created_at)}", badge, "address")
        )
    return _list(rows)


def _sessions(ring: KeyRing, found: Sequence[Session], who: SignedIn) -> str:
    rows = []
    for one in found:
        badge = _badge(True, "this browser", "") if one.id == who.id else ""
        note = f"since {_day(one.created_at)}, last used {_minute(one.seen_at)}"
        rows.append(_row(one.agent(ring), note, badge, ""))
    return _list(rows)


def _list(rows: Sequence[str]) -> str:
    return render.render("account_list", rows=render.join(rows))


def _row(name: str, note: str, badge: str, kind: str) -> str:
    return render.render("account_row", name=name, note=note, badge=badge, kind=kind)


def _badge(good: bool, words: str, otherwise: str) -> str:
    kind = "badge-good" if good else "badge-warn"
    return render.render("account_badge", kind=kind, words=words if good else otherwise)


def _empty(words: str, command: str) -> str:
    return render.render("account_empty", words=words, command=command)


def _day(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d")


def _minute(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
