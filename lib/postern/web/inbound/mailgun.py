"""POST /hooks/mailgun/mime: a route of Mailgun's with forward() (its manual: Receiving Messages via HTTP).

A form, in either encoding, with `recipient`, `sender`, `body-mime`, and `timestamp`, `token`, `signature`: the hexadecimal
HMAC-SHA256 of the first two under the account's signing key. It does not cover the message, which TLS guards.
200 ends it, 406 refuses for good, and all else is tried again for 8 hours, with what may be the first timestamp.
"""

from __future__ import annotations

import hmac
from urllib.parse import unquote_to_bytes

from postern.base import clock
from postern.flow.recipient import Refused
from postern.mail.envelope import Unsigned
from postern.web import response as responses
from postern.web import upload
from postern.web.inbound import posted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

OLDEST_SECONDS = 9 * 3600
NEWEST_SECONDS = 300
MAX_FIELDS = 200


def take(context: Context, request: Request) -> Response:
    """Take one message in."""
    key = posted.needs(context.config.mailgun_signing_key)
    fields = _fields(request, posted.body(context, request, 3))
    _verify(key, fields)
    words = {
        name: fields.get(name, b"").decode("utf-8", "replace") for name in ("token", "sender", "recipient")
    }
    mime = fields.get("body-mime", b"")
    try:
        receipt = posted.take_posted(
            context, "mailgun", words["token"], words["sender"], words["recipient"], mime
        )
    except Refused as refused:
        return responses.text(406, refused.smtp, ("postern-reject", refused.smtp))
    return responses.text(200, receipt, ("postern-receipt", receipt))


def _verify(key: str, fields: dict[str, bytes]) -> None:
    """Unsigned unless it is Mailgun's, and not older than its last try."""
    timestamp, token = fields.get("timestamp", b""), fields.get("token", b"")
    expected = hmac.new(key.encode(), timestamp + token, "sha256").hexdigest()
    if not token or not hmac.compare_digest(expected.encode(), fields.get("signature", b"")):
        raise Unsigned(
            "The post is not signed by Mailgun.",
            "POSTERN_MAILGUN_SIGNING_KEY: Mailgun's HTTP webhook signing key.",
        )
    age = clock.now() - int(timestamp) if timestamp.isdigit() and len(timestamp) < 13 else OLDEST_SECONDS + 1
    if not -NEWEST_SECONDS <= age <= OLDEST_SECONDS:
        raise Unsigned("The post is stale, or from the future.", "Set the clock of this host.")


def _fields(request: Request, body: bytes) -> dict[str, bytes]:
    """The form; of a field that stands twice the first."""
    if request.content_type.lower().startswith("multipart/form-data"):
        pairs = _parts(body, upload.boundary(request.content_type))
    else:
        pairs = _pairs(body)
    found: dict[str, bytes] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


def _pairs(body: bytes) -> Iterator[tuple[str, bytes]]:
    for pair in body.split(b"&", MAX_FIELDS):
        name, _, value = pair.partition(b"=")
        yield unquote_to_bytes(name).decode("utf-8", "replace"), unquote_to_bytes(value.replace(b"+", b" "))


def _parts(body: bytes, mark: bytes) -> Iterator[tuple[str, bytes]]:
    """The parts, but for those beyond MAX_FIELDS and the last, which is the end."""
    for part in (b"\r\n" + body).split(b"\r\n--" + mark, MAX_FIELDS)[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        before, found, rest = head.partition(b' name="')
        if found and before:
            yield rest.partition(b'"')[0].decode("utf-8", "replace"), value
