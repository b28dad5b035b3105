"""The APIs behind a real web server: what of them a host can spoil."""

from __future__ import annotations

import json

from postern.flow import api_keys
from postern.flow.api_keys import Wanted
from postern.store.api_keys import ALL
from support.apache import Server
from support.instance import ALIAS, Instance

NAMED = {"Host": "alias.example"}


def answers_to_the_letter(host: Server, tenant: Instance) -> None:
    """The key arrives in both headers, two slashes are one, 204 has no body, and a browser may ask before it asks."""
    ((user_id,),) = tenant.query("SELECT id FROM users")
    key = api_keys.make(tenant.context(), int(str(user_id)), Wanted("a test", ALL, None))
    keyed = {**NAMED, "Authorization": f"Bearer {key}", "X-Requested-With": "XMLHttpRequest"}
    wanted = json.dumps({"domain": ALIAS.rpartition("@")[2]}).encode()
    for path in ("/api/v1/aliases", "//api/v1/aliases"):
        made = host.fetch("POST", path, keyed, wanted)
        assert made.status == 201, made.body
    assert host.fetch("GET", "/api/v1/aliases?filter[search]=&page[size]=1", keyed).status == 200
    alias = f"/api/v1/aliases/{json.loads(made.body)['data']['id']}"
    asks = {**NAMED, "Origin": "https://vault.example", "Access-Control-Request-Method": "DELETE"}
    allowed = host.fetch("OPTIONS", alias, asks)
    assert (allowed.status, allowed.body) == (204, b"")
    assert "DELETE" in allowed.header("access-control-allow-methods")
    gone = host.fetch("DELETE", alias, keyed)
    assert (gone.status, gone.body, gone.header("content-type")) == (204, b"", "")
    simple = {**NAMED, "Authentication": key}
    assert host.fetch("POST", "/api/alias/random/new?hostname=https://shop.test", simple, b"").status == 201
    assert host.fetch("GET", "/api/v1/aliases", NAMED).status == 401
