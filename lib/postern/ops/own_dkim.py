"""Postern's own DKIM keys: making them, seeing that they are published, and taking them out.

A key signs from the time at which its record was seen right, or at which the operator says so. Until then the older ones go
on. Not here: what is signed (flow/sign.py), the doctor's view of the records (ops/doctor/records.py).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from postern.base import clock, dkim_keys
from postern.base.dkim_keys import KeptKey
from postern.base.errors import BadInput, Conflict, NotFound
from postern.mail import dkim_record, signing_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.dns.doh import Resolver
    from postern.mail.signing_key import SigningKey

DNS_SECONDS = 10
_SELECTOR = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class OwnKey:
    """A key and how it stands. `signs`: it is in use; `replaced`: it was, and a newer one is. Neither: it waits."""

    key: SigningKey
    made: int
    signs: bool
    replaced: bool

    @property
    def state(self) -> str:
        """In a word."""
        return "signs" if self.signs else "replaced" if self.replaced else "waits"


def keys(home: str) -> list[OwnKey]:
    """All, the newest first. ConfigError where one is broken."""
    kept = dkim_keys.read(home)
    using = dkim_keys.in_use(kept)
    return [
        OwnKey(
            signing_key.from_pem(one.domain, one.selector, one.pem),
            one.made,
            one in using,
            bool(one.signs_since) and one not in using,
        )
        for one in kept
    ]


def of_domain(home: str, domain: str) -> list[OwnKey]:
    """The keys of one domain. NotFound when it has none."""
    found = [one for one in keys(home) if one.key.domain == domain]
    if not found:
        raise NotFound(f"{domain} has no DKIM key here.", f"Make one: postern dkim new {domain}")
    return found


def make(home: str, domain: str, kinds: Iterable[str], selector: str = "") -> list[OwnKey]:
    """A fresh key of each kind, which waits for its record. Conflict when the selector is taken."""
    now = int(clock.now())
    day = time.strftime("%Y%m%d", time.gmtime(now))
    wanted = {_selector(selector, day, kind): kind for kind in kinds}
    with dkim_keys.lock(home):
        kept = dkim_keys.read(home)
        for one in kept:
            if one.domain == domain and one.selector in wanted:
                raise Conflict(
                    f"{domain} has a key {one.selector} already.", "Name another one: --selector NAME"
                )
        made = [signing_key.generate(domain, name, kind) for name, kind in wanted.items()]
        new = [KeptKey(domain, key.selector, key.kind, now, 0, signing_key.to_pem(key)) for key in made]
        dkim_keys.write(home, [*new, *kept])
    return [OwnKey(key, now, False, False) for key in made]


def _selector(given: str, day: str, kind: str) -> str:
    name = f"{given or f'postern-{day}'}-{kind}"
    if not _SELECTOR.fullmatch(name):
        raise BadInput(f"{given!r} is no selector.", "Give small letters, digits and hyphens.")
    return name


def faults(resolver: Resolver, found: Iterable[OwnKey]) -> list[tuple[OwnKey, str]]:
    """What is wrong with the record of each; empty where it is right. Unreachable when the DNS cannot be asked."""
    return [(one, dkim_record.fault(resolver.txt(dkim_record.name(one.key)), one.key)) for one in found]


def use(home: str, may: Iterable[OwnKey], may_not: Iterable[OwnKey]) -> None:
    """From now on these sign, and those do not: no signature is better than one that fails."""
    now = int(clock.now())
    yes, no = ({(one.key.domain, one.key.selector) for one in some} for some in (may, may_not))
    with dkim_keys.lock(home):
        kept = []
        for one in dkim_keys.read(home):
            name = (one.domain, one.selector)
            since = 0 if name in no else one.signs_since or (now if name in yes else 0)
            kept.append(replace(one, signs_since=since))
        dkim_keys.write(home, kept)


def remove(home: str, domain: str, selector: str) -> None:
    """Take a key out, broken ones as well. NotFound."""
    with dkim_keys.lock(home):
        kept = dkim_keys.read(home)
        left = [one for one in kept if (one.domain, one.selector) != (domain, selector)]
        if len(left) == len(kept):
            raise NotFound(f"{domain} has no key {selector} here.", "See: postern dkim list")
        dkim_keys.write(home, left)
