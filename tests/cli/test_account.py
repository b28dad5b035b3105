"""What the operator does to accounts: shut, open, limited, exported, deleted; each act leaves a line."""

from __future__ import annotations

import json

from support.instance import ALIAS, DOMAIN, Instance


def acts(instance: Instance) -> list[str]:
    return [one["act"] for one in json.loads(instance.cli("acts", "--json"))]


def test_a_disabled_user_is_out_and_takes_no_mail_until_enabled(instance: Instance, site: str):
    assert "is disabled now" in instance.cli("account", "disable", "jane")
    assert "was disabled already" in instance.cli("account", "disable", "jane")
    assert instance.post(site, b"Subject: x\r\n\r\nx\r\n").status == 422
    assert "is enabled now" in instance.cli("account", "enable", "jane")
    assert instance.post(site, b"Subject: x\r\n\r\nx\r\n").status == 202
    instance.wait_for_drain()
    assert acts(instance) == ["enable user", "disable user"]


def test_quotas_are_shown_set_and_given_back(instance: Instance):
    def shown() -> dict[str, tuple[int, int, str]]:
        found = json.loads(instance.cli("quota", "show", "jane", "--json"))
        return {one["what"]: (one["used"], one["allowed"], one["set for"]) for one in found}

    assert shown()["aliases"] == (1, 10_000, "instance")
    assert "aliases 1" in instance.cli("quota", "set", "jane", "--aliases", "1", "--bytes-day", "5000000")
    assert shown()["aliases"] == (1, 1, "jane")
    assert shown()["bytes_day"] == (0, 5_000_000, "jane")
    instance.cli("quota", "set", "jane", "--aliases", "instance")
    assert shown()["aliases"] == (1, 10_000, "instance")
    assert acts(instance) == ["set quota", "set quota"]


def test_an_account_is_exported_and_deleted_when_it_is_meant(instance: Instance):
    found = json.loads(instance.cli("account", "export", "jane"))
    assert [one["address"] for one in found["aliases"]] == [ALIAS]
    assert instance.cli("account", "export", "jane", "--csv", "addy").startswith(
        "alias,description,recipients"
    )
    assert "--yes" in instance.cli("account", "delete", "jane", code=64)
    assert "is deleted" in instance.cli("account", "delete", "jane", "--yes")
    assert instance.query("SELECT count(*) FROM aliases") == [[0]]
    instance.cli("account", "delete", "jane", "--yes", code=66)
    assert acts(instance) == ["delete user", "export account", "export account"]


def test_subdomains_are_offered_of_shared_domains_alone(instance: Instance):
    assert "may take" in instance.cli("domain", "subdomains", DOMAIN, "on")
    assert instance.query("SELECT subdomains FROM domains") == [[True]]
    instance.cli("domain", "subdomains", DOMAIN, "off")
    assert instance.query("SELECT subdomains FROM domains") == [[False]]
    instance.cli("domain", "subdomains", DOMAIN, "off")
    assert acts(instance) == ["offer subdomains", "offer subdomains"]
    instance.cli("domain", "add", "own.example", "--user", "jane")
    instance.cli("domain", "subdomains", "own.example", "on", code=66)
