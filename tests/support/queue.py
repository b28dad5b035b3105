"""Putting messages into a queue for tests of the drain: by the real receipt, without the HTTP around it."""

from __future__ import annotations

from postern.flow.context import Context
from postern.flow.receive import receive
from postern.mail.envelope import Inbound
from postern.ops import post
from support.instance import ALIAS, Instance


def inbound(secret: bytes, mime: bytes, rcpt_to: str = ALIAS, mail_from: str = "bob@shop.example") -> Inbound:
    """The headers of a post, as the web hands them to the receipt."""
    headers = post.headers(secret, mail_from, rcpt_to, mime, "cloudflare")
    return Inbound(
        id=headers["webhook-id"],
        timestamp=headers["webhook-timestamp"],
        signature=headers["webhook-signature"],
        envelope64=headers["postern-envelope"],
    )


def put(instance: Instance, context: Context, *mimes: bytes, rcpt_to: str = ALIAS) -> None:
    """Receive each. No drain is woken: the caller's monkeypatch, or a held lock, sees to that."""
    for mime in mimes:
        received = receive(context, inbound(instance.secret, mime, rcpt_to), (instance.secret,), [mime])
        assert received == "stored"
