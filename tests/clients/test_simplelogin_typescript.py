"""SimpleLogin's public TypeScript client, as npm carries it, against the running site: all that it can do.

It reads two answers wrongly, from the real server as well: the list of one's own domains, and one that was changed. Of those
the test looks at what was sent.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

import tiers
from postern.base.database import SYSTEM
from postern.store import domains
from support.patience import PATIENCE
from support.people import SHARED, Person, Site

pytestmark = pytest.mark.tier("simplelogin-client")

SCRIPT = Path(__file__).with_name("simplelogin.js")


@pytest.fixture
def told(served: Site, jane: Person, key: str, password: str) -> dict[str, Any]:
    """What each call of tests/clients/simplelogin.js gave."""
    with served.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.add(db, f"own{jane.id}.example", jane.id)
    settings = {"url": served.context.config.url, "key": key, "handle": jane.handle, "password": password}
    done = subprocess.run(
        [tiers.program("node") or "node", str(SCRIPT), str(tiers.SIMPLELOGIN)],
        input=json.dumps(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE * 4,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


REFUSED = {
    "login wrong": 400,
    "mfa": 400,
    "register": 400,
    "no key": 401,
    "taken": 409,
    "not there": 403,
    "mailbox default": 400,
    "settings refused": 400,
    "early": 440,
    "sudo wrong": 403,
    "after": 401,
}


def test_it_can_do_all_that_it_knows(served: Site, jane: Person, told: dict[str, Any]):
    assert told.pop("health")["status"] == 503, "no cron runs here"
    for name, given in told.items():
        assert not (isinstance(given, dict) and "fault" in given), (name, given)
    refused = {name: one["status"] for name, one in told.items() if isinstance(one, dict) and "status" in one}
    assert refused == REFUSED
    for name in REFUSED:
        assert list(told[name]["body"]) == ["error"], name

    assert told["login"]["mfaEnabled"] is False and told["login"]["apiKey"]

    own = f"own{jane.id}.example"
    assert (told["options"]["canCreate"], told["options"]["prefixSuggestion"]) == (True, "shop")
    assert told["options"]["suffixes"][0]["suffix"] == f"@{own}"
    custom = told["custom"]
    assert (custom["email"], custom["note"], custom["name"]) == (f"node@{own}", "für Bücher", "Jane")
    assert custom["creationDate"].endswith("Z"), "its date could be read"
    assert [one["email"] for one in told["list"]["aliases"]] == [told["random"]["email"], f"node@{own}"]
    assert told["past the end"] == {"aliases": []}
    assert [one["id"] for one in told["search"]["aliases"]] == [custom["id"]]
    assert (told["update"], told["toggle"]) == ({"ok": True}, {"enabled": False})
    assert (told["one"]["note"], told["one"]["pinned"], told["one"]["enabled"]) == ("x", True, False)
    assert told["contact"]["contact"] == "bob@shop.test" == told["contacts"]["contacts"][0]["contact"]
    assert told["block"] == {"blockForward": True}
    assert told["contact gone"] == told["gone"] == {"deleted": True}
    assert told["activities"] == {"activities": []}

    assert (told["mailbox"]["email"], told["mailbox"]["verified"]) == ("new@real.example", False)
    assert told["settings"] == {
        "aliasGenerator": "word",
        "notification": False,
        "randomAliasDefaultDomain": SHARED,
        "senderFormat": "AT",
        "randomAliasSuffix": "word",
    }
    assert told["settings changed"]["aliasGenerator"] == "uuid"
    assert told["domains"] == [{"domain": SHARED, "isCustom": False}, {"domain": own, "isCustom": True}]
    assert told["own domains"]["custom_domains"][0]["domain_name"] == own
    assert told["own domain"]["custom_domain"]["catch_all"] is True
    assert [one["alias"] for one in told["trash"]["aliases"]] == [f"node@{own}"]
    assert told["csv"].splitlines()[0] == "alias,note,enabled,mailboxes"
    assert told["data"]["custom_domains"] == [own]

    assert (told["user"]["name"], told["user"]["isPremium"], told["user"]["inTrial"]) == (
        jane.handle,
        True,
        False,
    )
    assert told["user changed"] == told["user"]
    assert told["stats"]["nbAlias"] == 1
    assert told["cookie"]["token"] and told["key"]["apiKey"]
    assert told["sudo"] == told["deleted"] == {"ok": True}
    assert served.run("SELECT count(*) FROM users WHERE id = :id", id=jane.id) == [[0]]
