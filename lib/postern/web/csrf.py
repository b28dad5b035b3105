"""Cross-site request forgery: what makes sure that a form was sent from a page of ours, by the person who had it before them.

Two checks, each enough by itself in today's browsers: where the request comes from, as the browser says (Sec-Fetch-Site,
Origin); and, for those who are signed in, a tag of their session in the form. The tag is an HMAC under the index key: neither
another session nor a stolen row of the database makes one.
"""

from __future__ import annotations

import hmac

from postern.base.errors import BadInput

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.sessions import SignedIn
    from postern.web.form import Fields
    from postern.web.request import Request

FIELD = "csrf"
_TAG_BYTES = 16


class Forged(BadInput):
    """The form was not sent from a page of ours, or from one of an earlier session."""

    http_status = 403


def token(context: Context, who: SignedIn) -> str:
    """What the forms of this session carry in the hidden field FIELD."""
    return context.ring.tag("csrf", who.token_index, _TAG_BYTES).hex()


def check_token(context: Context, who: SignedIn, fields: Fields) -> None:
    """Forged unless the form carries it."""
    if not hmac.compare_digest(token(context, who).encode(), fields.get(FIELD, "").encode()):
        raise Forged(
            "This form does not belong to your session.",
            "Go back, load the page again, and send it once more.",
        )


def check_origin(context: Context, request: Request) -> None:
    """Forged when the browser says that another site made it send this.

    No site can set these headers, and old browsers leave them out. A browser that is told to send no Referer says `null`
    for our own Origin as well (Fetch, "append a request Origin header"): it counts where Sec-Fetch-Site vouches for it.
    """
    site, origin = request.header("Sec-Fetch-Site"), request.header("Origin")
    own = context.config.origin
    known = ("", own, "null") if site else ("", own)
    if site not in ("", "same-origin", "none") or origin.lower() not in known:
        raise Forged("This form was not sent from a page of this site.", f"Open {own} and begin there.")
