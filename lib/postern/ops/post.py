"""Posting a message to the webhook as the Worker does (wire.md): for `postern send-test` and the demo."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass

from postern.base import clock
from postern.base.errors import PosternError
from postern.mail import envelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext


class Unreachable(PosternError):
    """Nothing answered at the webhook's address."""

    exit_code = 69


@dataclass(frozen=True)
class Answer:
    """What came back: status, `postern-receipt`, `postern-reject`."""

    status: int
    receipt: str
    reject: str


def headers(secret: bytes, mail_from: str, rcpt_to: str, mime: bytes, source: str) -> dict[str, str]:
    """The signed headers for this message, with a fresh webhook id."""
    webhook_id = f"in_{os.urandom(16).hex()}"
    timestamp = int(clock.now())
    signed = {
        "v": 1,
        "type": "mail.inbound",
        "mail_from": mail_from,
        "rcpt_to": rcpt_to,
        "size": len(mime),
        "sha256": hashlib.sha256(mime).hexdigest(),
        "source": source,
    }
    text = json.dumps(signed).encode()
    return {
        "content-type": "application/octet-stream",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": envelope.sign(secret, webhook_id, timestamp, text),
        "postern-envelope": base64.b64encode(text).decode(),
    }


def post(
    site: str, secret: bytes, mail_from: str, rcpt_to: str, mime: bytes, *, source: str = "test"
) -> Answer:
    """Sign and post it to `site`/hooks/inbound. Unreachable when nobody answers there."""
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    if not site.startswith(("http://", "https://")):
        raise Unreachable(f"{site} is no web address.", "Give one that begins with https://.")
    sent = headers(secret, mail_from, rcpt_to, mime, source)
    request = Request(f"{site.rstrip('/')}/hooks/inbound", mime, sent)  # noqa: S310
    try:
        with urlopen(request, timeout=60, context=_trust(site)) as reply:  # noqa: S310
            return Answer(reply.status, reply.headers.get("postern-receipt", ""), "")
    except HTTPError as error:
        with error:
            return Answer(error.code, "", error.headers.get("postern-reject", ""))
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(
            f"{site} does not answer ({reason}).", "Check POSTERN_URL and that the site is up."
        ) from None


def _trust(site: str) -> SSLContext | None:
    """Made for each post: newer Pythons keep the first one that urlopen() made, whatever SSL_CERT_FILE says later."""
    if not site.startswith("https://"):
        return None
    import ssl

    return ssl.create_default_context()


def sample_message(mail_from: str, rcpt_to: str) -> bytes:
    """A short message that says what it is."""
    from datetime import datetime, timezone

    at = datetime.fromtimestamp(clock.now(), timezone.utc)
    return (
        f"From: Postern test <{mail_from}>\r\n"
        f"To: <{rcpt_to}>\r\n"
        f"Subject: Postern test of {at:%Y-%m-%d %H:%M:%S} UTC\r\n"
        f"Date: {at:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Message-ID: <test.{os.urandom(8).hex()}@{mail_from.rpartition('@')[2]}>\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "\r\n"
        "This message was posted to your alias by `postern send-test`.\r\n"
        "That you read it shows that receipt, queue, rewriting and relay work.\r\n"
    ).encode()
