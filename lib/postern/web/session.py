"""The session cookie, and the wrappers that let only those in who are signed in.

    @session.page           GET: handler(context, request, who); others are sent to /sign-in
    @session.action         POST: handler(context, request, who, fields); besides, the form must come from a page of ours
    @session.upload         the same for a form with a file
    @session.admin_page     the same for admins; for other users there is no such page
    @session.admin_action

The cookie is `__Host-postern` (RFC 6265bis 4.1.3.2: of this host alone, Secure, Path=/). Browsers refuse that on a site at
http://localhost, which settings allow for a demo: there it is `postern`, without Secure.
"""

from __future__ import annotations

import functools

from postern.base.errors import NotFound
from postern.flow import sign_in, tokens
from postern.web import csrf, form
from postern.web import response as responses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.base.settings import Config
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request
    from postern.web.response import Response

SIGN_IN = "/sign-in"
MAX_AGE_SECONDS = 90 * 86400
"""The longest that a session may last (store/sessions.py); the database decides."""

BROWSER_SECONDS = 1800
"""The cookie of a browser that asks for a mail outlives the mail's ten minutes."""

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
"""What stands in User-Agent -> its name; the first that fits: each claims to be those behind it."""

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def find(context: Context, request: Request) -> SignedIn | None:
    """Who asks, when somebody who is signed in does."""
    token = _token(context.config, request)
    return sign_in.find_session(context, token) if token else None


def page(handler: Callable[[Context, Request, SignedIn], Response]) -> Callable[[Context, Request], Response]:
    """Show it to those who are signed in."""

    @functools.wraps(handler)
    def wrapped(context: Context, request: Request) -> Response:
        who = find(context, request)
        return responses.redirect(SIGN_IN) if who is None else handler(context, request, who)

    return wrapped


def action(
    handler: Callable[[Context, Request, SignedIn, Fields], Response],
) -> Callable[[Context, Request], Response]:
    """Do it for those who are signed in and sent our form."""
    return _changing(handler, form.read)


def upload(
    handler: Callable[[Context, Request, SignedIn, Fields], Response],
) -> Callable[[Context, Request], Response]:
    """The same for a form with a file."""
    from postern.web import multipart

    return _changing(handler, multipart.read)


def _changing(
    handler: Callable[[Context, Request, SignedIn, Fields], Response], read: Callable[[Request], Fields]
) -> Callable[[Context, Request], Response]:
    @functools.wraps(handler)
    def wrapped(context: Context, request: Request) -> Response:
        csrf.check_origin(context, request)
        who = find(context, request)
        if who is None:
            return responses.redirect(SIGN_IN)
        fields = read(request)
        csrf.check_token(context, who, fields)
        return handler(context, request, who, fields)

    return wrapped


def admin_page(
    handler: Callable[[Context, Request, SignedIn], Response],
) -> Callable[[Context, Request], Response]:
    """Show it to admins."""

    @functools.wraps(handler)
    def wrapped(context: Context, request: Request, who: SignedIn) -> Response:
        _need_admin(who)
        return handler(context, request, who)

    return page(wrapped)


def admin_action(
    handler: Callable[[Context, Request, SignedIn, Fields], Response],
) -> Callable[[Context, Request], Response]:
    """Do it for admins."""

    @functools.wraps(handler)
    def wrapped(context: Context, request: Request, who: SignedIn, fields: Fields) -> Response:
        _need_admin(who)
        return handler(context, request, who, fields)

    return action(wrapped)


def _need_admin(who: SignedIn) -> None:
    if not who.is_admin:
        raise NotFound("There is no page at this address.", "Check it, or start at the front page.")


def set_cookie(context: Context, token: str) -> tuple[str, str]:
    """The header that makes a browser hold this session."""
    return _cookie(context.config, token, MAX_AGE_SECONDS)


def drop_cookie(context: Context) -> tuple[str, str]:
    """The header that makes it forget."""
    return _cookie(context.config, "", 0)


def set_browser(context: Context, token: str) -> tuple[str, str]:
    """The header that ties what is mailed now to this browser. It opens nothing by itself."""
    return _cookie(context.config, token, BROWSER_SECONDS, "-browser")


def browser_token(context: Context, request: Request) -> str:
    """What set_browser gave it; empty when there is none."""
    token = request.cookie(_name(context.config)[0] + "-browser")
    return token if tokens.is_one(token) else ""


def browser(request: Request) -> str:
    """The browser in a few words, for the list of sessions: of the long line that it sends, no more is kept."""
    agent = request.header("User-Agent")
    name = next((name for mark, name in _BROWSERS if mark in agent), "A browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{name} on {system}" if system else name


def _cookie(config: Config, value: str, max_age: int, suffix: str = "") -> tuple[str, str]:
    name, secure = _name(config)
    return (
        "Set-Cookie",
        f"{name}{suffix}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}",
    )


def _name(config: Config) -> tuple[str, str]:
    # Settings allow http:// for this machine only (base/config.py).
    return ("__Host-postern", "; Secure") if config.url.startswith("https://") else ("postern", "")


def _token(config: Config, request: Request) -> str:
    return request.cookie(_name(config)[0])
