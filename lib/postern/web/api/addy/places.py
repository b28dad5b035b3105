"""What addy.io's dialect does alike with domains and with usernames: listed, described, switched, deleted.

Each function takes `is_subdomain`: whether it is about usernames.
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
    from postern.web.response import Response

MAX_NOTE = 200
"""Characters, as addy.io has it."""


def listing(context: Context, who: Bearer, is_subdomain: bool) -> Response:
    """All of them, newest first; claims among them."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = [
            one for one in domains.of_user(db, who.user_id) if (one.parent_id is not None) is is_subdomain
        ]
        found.sort(key=lambda one: one.id, reverse=True)
        return responses.json(200, {"data": place_json.shapes(db, context.ring, who.user_id, found)})


def find(context: Context, who: Bearer, uid: str, is_subdomain: bool) -> Domain:
    """The one that is named. Gone."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return ids.place(db, who.user_id, uid, is_subdomain)


def one(context: Context, who: Bearer, place: Domain, status: int = 200) -> Response:
    """The answer with a place as it is now. Gone, when it was deleted meanwhile."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = domains.get(db, place.uid)
        if found is None:
            raise ids.Gone
        (shape,) = place_json.shapes(db, context.ring, who.user_id, [found])
    return responses.json(status, {"data": shape})


def describe(context: Context, who: Bearer, place: Domain, given: Given) -> Response:
    """Its description. What else clients can set is none of ours: nothing is set as well, anything else refused."""
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


def set_recipient(context: Context, who: Bearer, place: Domain, given: Given) -> Response:
    """Where its new aliases forward; nothing named: to the user's default recipient."""
    mailbox = None
    if given.text("default_recipient"):
        with context.pool.connection() as db, db.transaction(who.user_id):
            mailbox = ids.mailbox(db, given.text("default_recipient"))
        if mailbox.verified_at is None:
            raise ids.Gone
    own_domain.forward_new_to(context, place, mailbox)
    return one(context, who, place)


def switch(context: Context, who: Bearer, place: Domain, on: bool) -> None:
    """Whether its aliases take mail."""
    own_domain.enable(context, place, on)


def catch_all(context: Context, who: Bearer, place: Domain, on: bool) -> None:
    """Whether any address of it makes itself, as many a day as before."""
    if on and place.verified_at is None:
        raise BadInput("This domain is not verified yet.", "Add the TXT record, and add the domain again.")
    own_domain.set_fly(context, place, on, place.fly_per_day)
