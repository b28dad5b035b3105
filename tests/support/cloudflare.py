"""Cloudflare's API v4 for tests, as far as Postern uses it: one account with zones, in this process.

    with Cloudflare("example.org") as cloudflare: run("postern", "cloudflare", "plan", …, "--api", cloudflare.url)

What it is asked and what it answers is held against cloudflare_schema.json: what Cloudflare's published OpenAPI description
says of these operations (tests/cloudflare_schema.py reads it out of the SDK that is generated from it). A request or an answer
that is not of that schema is a failed test.
"""

from __future__ import annotations

import email.parser
import email.policy
import http.server
import itertools
import json
import pathlib
import re
import threading
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "v1.0-a-token-for-tests-0123456789abcdef"
ID = re.compile(r"[0-9a-f]{32}")
DATE = "2026-01-01T00:00:00Z"

PUBLISHED = json.loads(pathlib.Path(__file__).with_name("cloudflare_schema.json").read_text())
OPERATIONS: dict[str, dict[str, Any]] = PUBLISHED["operations"]
"""Method and path -> names of its query, schema of what is sent, schema of what comes back."""


def wrong(value: Any, schema: dict[str, Any], where: str = "") -> list[str]:
    """What about a value the schema does not say. A field that it does not name is wrong, too."""
    schema = PUBLISHED["types"][schema["$ref"]] if "$ref" in schema else schema
    if "anyOf" in schema:
        return min((wrong(value, one, where) for one in schema["anyOf"]), key=len)
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{where}: {value!r} is not one of {schema['enum']}"]
    kind = KINDS.get(schema.get("type", ""), object)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind not in (bool, object)):
        return [f"{where}: {value!r} is no {schema['type']}"]
    if isinstance(value, list):
        items = schema.get("items", {})
        return [found for at, one in enumerate(value) for found in wrong(one, items, f"{where}[{at}]")]
    fields = schema.get("properties")
    if not isinstance(value, dict) or fields is None:
        return []
    missing = [f"{where}.{name}: missing" for name in schema["required"] if name not in value]
    unknown = [f"{where}.{name}: unknown" for name in value if name not in fields]
    known = (wrong(value[name], fields[name], f"{where}.{name}") for name in value if name in fields)
    return [*missing, *unknown, *(found for one in known for found in one)]


KINDS: dict[str, Any] = {
    "null": type(None),
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
}


class Ask(NamedTuple):
    """A request: the parts of its path, its parameters, what was sent."""

    parts: list[str]
    query: dict[str, str]
    sent: Any


class Refused(Exception):
    """Status, Cloudflare's code, its words."""


class Cloudflare(http.server.ThreadingHTTPServer):
    """The account. `refuse`: (method, beginning of a path) -> (status, code, words). `calls`: all that changed something."""

    daemon_threads = True

    def __init__(self, *zones: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/client/v4"
        self._numbers = itertools.count(1)
        self.account = self.new_id()
        self.zones = {self.new_id(): name for name in zones}
        self.records: list[dict[str, Any]] = []
        self.rules: list[dict[str, Any]] = []
        self.catch_all = {"enabled": False, "matchers": [{"type": "all"}], "actions": [{"type": "drop"}]}
        self.addresses: list[dict[str, Any]] = []
        self.scripts: dict[str, dict[str, Any]] = {}
        self.enabled = False
        self.locked = False
        self.refuse: dict[tuple[str, str], tuple[int, int, str]] = {}
        self.calls: list[tuple[str, str]] = []
        self.faults: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Cloudflare:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
        assert not self.faults, "; ".join(sorted(set(self.faults)))

    def new_id(self) -> str:
        return f"{next(self._numbers):032x}"

    def put(self, kind: str, name: str, content: str, priority: int | None = None) -> dict[str, Any]:
        """A DNS record that is there already."""
        made = {"type": kind, "name": name, "content": content, "ttl": 1}
        return self._record({**made, **({} if priority is None else {"priority": priority})})

    def _record(self, told: dict[str, Any]) -> dict[str, Any]:
        """Kept, with what Cloudflare adds."""
        added = {"id": self.new_id(), "created_on": DATE, "modified_on": DATE, "meta": {}, "proxiable": False}
        self.records.append({**added, **told})
        return self.records[-1]

    def dns(self) -> list[str]:
        """All records, for people."""
        return sorted(f"{one['name']} {one['type']} {one['content']}" for one in self.records)

    def needed(self, domain: str) -> list[dict[str, Any]]:
        """What Email Routing wants there."""
        hosts = [("route1", 13), ("route2", 86), ("route3", 24)]
        mx = [
            {"type": "MX", "name": domain, "content": f"{host}.mx.cloudflare.net", "priority": n, "ttl": 1}
            for host, n in hosts
        ]
        spf = {
            "type": "TXT",
            "name": domain,
            "content": '"v=spf1 include:_spf.mx.cloudflare.net ~all"',
            "ttl": 1,
        }
        key = '"v=DKIM1; h=sha256; k=rsa; p=' + "A" * 200 + '" "' + "B" * 100 + '"'
        return [*mx, spf, {"type": "TXT", "name": f"cf2024-1._domainkey.{domain}", "content": key, "ttl": 1}]

    def answer(self, method: str, target: str, kind: str, body: bytes) -> tuple[Any, dict[str, Any]]:
        """Result and result_info, or Refused."""
        split = urlsplit(target)
        path = split.path.removeprefix("/client/v4")
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        for (verb, start), refusal in self.refuse.items():
            if method == verb and path.startswith(start):
                raise Refused(*refusal)
        short = re.sub(r"/scripts/[^/]+", "/scripts/NAME", ID.sub("ID", path))
        told = OPERATIONS.get(f"{method} {short}")
        if told is None:
            raise Refused(404, 7000, f"No route for {method} {short}")
        sent = None if not body else metadata(kind, body) if "multipart" in kind else json.loads(body)
        self.faults += wrong(sent, told["body"], f"{method} {short}")
        self.faults += [f"{method} {short}?{one}: unknown" for one in query if one not in told["query"]]
        if method != "GET":
            self.calls.append((method, short))
        parts = path.strip("/").split("/")
        result = getattr(self, f"_{call(f'{method} {short}')}")(Ask(parts, query, sent))
        self.faults += wrong(result, told["result"], f"answer to {method} {short}")
        if not isinstance(result, list) or "page" not in query:
            return result, {}
        page, per_page = int(query["page"]), int(query["per_page"])
        info = {"page": page, "per_page": per_page, "total_count": len(result)}
        return result[(page - 1) * per_page : page * per_page], info

    def _get_zones(self, ask: Ask) -> Any:
        zone = {
            "account": {"id": self.account, "name": "a"},
            "owner": {"id": self.account},
            "plan": {},
            "meta": {},
            "name_servers": [],
            "original_name_servers": [],
            **dict.fromkeys(("created_on", "modified_on", "activated_on"), DATE),
            **dict.fromkeys(("original_registrar", "original_dnshost")),
            "development_mode": 0,
        }
        return [
            {**zone, "id": number, "name": name}
            for number, name in self.zones.items()
            if name == ask.query["name"]
        ]

    def _get_zones_id_email_routing(self, ask: Ask) -> Any:
        status = "ready" if self.enabled else "unconfigured"
        return {
            "id": self.new_id(),
            "name": self.zones[ask.parts[1]],
            "enabled": self.enabled,
            "status": status,
        }

    def _get_zones_id_email_routing_dns(self, ask: Ask) -> Any:
        return self.needed(self.zones[ask.parts[1]])

    def _post_zones_id_email_routing_dns(self, ask: Ask) -> Any:
        """It writes what is missing; where an SPF record has its mechanism already, none."""
        domain = ask.sent.get("name", self.zones[ask.parts[1]])
        spf = [one for one in self.records if one["name"] == domain and "v=spf1" in one["content"]]
        for one in self.needed(domain):
            there = any(
                all(have.get(key) == one.get(key) for key in ("type", "name", "content"))
                for have in self.records
            )
            merged = "v=spf1" in one["content"] and any(
                "_spf.mx.cloudflare.net" in have["content"] for have in spf
            )
            if not there and not merged:
                self._record({**one, "comment": "routing"})
        self.enabled = self.locked = True
        return self._get_zones_id_email_routing(ask)

    def _delete_zones_id_email_routing_dns(self, ask: Ask) -> Any:
        domain = self.zones[ask.parts[1]]
        gone = [
            one for one in self.records if one.get("comment") == "routing" and one["name"].endswith(domain)
        ]
        self.records = [one for one in self.records if one not in gone]
        self.enabled = self.locked = False
        return self._get_zones_id_email_routing(ask)

    def _patch_zones_id_email_routing_dns(self, ask: Ask) -> Any:
        self.locked = False
        return self._get_zones_id_email_routing(ask)

    def _get_zones_id_email_routing_rules(self, _: Ask) -> Any:
        return self.rules

    def _post_zones_id_email_routing_rules(self, ask: Ask) -> Any:
        self.rules.append({"id": self.new_id(), **ask.sent})
        return self.rules[-1]

    def _put_zones_id_email_routing_rules_id(self, ask: Ask) -> Any:
        found = next(one for one in self.rules if one["id"] == ask.parts[-1])
        found.update(ask.sent)
        return found

    def _delete_zones_id_email_routing_rules_id(self, ask: Ask) -> Any:
        found = next(one for one in self.rules if one["id"] == ask.parts[-1])
        self.rules.remove(found)
        return found

    def _get_zones_id_email_routing_rules_catch_all(self, _: Ask) -> Any:
        return self.catch_all

    def _put_zones_id_email_routing_rules_catch_all(self, ask: Ask) -> Any:
        self.catch_all = ask.sent
        return ask.sent

    def _get_accounts_id_email_routing_addresses(self, _: Ask) -> Any:
        return self.addresses

    def _post_accounts_id_email_routing_addresses(self, ask: Ask) -> Any:
        self.addresses.append({"id": self.new_id(), "email": ask.sent["email"], "verified": None})
        return self.addresses[-1]

    def _get_zones_id_dns_records(self, ask: Ask) -> Any:
        return [one for one in self.records if one["name"] == ask.query["name.exact"]]

    def _post_zones_id_dns_records(self, ask: Ask) -> Any:
        return self._record(ask.sent)

    def _patch_zones_id_dns_records_id(self, ask: Ask) -> Any:
        found = next(one for one in self.records if one["id"] == ask.parts[-1])
        found.update(ask.sent)
        return found

    def _delete_zones_id_dns_records_id(self, ask: Ask) -> Any:
        gone = [one for one in self.records if one["id"] == ask.parts[-1]]
        if self.locked and gone and gone[0].get("comment") == "routing":
            raise Refused(400, 890196, "This record is locked by Email Routing.")
        left = [one for one in self.records if one not in gone]
        if len(left) == len(self.records):
            raise Refused(404, 81044, "Record does not exist.")
        self.records = left
        return {"id": ask.parts[-1]}

    def _get_accounts_id_workers_scripts_name_settings(self, ask: Ask) -> Any:
        if ask.parts[4] not in self.scripts:
            raise Refused(404, 10007, "This Worker does not exist on your account.")
        shown = [
            {k: v for k, v in b.items() if k != "text" or b["type"] == "plain_text"}
            for b in self.scripts[ask.parts[4]]["bindings"]
        ]
        return {"bindings": shown, "compatibility_date": self.scripts[ask.parts[4]]["compatibility_date"]}

    def _put_accounts_id_workers_scripts_name(self, ask: Ask) -> Any:
        self.scripts[ask.parts[4]] = ask.sent
        return {
            "id": ask.parts[4],
            "etag": "e",
            "handlers": ["email"],
            "has_modules": True,
            "startup_time_ms": 4,
        }

    def _delete_accounts_id_workers_scripts_name(self, ask: Ask) -> Any:
        del self.scripts[ask.parts[4]]


def call(operation: str) -> str:
    """What the method of this operation is called."""
    return re.sub(r"\W+", "_", operation).lower()


def metadata(kind: str, body: bytes) -> dict[str, Any]:
    """The part of that name; the module must be there under the name that it gives."""
    head = f"Content-Type: {kind}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    found = json.loads(parts["metadata"].get_content())
    module = parts[found["main_module"]]
    assert module.get_content_type() == "application/javascript+module"
    assert module.get_filename() == found["main_module"]
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def _do(self) -> None:
        server = self.server
        assert isinstance(server, Cloudflare)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            if self.headers["authorization"] != f"Bearer {TOKEN}":
                raise Refused(401, 1000, "Invalid API Token")
            result, info = server.answer(self.command, self.path, self.headers.get("content-type", ""), body)
            status, said = (
                200,
                {"success": True, "errors": [], "messages": [], "result": result, "result_info": info},
            )
        except Refused as refused:
            status, code, words = refused.args
            said = {
                "success": False,
                "errors": [{"code": code, "message": words}],
                "messages": [],
                "result": None,
            }
        except Exception as error:  # noqa: BLE001 - the test is told
            server.faults.append(f"{self.command} {self.path}: {type(error).__name__}: {error}")
            status, said = 500, {}
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815
