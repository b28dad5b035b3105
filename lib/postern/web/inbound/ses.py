"""POST /hooks/ses: Amazon SES hands mail to an SNS topic (a receipt rule's SNS action), and the topic posts it here.

The notification holds the raw message, who it is for, and what SES found out about its author, all of it signed (sns.py).
SNS takes 2xx for done and 4xx for never: what may pass is answered 503. A refusal ends there, for nobody can be told any more.
"""

from __future__ import annotations

import binascii
import json

from postern.base.errors import Busy, PosternError
from postern.flow.recipient import Refused
from postern.mail.envelope import Malformed, Unsigned
from postern.mail.trust import Verdict
from postern.web import response as responses
from postern.web.inbound import posted, sns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

_DMARC = {"PASS": "pass", "FAIL": "fail", "GRAY": "none"}


def take(context: Context, request: Request) -> Response:
    """Take one message in, for each of those it is for."""
    topic = posted.needs(context.config.ses_topic)
    try:
        sent = sns.verified(posted.body(context, request, 2), topic, context.config.home)
        if sent["Type"] == "SubscriptionConfirmation":
            sns.confirm(sent, topic)
            return responses.text(200, "confirmed")
    except Unsigned as error:  # it may be our clock, or our setting
        raise Busy(error.reason, error.remedy) from None
    try:
        note = json.loads(sent["Message"])
        if note.get("notificationType") != "Received":
            return responses.text(200, "no message")
        recipients = [str(one) for one in note["receipt"]["recipients"]]
        source, mime, verdict = str(note["mail"].get("source") or ""), _mime(note), _verdict(note)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise posted.Posted("The notification is not of SES.", "Let only SES publish to the topic.") from None
    told = [_take_one(context, sent["MessageId"], source, one, mime, verdict) for one in recipients]
    return responses.text(200, " ".join(told), ("postern-receipt", " ".join(told)))


def _take_one(context: Context, seed: str, source: str, to: str, mime: bytes, verdict: Verdict) -> str:
    """What was done for one recipient. Busy for what may pass."""
    try:
        return posted.take_posted(context, "ses", seed, source, to, mime, verdict)
    except (Refused, Malformed) as error:
        context.log.warning("ses.refused", reason=error.reason)
        return "refused"
    except PosternError as error:
        raise Busy(error.reason, error.remedy) from None


def _mime(note: dict[str, Any]) -> bytes:
    """The raw message; encoded as the receipt rule says."""
    content = str(note.get("content") or "")
    if str(note["receipt"].get("action", {}).get("encoding", "")).upper() == "BASE64":
        return binascii.a2b_base64(content)
    return content.encode("utf-8", "surrogatepass")


def _verdict(note: dict[str, Any]) -> Verdict:
    status = str((note["receipt"].get("dmarcVerdict") or {}).get("status", ""))
    return Verdict(dmarc=_DMARC.get(status, ""))
