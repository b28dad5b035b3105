"""What addy.io's dialect does alike with domains and with usernames: listed, shown, described, switched, deleted.

Which of the two a request is about stands in the second part of its path: `usernames`, `active-usernames`, `domains`, …
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import own_domain
from postern.store import domains
from postern.web import response as responses
from postern.web.api.addy import ids, place_json
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.store.domains import Domain
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

MAX_NOTE = 200
"""Characters, as addy.io has it."""


def listing(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/domains, /usernames: all of them, newest first; claims among them."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = [
            one
            for one in domains.of_user(db, who.user_id)
            if (one.parent_id is not None) is _is_subdomain(request)
        ]
        found.sort(key=lambda one: one.id, reverse=True)
        return responses.json(200, {"data": place_json.shapes(db, context.ring, who.user_id, found)})


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/domains/*, /usernames/*."""
    return one(context, who, in_path(context, request, who))


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/domains/*, /usernames/*: with all its aliases, for good."""
    own_domain.give_back(context, in_path(context, request, who))
    return responses.nothing()


def activate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/active-domains, /active-usernames: its aliases take mail."""
    place = in_body(context, request, who, given)
    own_domain.enable(context, place, True)
    return one(context, who, place)


def deactivate(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/active-domains/*, /active-usernames/*: its aliases refuse mail."""
    own_domain.enable(context, in_path(context, request, who), False)
    return responses.nothing()


def catch_all(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/catch-all-domains, /catch-all-usernames: any address of it makes itself, as many a day as before."""
    place = in_body(context, request, who, given)
    if place.verified_at is None:
        raise BadInput("This domain is not verified yet.", "Add the TXT record, and add the domain again.")
    own_domain.set_fly(context, place, True, place.fly_per_day)
    return one(context, who, place)


def catch_none(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/v1/catch-all-domains/*, /catch-all-usernames/*."""
    place = in_path(context, request, who)
    own_domain.set_fly(context, place, False, place.fly_per_day)
    return responses.nothing()


def describe(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/domains/*, /usernames/*: its description.

    What else clients can set is none of ours: nothing is set as well, anything else refused.
    """
    place = in_path(context, request, who)
    for field, remedy in (
        ("from_name", "Give each alias a name of its own."),
        ("auto_create_regex", "Let any address of it make itself, or none."),
    ):
        if given.text(field):
            raise Wrong(field, f"There is no {field} of a whole domain here.", remedy)
    if "description" in given:
        note = given.text("description")
        if len(note) > MAX_NOTE:
            raise Wrong(
                "description", f"The description is longer than {MAX_NOTE} characters.", "Shorten it."
            )
        own_domain.describe(context, place, note)
    return one(context, who, place)


def set_recipient(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/v1/…/*/default-recipient: where its new aliases forward; nothing named: to the user's own default."""
    place = in_path(context, request, who)
    mailbox = None
    if given.text("default_recipient"):
        with context.pool.connection() as db, db.transaction(who.user_id):
            mailbox = ids.mailbox(db, given.text("default_recipient"))
        if mailbox.verified_at is None:
            raise ids.Gone
    own_domain.forward_new_to(context, place, mailbox)
    return one(context, who, place)


def in_path(context: Context, request: Request, who: Bearer) -> Domain:
    """The one whose id is in the path. Gone."""
    return _find(context, request, who, request.part(4))


def in_body(context: Context, request: Request, who: Bearer, given: Given) -> Domain:
    """The one whose id is in the body. Gone."""
    return _find(context, request, who, given.text("id"))


def _find(context: Context, request: Request, who: Bearer, uid: str) -> Domain:
    with context.pool.connection() as db, db.transaction(who.user_id):
        return ids.place(db, who.user_id, uid, _is_subdomain(request))


def _is_subdomain(request: Request) -> bool:
    return request.part(3).endswith("usernames")


def one(context: Context, who: Bearer, place: Domain, status: int = 200) -> Response:
    """The answer with a place as it is now. Gone, when it was deleted meanwhile."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = domains.get(db, place.uid)
        if found is None:
            raise ids.Gone
        (shape,) = place_json.shapes(db, context.ring, who.user_id, [found])
    return responses.json(status, {"data": shape})
