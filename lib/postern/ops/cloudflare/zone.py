"""What Cloudflare has for one mail domain now: read, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from postern.base.errors import NotFound
from postern.ops.cloudflare import spf
from postern.ops.cloudflare.worker import NAME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.ops.cloudflare.api import Api

MX_HOSTS = ".mx.cloudflare.net"


@dataclass(frozen=True)
class Record:
    """A DNS record. `content` of TXT is its bare text."""

    id: str
    type: str
    name: str
    content: str
    priority: int | None = None


@dataclass(frozen=True)
class Rule:
    """A routing rule. `to`: its address, or empty for the catch-all. `id`: empty for the catch-all."""

    id: str
    to: str
    enabled: bool
    action: str
    value: tuple[str, ...]

    def says(self) -> str:
        """For people."""
        if not self.enabled:
            return "off"
        return " ".join([self.action, *self.value])

    def is_ours(self) -> bool:
        """Whether it leads to our Worker."""
        return self.action == "worker" and self.value == (NAME,)


@dataclass(frozen=True)
class Zone:
    """Cloudflare's zone that a mail domain is in; both have the same name, or the domain lies below it."""

    id: str
    name: str
    account: str
    domain: str

    @property
    def path(self) -> str:
        """Where its things are."""
        return f"/zones/{self.id}"

    @property
    def script(self) -> str:
        """Where the Worker is."""
        return f"/accounts/{self.account}/workers/scripts/{NAME}"

    @property
    def is_whole(self) -> bool:
        """Whether the domain is the zone itself."""
        return self.domain == self.name


def find(api: Api, domain: str) -> Zone:
    """The zone of a domain. NotFound with the remedy."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        for found in api.get(f"/zones?name={quote(name)}") or []:
            if found["name"] == name:
                return Zone(found["id"], name, found["account"]["id"], domain)
    raise NotFound(
        f"{domain} is in no zone that this token can see.",
        "Add the domain to Cloudflare (its name servers must be Cloudflare's), and give the token that zone.",
    )


def records(api: Api, zone: Zone, name: str) -> list[Record]:
    """The DNS records at a name."""
    found = api.all(f"{zone.path}/dns_records?name.exact={quote(name)}")
    return [_record(one) for one in found if one["name"] == name]


def needed(api: Api, zone: Zone) -> list[Record]:
    """What Email Routing wants in the DNS of the domain: MX, SPF, DKIM. Cloudflare names them for the zone."""
    found = api.get(f"{zone.path}/email/routing/dns") or []
    if isinstance(found, dict):  # older answers have them one level lower
        found = found.get("record") or []
    return [_for_domain(_record(one), zone) for one in found]


def _record(one: dict[str, Any]) -> Record:
    content = str(one.get("content") or "")
    text = spf.text_of(content) if one["type"] == "TXT" else content.rstrip(".").lower()
    priority = one.get("priority")
    return Record(
        str(one.get("id", "")), one["type"], one["name"], text, None if priority is None else int(priority)
    )


def _for_domain(record: Record, zone: Zone) -> Record:
    name = record.name.removesuffix(".") if record.name not in ("", "@") else zone.name
    head = name[: len(name) - len(zone.name)] if name.endswith(zone.name) else f"{name}."
    return Record("", record.type, head + zone.domain, record.content, record.priority)


def is_enabled(api: Api, zone: Zone) -> bool:
    """Whether Email Routing is on for the zone."""
    found = api.find(f"{zone.path}/email/routing")
    return bool(found and found.get("enabled"))


def catch_all(api: Api, zone: Zone) -> Rule:
    """The catch-all rule of the zone; off where there is none."""
    found = api.find(f"{zone.path}/email/routing/rules/catch_all")
    return _rule(found, "") if found else Rule("", "", False, "drop", ())


def rules(api: Api, zone: Zone) -> list[Rule]:
    """The rules for single addresses."""
    found = []
    for one in api.all(f"{zone.path}/email/routing/rules"):
        to = [m.get("value", "") for m in one.get("matchers") or [] if m.get("type") == "literal"]
        if to:
            found.append(_rule(one, to[0].lower()))
    return found


def _rule(one: dict[str, Any], to: str) -> Rule:
    action = (one.get("actions") or [{"type": "drop"}])[0]
    value = tuple(str(word) for word in action.get("value") or ())
    return Rule(str(one.get("id") or "") if to else "", to, bool(one.get("enabled")), action["type"], value)


def bindings(api: Api, zone: Zone) -> dict[str, str] | None:
    """What the Worker that runs there was told: name -> text, empty for a secret. None where there is no Worker."""
    found = api.find(f"{zone.script}/settings")
    if found is None:
        return None
    return {one["name"]: str(one.get("text", "")) for one in found.get("bindings") or []}


def addresses(api: Api, zone: Zone) -> dict[str, bool]:
    """Destination addresses of the account -> whether each is verified."""
    found = api.all(f"/accounts/{zone.account}/email/routing/addresses")
    return {str(one.get("email", "")).lower(): bool(one.get("verified")) for one in found}
