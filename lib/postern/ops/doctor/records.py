"""The DNS records of one mail domain, as they are and as they should be for the relay and the way in that are chosen.

Read by DNS over HTTPS. Each finding that is not well carries the exact record to add, or what it is to become.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import Conflict
from postern.mail import dkim_record
from postern.ops import own_dkim
from postern.ops.cloudflare import spf
from postern.ops.cloudflare.plan import DMARC
from postern.ops.cloudflare.zone import MX_HOSTS
from postern.ops.doctor.check import FAIL, OK, WARN, plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.base.settings import Config
    from postern.dns.doh import Resolver
    from postern.ops.doctor.senders import Sender
    from postern.ops.own_dkim import OwnKey

CLOUDFLARE, PIPE = "cloudflare", "pipe"
MX_OF = {
    CLOUDFLARE: ("1 route1.mx.cloudflare.net", "2 route2.mx.cloudflare.net", "3 route3.mx.cloudflare.net"),
    "mailgun": ("10 mxa.mailgun.org", "10 mxb.mailgun.org"),
    "postmark": ("10 inbound.postmarkapp.com",),
    "ses": ("10 inbound-smtp.REGION.amazonaws.com",),
}
"""Way in -> its MX records. Cloudflare assigns the numbers itself; EU domains of Mailgun have mxa.eu.mailgun.org."""
SUFFIX_OF = {
    CLOUDFLARE: (MX_HOSTS,),
    "mailgun": (".mailgun.org",),
    "postmark": (".postmarkapp.com",),
    "ses": (".amazonaws.com",),
}
KINDS = ("mx", "spf", "dkim", "dmarc")
OWN = "own-dkim"
"""What is found besides where Postern has keys of its own for the domain."""


@dataclass(frozen=True)
class Record:
    """One finding. `add`: lines `NAME TYPE VALUE` to put into the zone; empty where all is well or only words help."""

    domain: str
    kind: str
    status: str
    found: str
    remedy: str = ""
    add: tuple[str, ...] = ()


def way_in(config: Config) -> str:
    """The way that the settings speak of: a webhook of a service that is open, else Cloudflare, else the host's own mail."""
    if config.mailgun_signing_key:
        return "mailgun"
    if config.postmark_login:
        return "postmark"
    if config.ses_topic:
        return "ses"
    return CLOUDFLARE if config.authserv.endswith(".cloudflare.net") else PIPE


def look(
    resolver: Resolver,
    domain: str,
    way: str,
    sender: Sender,
    selectors: tuple[str, ...],
    own: Sequence[OwnKey] = (),
) -> list[Record]:
    """One finding for each of KINDS, and of OWN where there are keys. Unreachable when the DNS cannot be asked."""
    ours = own_dkim.faults(resolver, [one for one in own if not one.replaced])
    signs = any(one.signs and not fault for one, fault in ours)
    return [
        _mx(resolver, domain, way),
        _spf(resolver, domain, way, sender),
        _dkim(resolver, domain, sender, selectors or sender.selectors, signs),
        _dmarc(resolver, domain),
        *_own(domain, ours),
    ]


def _mx(resolver: Resolver, domain: str, way: str) -> Record:
    hosts = [mx.host for mx in resolver.mx(domain)]
    found = ", ".join(map(plain, hosts)) or "none"
    add = tuple(f"{domain} MX {value}" for value in MX_OF.get(way, ()))
    if way == PIPE:
        remedy = "Add an MX record that names this host's mail server; the panel's Zone Editor shows it."
        return Record(domain, "mx", OK, found) if any(hosts) else Record(domain, "mx", FAIL, found, remedy)
    ours = [host for host in hosts if host.endswith(SUFFIX_OF[way])]
    if hosts and len(ours) == len(hosts):
        return Record(domain, "mx", OK, found)
    if ours:
        remedy = "Take the others out: part of the mail goes there."
        return Record(domain, "mx", FAIL, found, remedy)
    return Record(domain, "mx", FAIL, found, f"Mail does not come in by {way}.", add)


def _spf(resolver: Resolver, domain: str, way: str, sender: Sender) -> Record:
    have = [text for text in resolver.txt(domain) if spf.is_spf(text)]
    found = "; ".join(map(plain, have)) or "none"
    does = any(term in text.lower().split() for text in have for term in sender.spf_too)
    wanted = [
        term for term in ("" if does else sender.spf, spf.CLOUDFLARE if way == CLOUDFLARE else "") if term
    ]
    if not have and not wanted:
        # Cannot be told from here: a record that allows nobody would break more than it mends.
        return Record(domain, "spf", WARN, found, f"Add what the page of this domain at {sender.name} shows.")
    try:
        merged = spf.merge(have, wanted)
    except Conflict as error:
        return Record(domain, "spf", FAIL, found, f"{error.reason} {error.remedy}")
    if have and merged == have[0]:
        return Record(domain, "spf", OK, found)
    add = (f'{domain} TXT "{merged}"',)
    if not have:
        return Record(domain, "spf", FAIL, found, "Add the record.", add)
    return Record(domain, "spf", FAIL, found, "Put this in place of the record that is there.", add)


def _dkim(resolver: Resolver, domain: str, sender: Sender, selectors: tuple[str, ...], signs: bool) -> Record:
    """Of the relay's keys. `signs`: Postern signs with keys of its own, so the relay need not."""
    there = []
    for selector in selectors:
        name = f"{selector}._domainkey.{domain}"
        if any("p=" in text for text in resolver.txt(name)):
            there.append(selector)
    if there:
        return Record(domain, "dkim", OK, f"selectors {', '.join(there)}")
    if signs:
        return Record(domain, "dkim", OK, "Postern signs by itself")
    asked = f"none at {', '.join(selectors)}" if selectors else "the relay's selectors are not known"
    example = f"{selectors[0] if selectors else 'SELECTOR'}._domainkey.{domain}"
    remedy = (
        f"Add what the page of this domain at {sender.name} shows, such as {example}. "
        "With another selector: postern doctor dns --selector NAME"
    )
    return Record(domain, "dkim", FAIL if selectors else WARN, asked, remedy)


def _own(domain: str, ours: Sequence[tuple[OwnKey, str]]) -> list[Record]:
    """Of Postern's keys, each with what is wrong with its record."""
    if not ours:
        return []
    wrong = [one for one, fault in ours if fault]
    found = "; ".join(f"{one.key.selector}: {fault or 'as it should be'}" for one, fault in ours)
    if wrong:
        add = tuple(dkim_record.line(one.key) for one in wrong)
        status = FAIL if any(one.signs for one in wrong) else WARN
        return [Record(domain, OWN, status, found, f"Add the record. Then: postern dkim check {domain}", add)]
    if not all(one.signs for one, _ in ours):
        return [Record(domain, OWN, WARN, found, f"Let it sign: postern dkim check {domain}")]
    return [Record(domain, OWN, OK, found)]


def _dmarc(resolver: Resolver, domain: str) -> Record:
    """At the domain, else at one above it: RFC 9989 walks up, too."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        at = ".".join(labels[start:])
        have = [text for text in resolver.txt(f"_dmarc.{at}") if text.upper().startswith("V=DMARC1")]
        if len(have) > 1:
            remedy = f"Leave one of the {len(have)} records at _dmarc.{at}: with several, none counts."
            return Record(domain, "dmarc", FAIL, "; ".join(map(plain, have)), remedy)
        if have:
            return Record(domain, "dmarc", OK, f"{plain(have[0])} (at {at})")
    return Record(domain, "dmarc", FAIL, "none", "Add the record.", (f'_dmarc.{domain} TXT "{DMARC}"',))
