"""Taking back what `postern cloudflare apply` did, and nothing else: what was changed since by others stays."""

from __future__ import annotations

from postern.ops.cloudflare import plan, spf, worker
from postern.ops.cloudflare import zone as zones
from postern.ops.cloudflare.plan import Change

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.ops.cloudflare.api import Api
    from postern.ops.cloudflare.zone import Record, Zone


def changes(api: Api, zone: Zone, noted: list[tuple[str, str]], keep_worker: bool) -> list[Change]:
    """In the order in which they are to be done. `keep_worker`: another domain is led to it."""
    return [
        *_rules(api, zone, dict(noted).get("catch-all")),
        *_routing(api, zone, ("routing", "off") in noted),
        *_dns(api, zone, noted),
        *([] if keep_worker else _worker(api, zone)),
    ]


def _rules(api: Api, zone: Zone, before: str | None) -> Iterator[Change]:
    """Our rules; the catch-all as it was. It is the zone's: without a note another domain of it may need it."""
    found = zones.catch_all(api, zone)
    if before is not None and found.is_ours():
        words = before.split()
        action = {"type": words[0], "value": words[1:]} if len(words) > 1 else {"type": "drop"}
        body = {"name": "", "enabled": bool(words), "matchers": [{"type": "all"}], "actions": [action]}
        act = plan.sender(api, "PUT", f"{zone.path}/email/routing/rules/catch_all", body)
        yield Change(f"catch-all of {zone.name}", found.says(), before or "off", act)
    for rule in zones.rules(api, zone):
        if rule.is_ours() and rule.to.endswith(f"@{zone.domain}"):
            act = plan.sender(api, "DELETE", f"{zone.path}/email/routing/rules/{rule.id}")
            yield Change(f"rule for {rule.to}", rule.says(), "", act)


def _routing(api: Api, zone: Zone, was_off: bool) -> Iterator[Change]:
    """Off for a zone that had it off. Of a subdomain only its records go: turning it off would end the whole zone's."""
    if zone.is_whole:
        if was_off and zones.is_enabled(api, zone):
            act = plan.sender(api, "DELETE", f"{zone.path}/email/routing/dns")
            yield Change(f"Email Routing of {zone.domain}", "on", "off", act)
        return
    wanted = [
        (one.type, one.name, one.content) for one in zones.needed(api, zone) if not spf.is_spf(one.content)
    ]
    found = [
        one for name in sorted({name for _, name, _ in wanted}) for one in zones.records(api, zone, name)
    ]
    ours = [one for one in found if (one.type, one.name, one.content) in wanted]
    if ours:
        unlock = plan.sender(api, "PATCH", f"{zone.path}/email/routing/dns", {"name": zone.domain})
        yield Change(f"Email Routing of {zone.domain}", "records locked", "unlocked", unlock)
    for one in ours:
        yield Change(f"DNS {one.name}", f"{one.type} {one.content}", "", plan.delete(api, zone, one))


def _dns(api: Api, zone: Zone, noted: list[tuple[str, str]]) -> Iterator[Change]:
    at_domain = zones.records(api, zone, zone.domain)
    made = [value for kind, value in noted if kind == "spf-made"]
    for one in at_domain:
        if made and one.type == "TXT" and spf.is_spf(one.content):
            yield from _spf(api, zone, one, dict(noted)["spf"], made)
    for kind, value in noted:
        first, _, rest = value.partition(" ")
        if kind == "mx" and not any(one.type == "MX" and one.content == rest for one in at_domain):
            body = {
                "type": "MX",
                "name": zone.domain,
                "content": rest,
                "priority": int(first),
                "ttl": plan.AUTOMATIC,
            }
            act = plan.sender(api, "POST", f"{zone.path}/dns_records", body)
            yield Change(f"DNS {zone.domain}", "", f"MX {value}", act)
        if kind == "record":
            for one in zones.records(api, zone, first):
                if one.content == rest:
                    yield Change(f"DNS {first}", f"{one.type} {rest}", "", plan.delete(api, zone, one))


def _spf(api: Api, zone: Zone, now: Record, before: str, made: list[str]) -> Iterator[Change]:
    """As it was, if it still is as we made it; else without what we put in."""
    if now.content in made and not before:
        yield Change(f"DNS {now.name}", f"TXT {now.content}", "", plan.delete(api, zone, now))
        return
    left = before
    if now.content not in made:
        ours = {term for one in made for term in one.split()} - set((before or "v=spf1 ~all").split())
        left = " ".join(term for term in now.content.split() if term not in ours)
    if left != now.content:
        yield Change(f"DNS {now.name}", f"TXT {now.content}", f"TXT {left}", plan.edit(api, zone, now, left))


def _worker(api: Api, zone: Zone) -> Iterator[Change]:
    if zones.bindings(api, zone) is not None:
        act = plan.sender(api, "DELETE", f"{zone.script}?force=true")
        yield Change(f"Worker {worker.NAME}", "there", "", act)
