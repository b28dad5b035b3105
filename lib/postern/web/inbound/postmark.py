"""POST /hooks/postmark: Postmark's inbound webhook, with the raw message in it (its setting "Include raw email content").

JSON with `OriginalRecipient`, `MessageID`, `RawEmail`. Postmark signs nothing: user and password stand in the webhook's URL and
come as HTTP Basic. 200 ends it, 403 stops it for good, and all else is tried again ten times.
"""

from __future__ import annotations

import binascii
import hmac
import json

from postern.flow.recipient import Refused
from postern.mail.envelope import Unsigned
from postern.web import response as responses
from postern.web.inbound import posted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response


def take(context: Context, request: Request) -> Response:
    """Take one message in."""
    _verify(posted.needs(context.config.postmark_login), request)
    try:
        sent = json.loads(posted.body(context, request, 4))
        raw, to, seed = (str(sent.get(name) or "") for name in ("RawEmail", "OriginalRecipient", "MessageID"))
        sender = _sender(sent)
    except (ValueError, AttributeError, TypeError, RecursionError):
        raise posted.Posted("The post is not Postmark's JSON.", "Point only Postmark here.") from None
    mime = raw.encode("utf-8", "surrogatepass")
    try:
        receipt = posted.take_posted(context, "postmark", seed, sender, to, mime)
    except Refused as refused:
        return responses.text(403, refused.smtp, ("postern-reject", refused.smtp))
    return responses.text(200, receipt, ("postern-receipt", receipt))


def _sender(sent: dict[str, Any]) -> str:
    """The envelope's sender, which Postmark shows only as Return-Path; else who stands in From."""
    for field in sent.get("Headers") or ():
        if str(field.get("Name", "")).lower() == "return-path":
            return str(field.get("Value", ""))
    return str((sent.get("FromFull") or {}).get("Email") or "")


def _verify(login: str, request: Request) -> None:
    """Unsigned without the right user and password."""
    scheme, _, given = request.header("Authorization").partition(" ")
    try:
        told = binascii.a2b_base64(given.encode("ascii", "replace"))
    except binascii.Error:
        told = b""
    if scheme.lower() != "basic" or not hmac.compare_digest(told, login.encode()):
        raise Unsigned(
            "The post has not Postmark's user and password.",
            "The webhook's URL at Postmark is https://USER:PASSWORD@… with those of POSTERN_POSTMARK_LOGIN.",
        )
