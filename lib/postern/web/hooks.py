"""POST /hooks/inbound: the webhook of wire.md. Reads the headers, calls the receipt, turns its end into an answer.

Raw bytes as the body, or one file part of multipart/form-data for web firewalls that allow nothing else (web/upload.py).
"""

from __future__ import annotations

from postern.flow.receive import receive
from postern.flow.recipient import Refused
from postern.mail.envelope import Inbound, parse_secrets
from postern.web import response as responses
from postern.web import upload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


def inbound(context: Context, request: Request) -> Response:
    """Take one message in."""
    sent = Inbound(
        id=request.header("webhook-id"),
        timestamp=request.header("webhook-timestamp"),
        signature=request.header("webhook-signature"),
        envelope64=request.header("postern-envelope"),
    )
    secrets = parse_secrets(context.config.webhook_secrets)
    try:
        receipt = receive(context, sent, secrets, upload.message(request))
    except Refused as refused:
        return responses.text(422, refused.smtp, ("postern-reject", refused.smtp))
    return responses.text(202, receipt, ("postern-receipt", receipt))
