"""What failed, what came back, and what is held."""

from __future__ import annotations

from postern.web.api.addy.contracts.shapes import PAGING, one, page
from postern.web.api.contract import EMPTY, MOMENT, UUID, Contract, File, Maybe, Named, OneOf

_FAILED = Named(
    "AddyFailedDelivery",
    {
        "id": UUID,
        "user_id": UUID,
        "recipient_id": Maybe(UUID),
        "recipient_email": Maybe(str),
        "alias_id": Maybe(UUID),
        "alias_email": Maybe(str),
        "bounce_type": OneOf("hard", "soft", ""),
        "remote_mta": str,
        "sender": Maybe(str),
        "destination": str,
        "ir_dedupe_key": Maybe(str),
        "type": OneOf("outbound", "inbound_quarantined"),
        "email_type": OneOf("F", "R"),
        "email_type_text": OneOf("Forward", "Reply"),
        "status": str,
        "code": str,
        "is_stored": bool,
        "quarantined": bool,
        "resent": bool,
        "attempted_at": MOMENT,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
)

CONTRACTS = {
    ("GET", "/api/v1/failed-deliveries"): Contract(
        "A page of what failed, came back or is held, newest first. What was refused at the door is in no list.",
        {200: page(_FAILED)},
        query={**PAGING, "filter[email_type]?": OneOf("outbound", "inbound_quarantined", "inbound")},
    ),
    ("GET", "/api/v1/failed-deliveries/*"): Contract("One of them.", {200: one(_FAILED)}),
    ("GET", "/api/v1/failed-deliveries/*/download"): Contract(
        "Its message, as it came. 404 when it is no longer kept.", {200: File("application/octet-stream")}
    ),
    ("POST", "/api/v1/failed-deliveries/*/resend"): Contract(
        "Try it again, or let it out of quarantine. It goes where it was going, and nowhere else.",
        {204: EMPTY},
        body={"recipient_ids?": [UUID]},
    ),
    ("DELETE", "/api/v1/failed-deliveries/*"): Contract("Give it up.", {204: EMPTY}),
}
