"""Usernames in addy.io's dialect: a user's subdomains of the shared domains. Nobody signs in with one.

What is done with them as with domains: addy/places.py.
"""

from __future__ import annotations

from postern.base.errors import BadInput, Conflict
from postern.flow import own_domain
from postern.store import domains
from postern.store.quotas import OverQuota
from postern.web import response as responses
from postern.web.api.addy import places
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def add(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/usernames: 201 with the subdomain of that name, under the first shared domain that offers some."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        offered = [one for one in domains.usable(db, who.user_id) if one.user_id is None and one.subdomains]
    label = given.text("username")
    if not offered:
        raise Wrong(
            "username", "This server offers no subdomains.", "Use the shared domains, or one of your own."
        )
    try:
        place = own_domain.take_subdomain(context, who.user_id, label, offered[0].id)
    except OverQuota:
        raise
    except (BadInput, Conflict) as error:
        raise Wrong("username", error.reason, error.remedy) from None
    return places.one(context, who, place, 201)


def let_in(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/loginable-usernames: refused, and nothing changes."""
    places.in_body(context, request, who, given)
    raise BadInput("Nobody signs in with a subdomain here.", "Sign in with your name, or a mailbox of yours.")


def keep_out(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/loginable-usernames/*: it is so already."""
    places.in_path(context, request, who)
    return responses.nothing()
