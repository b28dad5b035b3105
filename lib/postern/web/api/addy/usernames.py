"""Usernames in addy.io's dialect: a user's subdomains of the shared domains. Nobody signs in with one."""

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


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/usernames: all of them, newest first."""
    return places.listing(context, who, True)


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/usernames/*."""
    return places.one(context, who, places.find(context, who, request.part(4), True))


def describe(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/usernames/*."""
    return places.describe(context, who, places.find(context, who, request.part(4), True), given)


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/usernames/*: with all its aliases, for good."""
    own_domain.give_back(context, places.find(context, who, request.part(4), True))
    return responses.nothing()


def set_recipient(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/usernames/*/default-recipient."""
    return places.set_recipient(context, who, places.find(context, who, request.part(4), True), given)


def activate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/active-usernames."""
    place = places.find(context, who, given.text("id"), True)
    places.switch(context, who, place, True)
    return places.one(context, who, place)


def deactivate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/active-usernames/*: its aliases refuse mail."""
    places.switch(context, who, places.find(context, who, request.part(4), True), False)
    return responses.nothing()


def catch_all(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/catch-all-usernames: any address of it makes itself."""
    place = places.find(context, who, given.text("id"), True)
    places.catch_all(context, who, place, True)
    return places.one(context, who, place)


def catch_none(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/catch-all-usernames/*."""
    places.catch_all(context, who, places.find(context, who, request.part(4), True), False)
    return responses.nothing()


def let_in(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/loginable-usernames: refused, and nothing changes."""
    places.find(context, who, given.text("id"), True)
    raise BadInput("Nobody signs in with a subdomain here.", "Sign in with your name, or a mailbox of yours.")


def keep_out(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/loginable-usernames/*: it is so already."""
    places.find(context, who, request.part(4), True)
    return responses.nothing()
