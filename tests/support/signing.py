"""Keys that sign, and the public `dkimpy` as the judge of what they signed.

keys = signing_keys("alias.example")     one of each kind; each made once a process
judge(content, *keys)                    asserts that every DKIM-Signature holds, and says how many there are
chain(content, *keys)                    what dkimpy makes of the ARC sets: (word, results, reason)
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import dkim

from postern.mail import dkim_record, header, signing_key
from postern.mail.header import HeaderBlock
from postern.mail.signing_key import KINDS, RSA, SigningKey
from postern.relay.data import transparent


@functools.cache
def signing_key_of(domain: str, kind: str = RSA, selector: str = "") -> SigningKey:
    return signing_key.generate(domain, selector or f"test-{kind}", kind)


def signing_keys(domain: str) -> tuple[SigningKey, ...]:
    return tuple(signing_key_of(domain, kind) for kind in KINDS)


def dns_of(*keys: SigningKey) -> Callable[..., bytes | None]:
    """The DNS as dkimpy asks for it."""
    zone = {f"{dkim_record.name(key)}.".encode(): dkim_record.text(key).encode() for key in keys}
    return lambda name, timeout=5: zone.get(name)


def judge(content: bytes, *keys: SigningKey) -> int:
    """How many signatures there are. Each must hold."""
    many = len(header.parse(header.split([content])[0]).all(b"DKIM-Signature"))
    judged = dkim.DKIM(content)
    for number in range(many):
        assert judged.verify(number, dnsfunc=dns_of(*keys)), f"signature {number} of\n{content[:3000]!r}"
    return many


def chain(content: bytes, *keys: SigningKey) -> tuple[bytes | None, list[dict[str, object]], str]:
    word, results, reason = dkim.ARC(content).verify(dnsfunc=dns_of(*keys))
    return word, results, reason


def on_the_wire(content: bytes) -> bytes:
    """What a server reads that is sent this: line ends made CRLF, one at the end, dots no more stuffed."""
    sent = b"".join(transparent([content]))
    assert sent.endswith(b"\r\n.\r\n") or sent == b".\r\n"
    text = sent[: -len(b".\r\n")]
    return b"\r\n".join([line[1:] if line.startswith(b".") else line for line in text.split(b"\r\n")])


def parsed(content: bytes) -> HeaderBlock:
    return header.parse(header.split([content])[0])
