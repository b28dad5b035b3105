"""Signing what goes out with Postern's own keys, where there are any: DKIM for all, ARC for what is forwarded.

A key signs for the domain that stands in From, for that is whom DMARC asks about. The body is read once more for its hash,
before its first byte goes to the relay.
Not here: what the fields look like (mail/dkim.py, mail/arc.py), which keys may be used (ops/own_dkim.py).
"""

from __future__ import annotations

from postern.base import dkim_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postern.base.dkim_keys import KeptKey
    from postern.mail.arc import Plan
    from postern.mail.header import HeaderBlock
    from postern.mail.signing_key import SigningKey


class Signer:
    """The keys in use, read once a drain; each is made ready when it is first needed."""

    def __init__(self, kept: Iterable[KeptKey]) -> None:
        self._kept: dict[str, list[KeptKey]] = {}
        for one in dkim_keys.in_use(kept):
            self._kept.setdefault(one.domain, []).append(one)
        self._ready: dict[str, list[SigningKey]] = {}

    def arc_plan(self, domain: str, block: HeaderBlock, authserv: str) -> Plan | None:
        """What is to be done about ARC for a message that is forwarded from this domain; None: nothing, without a key."""
        if self._sealing(domain) is None:
            return None
        from postern.mail import arc

        return arc.plan(block, authserv)

    def signed(self, block: bytes, body: Callable[[], Iterable[bytes]], plan: Plan | None) -> bytes:
        """The header block with its signatures on top. `body`: the body as it will go out, read anew at each call.

        The very same block where there is no key for its From. Who gets another must read the body anew, too.
        """
        if not self._kept:
            return block
        from postern.mail import canonical, dkim, header, rewrite
        from postern.mail.address import normalise

        fields = header.parse(block).fields
        author = rewrite.author_of(header.HeaderBlock(fields))
        domain = normalise(author.address).rpartition("@")[2] if author else ""
        keys = self._keys(domain)
        if not keys:
            return block
        digest = canonical.body_hash(body())
        made = [dkim.signature(key, fields, digest) for key in keys]
        sealing = self._sealing(domain)
        if plan and plan.stamp and sealing:
            from postern.mail import arc

            every = (*header.parse(_lines(made) + b"\r\n").fields, *fields)
            made = [*arc.made(sealing, plan, every, digest), *made]
        return _lines(made) + block

    def _sealing(self, domain: str) -> SigningKey | None:
        """ARC takes one algorithm a set, and RSA is the one that every receiver knows."""
        return next((key for key in self._keys(domain) if key.kind == "rsa"), None)

    def _keys(self, domain: str) -> list[SigningKey]:
        """RSA first: some receivers look at few signatures, and all of them know it."""
        if domain not in self._kept:
            return []
        if domain not in self._ready:
            from postern.mail import signing_key

            kept = self._kept[domain]
            ready = [signing_key.from_pem(domain, one.selector, one.pem) for one in kept]
            self._ready[domain] = sorted(ready, key=lambda key: key.kind, reverse=True)
        return self._ready[domain]


def _lines(fields: Sequence[bytes]) -> bytes:
    return b"".join([field + b"\r\n" for field in fields])
