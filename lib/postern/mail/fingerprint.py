"""The same mail sent twice: the fingerprint by which it is known.

A sender's second try is the same message with new trace fields on top, so neither the webhook id nor a hash of all
its bytes tells it. SHA-256 over: the recipient, Message-ID (without one: Date and From), and the SHA-256 of everything
behind the header block. Every part has its length in front (8 bytes, big-endian): no byte can move from one to the next.
"""

from __future__ import annotations

import hashlib

from postern.mail.address import normalise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.mail.header import HeaderBlock

_VERSION = b"postern fingerprint 1"


class Fingerprint:
    """Fed in the order of the message: header once, body as it comes."""

    def __init__(self, rcpt: str) -> None:
        self._rcpt = normalise(rcpt).encode("utf-8")
        self._identity: tuple[bytes, ...] = ()
        self._body = hashlib.sha256()

    def header(self, block: HeaderBlock) -> None:
        """Take what names the message."""
        message_id = _value(block, b"Message-ID")
        if message_id:
            self._identity = (b"message-id", message_id)
        else:
            self._identity = (b"date from", _value(block, b"Date"), _value(block, b"From"))

    def body(self, data: bytes) -> None:
        """Take the next bytes behind the header block."""
        self._body.update(data)

    def digest(self) -> bytes:
        """32 bytes; more body may follow."""
        parts = (_VERSION, self._rcpt, *self._identity, self._body.digest())
        return hashlib.sha256(b"".join([len(part).to_bytes(8, "big") + part for part in parts])).digest()


def _value(block: HeaderBlock, name: bytes) -> bytes:
    field = block.first(name)
    return field.value if field else b""
