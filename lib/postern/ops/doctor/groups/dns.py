"""The records of each mail domain: the findings of ops/doctor/records.py as items of the registry."""

from __future__ import annotations

from functools import partial

from postern.dns.doh import Resolver, Unreachable
from postern.ops import own_dkim
from postern.ops.doctor import records, senders
from postern.ops.doctor.check import FAIL, WARN
from postern.ops.doctor.item import CRITICAL, IMPORTANT, Item, fail, ok, unknown, warn
from postern.store import domains

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.records import Record
    from postern.ops.doctor.scene import Scene

SECONDS = 10
MOST_DOMAINS = 50
"""Users may have many domains of their own; a look at all of them takes four questions each."""


def found(scene: Scene) -> list[Record]:
    """Every finding about every domain. Unreachable when the DNS cannot be asked."""
    return scene.once("dns", lambda: _found(scene))


def _found(scene: Scene) -> list[Record]:
    names = scene.domains or _domains(scene)
    resolver = Resolver(scene.config.doh_url, SECONDS)
    way = scene.inbound or records.way_in(scene.config)
    sender = senders.of_host(scene.config.relay_host)
    own = own_dkim.keys(scene.home)
    return [
        one
        for name in names
        for one in records.look(
            resolver, name, way, sender, scene.selectors, [key for key in own if key.key.domain == name]
        )
    ]


def _domains(scene: Scene) -> tuple[str, ...]:
    with scene.database() as db:
        every = [one for one in domains.all_domains(db) if one.verified_at is not None]
    # Shared ones first: all users depend on them.
    every.sort(key=lambda one: (one.user_id is not None, one.name))
    return tuple(one.name for one in every[:MOST_DOMAINS])


def _look(kind: str, scene: Scene) -> Check:
    try:
        mine = [one for one in found(scene) if one.kind == kind]
    except Unreachable as error:
        # Not that the records are wrong: nobody knows.
        return unknown(error.reason, error.remedy)
    if not mine and kind == records.OWN:
        return ok("Postern has no keys of its own, so the relay signs")
    if not mine:
        return unknown("there is no domain yet", "Run: postern domain add alias.example.org")
    told = "; ".join(f"{one.domain}: {one.found}" for one in mine)
    for status, say in ((FAIL, fail), (WARN, warn)):
        wrong = [one for one in mine if one.status == status]
        if wrong:
            return say(
                "; ".join(f"{one.domain}: {one.found}" for one in wrong), " ".join(map(_remedy, wrong))
            )
    return ok(told)


def _remedy(one: Record) -> str:
    return f"{one.remedy} {' | '.join(one.add)}".strip()


def _item(kind: str, ticket: str, severity: str, what: str, guide: str, symptom: str) -> Item:
    return Item(
        f"dns.{kind}",
        ticket,
        severity,
        what,
        "See: postern doctor dns",
        guide,
        partial(_look, kind),
        needs=("tenants.domain",),
        audit=True,
        symptom=symptom,
    )


CHECKS = (
    _item(
        "mx",
        "SH-07",
        CRITICAL,
        "Each domain's mail is led to the way in that is chosen",
        "docs/cloudflare.md",
        "Mail to an alias does not arrive, and the Worker is never asked",
    ),
    _item(
        "spf",
        "SH-08",
        IMPORTANT,
        "One SPF record allows what sends for the domain",
        "docs/relays.md",
        "Forwarded mail lands in the spam folder",
    ),
    _item(
        "dkim",
        "SH-08",
        CRITICAL,
        "The relay's DKIM key is published",
        "docs/relays.md",
        "The mailbox's server refuses our mail for want of DKIM",
    ),
    _item(
        records.OWN,
        "SH-08",
        CRITICAL,
        "What Postern signs by itself can be verified: its keys are published as they are",
        "docs/dkim.md",
        "Receivers say that our DKIM signature is broken",
    ),
    _item(
        "dmarc",
        "SH-08",
        IMPORTANT,
        "A DMARC record says what receivers may do",
        "docs/relays.md",
        "Large providers refuse our mail for want of DMARC",
    ),
)
