"""What must change at Cloudflare so that it does what is wished: read from what is there, so it can be asked again and again.

The order matters: SPF is merged before Email Routing is turned on, for Cloudflare then finds its own mechanism in it and
writes no second record; the Worker is there before a rule leads to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.base.errors import Conflict
from postern.ops.cloudflare import spf, worker
from postern.ops.cloudflare import zone as zones
from postern.ops.cloudflare.zone import MX_HOSTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postern.ops.cloudflare.api import Api
    from postern.ops.cloudflare.wish import Wish
    from postern.ops.cloudflare.zone import Record, Zone

DMARC = "v=DMARC1; p=none"
AUTOMATIC = 1
"""The time to live that Cloudflare chooses."""

MAX_RULES = 200
COMMENT = "postern"


@dataclass(frozen=True)
class Change:
    """One thing that is not as wished. `before` is empty where there is nothing. `undo`: what remove must know of it."""

    what: str
    before: str
    after: str
    act: Callable[[], object]
    undo: tuple[tuple[str, str], ...] = ()


def changes(api: Api, zone: Zone, wish: Wish) -> list[Change]:
    """In the order in which they are to be done; none when all is as wished. Conflict where it would break something."""
    at_domain = zones.records(api, zone, zone.domain)
    return [
        *_fallback(api, zone, wish),
        *_foreign_mx(api, zone, wish, at_domain),
        *_spf(api, zone, wish, at_domain),
        *_routing(api, zone, at_domain),
        *_dmarc(api, zone),
        *_dkim(api, zone, wish),
        *_worker(api, zone, wish),
        *_rules(api, zone, wish),
    ]


def _fallback(api: Api, zone: Zone, wish: Wish) -> Iterator[Change]:
    if not wish.fallback:
        return
    known = zones.addresses(api, zone)
    path = f"/accounts/{zone.account}/email/routing/addresses"
    if wish.fallback.lower() not in known:
        after = "to be verified by the link that Cloudflare mails there"
        act = sender(api, "POST", path, {"email": wish.fallback})
        yield Change(f"destination address {wish.fallback}", "", after, act)


def _foreign_mx(api: Api, zone: Zone, wish: Wish, at_domain: list[Record]) -> Iterator[Change]:
    """MX records of another provider: taking the mail away from there is the operator's to say."""
    foreign = [one for one in at_domain if one.type == "MX" and not one.content.endswith(MX_HOSTS)]
    if foreign and not wish.replace_mx:
        raise Conflict(
            f"Mail for {zone.domain} goes to {', '.join(one.content for one in foreign)} today. "
            "Its mailboxes would get none any more.",
            f"Use a subdomain, such as a.{zone.domain}; or, when nobody reads mail there, say it again with --replace-mx.",
        )
    for one in foreign:
        before = f"MX {one.priority} {one.content}"
        yield Change(
            f"DNS {one.name}", before, "", delete(api, zone, one), (("mx", f"{one.priority} {one.content}"),)
        )


def _spf(api: Api, zone: Zone, wish: Wish, at_domain: list[Record]) -> Iterator[Change]:
    found = [one for one in at_domain if one.type == "TXT" and spf.is_spf(one.content)]
    merged = spf.merge([one.content for one in found], [spf.CLOUDFLARE, *wish.spf])
    if not found:
        yield Change(
            f"DNS {zone.domain}",
            "",
            f"TXT {merged}",
            _add(api, zone, zone.domain, "TXT", merged),
            (("spf", ""), ("spf-made", merged)),
        )
    elif merged != found[0].content:
        act = edit(api, zone, found[0], merged)
        yield Change(
            f"DNS {zone.domain}",
            f"TXT {found[0].content}",
            f"TXT {merged}",
            act,
            (("spf", found[0].content), ("spf-made", merged)),
        )


def _routing(api: Api, zone: Zone, at_domain: list[Record]) -> Iterator[Change]:
    enabled = zones.is_enabled(api, zone)
    missing = [] if enabled else ["Email Routing"]
    for wanted in zones.needed(api, zone):
        at = at_domain if wanted.name == zone.domain else zones.records(api, zone, wanted.name)
        if not _is_there(wanted, at):
            missing.append(f"{wanted.type} {wanted.name}")
    if missing:
        body = {} if zone.is_whole else {"name": zone.domain}
        after = f"on, with {', '.join(missing[0 if enabled else 1 :]) or 'its records'}"
        act = sender(api, "POST", f"{zone.path}/email/routing/dns", body)
        undo = (("routing", "on" if enabled else "off"),)
        yield Change(
            f"Email Routing of {zone.domain}", "on, not complete" if enabled else "off", after, act, undo
        )


def _is_there(wanted: Record, found: list[Record]) -> bool:
    """SPF is there when it is merged; of MX the host counts, not the priority, which people may change."""
    same = [one.content for one in found if one.type == wanted.type]
    if wanted.type == "TXT" and spf.is_spf(wanted.content):
        return any(spf.is_spf(text) and spf.CLOUDFLARE in text.lower().split() for text in same)
    return wanted.content in same


def _dmarc(api: Api, zone: Zone) -> Iterator[Change]:
    """Whatever is said already stays; a subdomain without its own follows the domain above it (RFC 9989 4.10)."""
    for name in dict.fromkeys((f"_dmarc.{zone.domain}", f"_dmarc.{zone.name}")):
        found = zones.records(api, zone, name)
        if any(one.type == "CNAME" or one.content.lower().startswith("v=dmarc1") for one in found):
            return
    name = f"_dmarc.{zone.domain}"
    yield Change(
        f"DNS {name}",
        "",
        f"TXT {DMARC}",
        _add(api, zone, name, "TXT", DMARC),
        (("record", f"{name} {DMARC}"),),
    )


def _dkim(api: Api, zone: Zone, wish: Wish) -> Iterator[Change]:
    for selector, given in wish.dkim:
        name = f"{selector}._domainkey.{zone.domain}"
        kind = "TXT" if "=" in given else "CNAME"
        value = given if kind == "TXT" else given.rstrip(".").lower()
        found = [one for one in zones.records(api, zone, name) if one.type in ("TXT", "CNAME")]
        if found and (found[0].type, found[0].content) != (kind, value):
            raise Conflict(
                f"{name} has another DKIM key.", "Take the other one out first, when nothing signs with it."
            )
        if not found:
            yield Change(
                f"DNS {name}",
                "",
                f"{kind} {value}",
                _add(api, zone, name, kind, value),
                (("record", f"{name} {value}"),),
            )


def _worker(api: Api, zone: Zone, wish: Wish) -> Iterator[Change]:
    wanted = wish.bindings()
    plain = {one["name"]: one["text"] if one["type"] == "plain_text" else "" for one in wanted}
    found = zones.bindings(api, zone)
    if found == plain:
        return
    before = "" if found is None else "another version, site or secret"

    def upload() -> object:
        return api.upload(zone.script, *worker.upload(wanted))

    shown = ", ".join(
        f"{name} {text}" for name, text in plain.items() if name in ("HOOK_URL", "FALLBACK", "BODY")
    )
    yield Change(
        f"Worker {worker.NAME}",
        before,
        f"version {worker.version()}, {shown}, secret set",
        upload,
        (("worker", ""),),
    )


def _rules(api: Api, zone: Zone, wish: Wish) -> Iterator[Change]:
    if wish.aliases is not None:
        yield from _alias_rules(api, zone, wish.aliases)
        return
    found = zones.catch_all(api, zone)
    if found.enabled and found.is_ours():
        return
    in_use = found.enabled and found.action != "drop"
    if in_use and not wish.take_catch_all:
        raise Conflict(
            f"The catch-all of {zone.name} is in use: {found.says()}. It is one for the zone and all its subdomains.",
            "Say --per-alias, for a rule an alias; or --take-catch-all, and that ends.",
        )
    undo = (("catch-all", " ".join([found.action, *found.value]) if found.enabled else ""),)
    path = f"{zone.path}/email/routing/rules/catch_all"
    act = sender(api, "PUT", path, _rule({"type": "all"}))
    yield Change(f"catch-all of {zone.name}", found.says(), f"worker {worker.NAME}", act, undo)


def _alias_rules(api: Api, zone: Zone, aliases: tuple[str, ...]) -> Iterator[Change]:
    found = {rule.to: rule for rule in reversed(zones.rules(api, zone))}  # the first one counts
    new = [alias for alias in aliases if alias not in found]
    if len(found) + len(new) > MAX_RULES:
        raise Conflict(
            f"{len(found) + len(new)} rules would be needed, and Cloudflare allows {MAX_RULES} a domain.",
            "Use the catch-all: it is one rule for all aliases.",
        )
    path = f"{zone.path}/email/routing/rules"
    for alias in aliases:
        body = _rule({"type": "literal", "field": "to", "value": alias})
        rule = found.get(alias)
        if rule is None:
            yield Change(
                f"rule for {alias}",
                "",
                f"worker {worker.NAME}",
                sender(api, "POST", path, body),
                (("rule", alias),),
            )
        elif not rule.is_ours():
            raise Conflict(
                f"There is a rule for {alias}: {rule.says()}.",
                "Delete it at Cloudflare, or delete the alias.",
            )
        elif not rule.enabled:
            yield Change(
                f"rule for {alias}",
                "off",
                f"worker {worker.NAME}",
                sender(api, "PUT", f"{path}/{rule.id}", body),
            )


def _rule(matcher: dict[str, str]) -> dict[str, object]:
    actions = [{"type": "worker", "value": [worker.NAME]}]
    return {"name": COMMENT, "enabled": True, "matchers": [matcher], "actions": actions}


def sender(api: Api, method: str, path: str, body: object = None) -> Callable[[], object]:
    """The call, to be made later."""
    return lambda: api.send(method, path, body)


def _add(api: Api, zone: Zone, name: str, kind: str, content: str) -> Callable[[], object]:
    text = f'"{content}"' if kind == "TXT" else content
    body = {"type": kind, "name": name, "content": text, "ttl": AUTOMATIC, "comment": COMMENT}
    return sender(api, "POST", f"{zone.path}/dns_records", body)


def edit(api: Api, zone: Zone, record: Record, content: str) -> Callable[[], object]:
    """Another text for a TXT record."""
    body = {"type": record.type, "name": record.name, "content": f'"{content}"', "ttl": AUTOMATIC}
    return sender(api, "PATCH", f"{zone.path}/dns_records/{record.id}", body)


def delete(api: Api, zone: Zone, record: Record) -> Callable[[], object]:
    """No such record any more."""
    return sender(api, "DELETE", f"{zone.path}/dns_records/{record.id}")
