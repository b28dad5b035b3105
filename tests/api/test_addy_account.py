"""addy.io's dialect: what its apps ask for when they start: the account, the key, the server's release, a week of mail."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

import postern
from postern.base.database import SYSTEM
from postern.store import domains, samples
from support import addy as apps
from support.api import Addy, new_key
from support.people import SHARED, Person, Site

ACCOUNT = "/api/v1/account-details"


def test_the_account_is_told_as_the_apps_read_it(pages: Site, jane: Person, addy: Addy):
    on, off, gone = (pages.alias(jane, f"{name}{jane.id}") for name in ("on", "off", "gone"))
    pages.run("UPDATE aliases SET enabled = false, forwarded = 3, blocked = 2 WHERE id = :id", id=off.id)
    pages.run("UPDATE aliases SET deleted_at = now(), replied = 1 WHERE id = :id", id=gone.id)
    pages.run("UPDATE aliases SET pinned = true, forwarded = 4 WHERE id = :id", id=on.id)
    pages.run(
        "INSERT INTO user_days (user_id, day, messages, bytes) VALUES (:id, now(), 7, 4096)", id=jane.id
    )
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        domains.add(db, f"jane{jane.id}.example", jane.id)
        domains.take_subdomain(db, f"jane{jane.id}.{SHARED}", jane.id, pages.shared.id)
    found = apps.read("Account", addy.get(ACCOUNT).json["data"])
    assert (found["username"], found["id"]) == (jane.handle, str(jane.user.uid))
    assert found["default_recipient_id"] == str(jane.mailbox.uid)
    assert (found["default_alias_domain"], found["default_alias_format"]) == (SHARED, "random_words")
    assert (found["bandwidth"], found["bandwidth_limit"]) == (4096, 0)
    assert [found[f"total_{name}"] for name in ("aliases", "active_aliases", "inactive_aliases")] == [3, 1, 1]
    assert [found[f"total_{name}_aliases"] for name in ("pinned", "deleted")] == [1, 1]
    assert [found[f"total_emails_{name}"] for name in ("forwarded", "blocked", "replied", "sent")] == [
        7,
        2,
        1,
        0,
    ]
    assert (found["active_shared_domain_alias_count"], found["recipient_count"]) == (1, 1)
    assert (found["username_count"], found["active_domain_count"], found["active_rule_count"]) == (1, 1, 0)
    assert found["recipient_limit"] == pages.context.config.user_mailboxes


def test_who_has_nothing_at_all_is_read_as_well(pages: Site, jane: Person, addy: Addy):
    pages.run("DELETE FROM mailboxes WHERE user_id = :id", id=jane.id)
    found = apps.read("Account", addy.get(ACCOUNT).json["data"])
    assert (found["default_recipient_id"], found["total_aliases"], found["bandwidth"]) == ("", 0, 0)


def test_the_key_is_told_with_its_end(pages: Site, jane: Person, addy: Addy):
    found = apps.read("Token", addy.get("/api/v1/api-token-details").json)
    assert (found["name"], found["expires_at"]) == ("a test", None)
    pages.run("UPDATE api_keys SET expires_at = now() + interval '1 day' WHERE user_id = :id", id=jane.id)
    assert addy.get("/api/v1/api-token-details").json["expires_at"] > found["created_at"]


def test_the_release_is_one_that_the_apps_take(addy: Addy):
    answer = addy.get("/api/v1/app-version")
    found = apps.read("Version", answer.json)
    level = (found["major"], found["minor"], found["patch"])
    assert level >= (1, 6, 2), "iOS refuses it"
    assert found["version"] == ".".join(map(str, level))
    assert answer.headers["x-postern-version"] == postern.__version__


def test_a_week_is_told_day_by_day(pages: Site, jane: Person, addy: Addy):
    alias = pages.alias(jane, f"shop{jane.id}")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for ago, forwarded, replied in ((0, 5, 1), (6, 2, 0), (7, 9, 9)):
            samples.day(db, alias.id, ago, forwarded, 0, replied)
    found = apps.read("Chart", addy.get("/api/v1/chart-data").json)
    assert found["forwardsData"] == [2, 0, 0, 0, 0, 0, 5]
    assert (found["repliesData"], found["sendsData"]) == ([0, 0, 0, 0, 0, 0, 1], [0] * 7)
    assert found["outboundMessageTotals"] == [7, 1, 0]
    assert len(set(found["labels"])) == 7
    assert found["labels"][-1] in (
        f"{datetime.now(timezone.utc):%A}",
        f"{pages.run('SELECT now()')[0][0]:%A}",
    )


@pytest.mark.parametrize(
    "path", [ACCOUNT, "/api/v1/api-token-details", "/api/v1/app-version", "/api/v1/chart-data"]
)
def test_a_key_that_may_only_look_is_enough_and_no_key_is_not(pages: Site, jane: Person, path: str):
    assert Addy(pages, new_key(pages, jane, "read")).get(path).status == 200
    assert Addy(pages, "x" * 60).get(path).json == {"message": "Unauthenticated."}


# Rules.


RULE = {
    "name": "x",
    "conditions": [{"type": "sender", "match": "is exactly", "values": ["a@b.example"]}],
    "actions": [{"type": "block", "value": "true"}],
    "operator": "AND",
}


def test_there_are_no_rules_and_whoever_makes_one_is_told(addy: Addy):
    assert addy.get("/api/v1/rules").json == {"data": []}
    refused = addy.post("/api/v1/rules", RULE)
    assert refused.status == 422 and "no rules here" in apps.read("Error", refused.json)["message"]
    assert addy.post("/api/v1/reorder-rules", {"ids": []}).status == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/rules/{}"),
        ("PATCH", "/api/v1/rules/{}"),
        ("DELETE", "/api/v1/rules/{}"),
        ("POST", "/api/v1/active-rules"),
        ("DELETE", "/api/v1/active-rules/{}"),
    ],
)
def test_no_id_is_one_of_a_rule(addy: Addy, jane: Person, method: str, path: str):
    answer = addy.ask(method, path.format(jane.user.uid), {"id": str(jane.user.uid)})
    assert (answer.status, answer.json["message"]) == (404, "No such thing. Load your list again.")
