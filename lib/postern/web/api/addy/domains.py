"""Adding a domain of one's own in addy.io's dialect. What else is done with it: addy/places.py."""

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
    from postern.store.domains import Domain
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response


def add(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/v1/domains: 201 once its TXT record is there; until then 404 with the record, and clients ask again."""
    try:
        place = _claimed(context, who, given.text("domain"))
        if not _is_shown(context, place):
            return responses.text(404, _record(place))
    except OverQuota:
        raise
    except (BadInput, Conflict) as error:
        raise Wrong("domain", error.reason, error.remedy) from None
    return places.one(context, who, place, 201)


def _is_shown(context: Context, place: Domain) -> bool:
    """Whether its record is there. Conflict when somebody else has the domain."""
    try:
        own_domain.check(context, place)
    except own_domain.NotShown:
        return False
    return True


def _record(place: Domain) -> str:
    words = "Verification record not found, please add the following TXT record to your domain:"
    return f"{words} {own_domain.record_name(place)} {own_domain.record_value(place)}"


def _claimed(context: Context, who: Bearer, typed: str) -> Domain:
    """The claim that waits for its record; made when there is none. BadInput, Conflict, OverQuota."""
    name = own_domain.read_name(typed)
    with context.pool.connection() as db, db.transaction(who.user_id):
        known = next((one for one in domains.of_user(db, who.user_id) if one.name == name), None)
    if known is not None and known.verified_at is None:
        return known
    return own_domain.claim(context, who.user_id, typed)
