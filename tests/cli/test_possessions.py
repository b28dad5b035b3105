"""What users have, as the operator handles it: aliases, contacts, mailboxes, domains, quarantine. Every act leaves a line.

Not here: wrong use and what is not there (test_cli.py), the shape of listings (test_listings.py).
"""

from __future__ import annotations

import json
import re

import pytest

from support.doh import DohServer
from support.house import House, held_message
from support.instance import ALIAS, DOMAIN, MAILBOX
from support.mail import message
from support.queue import put

SECOND = "second@real.example"
Rows = list[dict[str, object]]


def rows(house: House, *args: str) -> Rows:
    found: Rows = json.loads(house.cli(*args, "--json"))
    return found


def acts(house: House) -> list[tuple[str, str]]:
    """Act and target, newest first."""
    return [(str(one["act"]), str(one["target"])) for one in rows(house, "acts", "--last", "500")]


def user(house: House, handle: str) -> str:
    """A fresh user with a mailbox and a domain of his own."""
    house.cli("user", "add", handle, "--address", f"{handle}@real.example")
    house.cli("domain", "add", f"{handle}.example", "--user", handle)
    return handle


def row_of(house: House, address: str) -> dict[str, object]:
    (found,) = rows(house, "alias", "show", address)
    return found


# Aliases.


def test_random_aliases_are_of_the_kind_and_where_they_are_wanted(house: House):
    ann = user(house, "ann")
    made = house.cli("alias", "add", ann, "--kind", "uuid", "--domain", "ANN.example", "--note", "try")
    assert re.fullmatch(r"Made [0-9a-f-]{36}@ann\.example\.\n", made)
    made = house.cli("alias", "add", ann, "--kind", "words")
    assert re.fullmatch(rf"Made [a-z]+[.-][a-z]+[.-]?\d\d@{DOMAIN}\.\n", made), (
        "on the first that she may use"
    )
    assert {one["note"] for one in rows(house, "alias", "list", ann)} == {"try", ""}
    assert acts(house)[0] == ("make alias", ann)
    assert "Leave out the address" in house.cli("alias", "add", ann, f"x@{DOMAIN}", "--kind", "uuid", code=64)
    assert "ann.example is no domain" in house.cli("alias", "add", "jane", "--domain", "ann.example", code=66)


def test_an_alias_forwards_to_all_mailboxes_that_are_named(house: House):
    ben = user(house, "ben")
    house.cli("mailbox", "add", ben, SECOND, "--verified")
    first, second = (one["id"] for one in rows(house, "mailbox", "list", ben))
    both = ("--mailbox", "ben@real.example", "--mailbox", SECOND.upper())
    house.cli("alias", "add", ben, "both@ben.example", *both)
    assert row_of(house, "both@ben.example")["mailboxes"] == [first, second]
    house.cli("alias", "forward", "both@ben.example", "--mailbox", SECOND)
    assert row_of(house, "both@ben.example")["mailboxes"] == [second]
    assert "no such mailbox" in house.cli(
        "alias", "forward", "both@ben.example", "--mailbox", MAILBOX, code=66
    )
    assert "--mailbox" in house.cli("alias", "forward", "both@ben.example", code=64)
    assert acts(house)[0] == ("alias forward", ben)


def test_aliases_are_switched_pinned_noted_deleted_and_brought_back(house: House):
    cay = user(house, "cay")
    one, two = "one@cay.example", "two@cay.example"
    for address in (one, two):
        house.cli("alias", "add", cay, address)

    def listed(*more: str) -> list[object]:
        return [found["address"] for found in rows(house, "alias", "list", cay, *more)]

    assert house.cli("alias", "off", one, two) == f"{one}: off.\n{two}: off.\n"
    assert listed("--state", "on") == []
    house.cli("alias", "on", one)
    assert (listed("--state", "on"), listed("--state", "off")) == ([one], [two])
    house.cli("alias", "pin", one)
    assert listed() == [one, two]
    house.cli("alias", "unpin", one)
    assert listed() == [two, one]
    house.cli("alias", "note", one, "The 100% shop")
    assert (listed("--search", "100% SHOP"), row_of(house, one)["note"]) == ([one], "The 100% shop")
    assert "Shorten it" in house.cli("alias", "note", one, "x" * 501, code=64)
    house.cli("alias", "note", one, "")
    assert row_of(house, one)["note"] == ""
    assert "--yes" in house.cli("alias", "delete", one, code=64)
    assert "30 days" in house.cli("alias", "delete", one, "--yes")
    assert (listed(), listed("--state", "deleted")) == ([two], [one])
    assert "postern alias restore" in house.cli("alias", "on", one, code=73)
    assert "postern alias restore" in house.cli("alias", "add", cay, one, code=73)
    assert "brought back" in house.cli("alias", "restore", one)
    assert listed("--sort", "name") == [one, two]
    assert "nothing to do" in house.cli("alias", "restore", one)
    house.cli("alias", "delete", two, "--yes")
    house.query("UPDATE aliases SET deleted_at = now() - interval '31 days' WHERE local = 'two' RETURNING id")
    assert "30 days ago" in house.cli("alias", "restore", two, code=73)
    assert {act for act, _ in acts(house)} >= {"alias off", "alias on", "alias delete", "alias restore"}


def test_one_alias_that_is_not_there_keeps_the_others_as_they_are(house: House):
    house.cli("alias", "off", ALIAS, f"nobody@{DOMAIN}", code=66)
    assert row_of(house, ALIAS)["enabled"] is True


def test_nobody_gets_an_address_that_somebody_else_had(house: House):
    """The operator's door as well: mail to the one before must not reach the one after."""
    dan, eve = user(house, "dan"), user(house, "eve")
    house.cli("alias", "add", dan, f"dans@{DOMAIN}")
    house.cli("account", "delete", dan, "--yes")
    assert "taken" in house.cli("alias", "add", eve, f"dans@{DOMAIN}", code=73)


def test_the_operator_is_told_how_to_raise_the_quota_that_stops_him(house: House):
    fay = user(house, "fay")
    house.cli("quota", "set", fay, "--aliases", "0", "--mailboxes", "1")
    assert "postern quota set fay --aliases N" in house.cli("alias", "add", fay, code=73)
    told = house.cli("mailbox", "add", fay, SECOND, "--verified", code=73)
    assert "postern quota set fay --mailboxes N" in told


def test_what_a_stranger_wrote_does_not_reach_the_terminal_as_it_is(house: House):
    house.cli("alias", "note", ALIAS, "a\x1b[2Jb\nc")
    assert "a?[2Jb?c" in house.cli("alias", "list", "jane")
    assert row_of(house, ALIAS)["note"] == "a\x1b[2Jb\nc", "JSON escapes it"
    house.cli("alias", "note", ALIAS, "")


# Contacts.


def test_contacts_are_made_listed_blocked_and_forgotten(house: House):
    user(house, "gil")
    alias = "shop@gil.example"
    house.cli("alias", "add", "gil", alias)
    assert "postern contact add" in house.cli("contact", "list", alias)
    reverse = house.cli("contact", "add", alias, "Bob@Shop.example").split("\n")[0]
    assert re.fullmatch(r"re-[a-z2-7]{16}@gil\.example", reverse)
    assert house.cli("contact", "add", alias, "bob@shop.example").startswith(reverse), (
        "one address, one contact"
    )
    told = house.cli("contact", "list", alias)
    assert reverse in told and "hop.example" not in told
    (found,) = rows(house, "contact", "list", alias, "--addresses")
    assert (found["reverse address"], found["address"]) == (reverse, "Bob@shop.example")
    assert "is blocked now" in house.cli("contact", "block", alias, reverse)
    assert "was blocked already" in house.cli("contact", "block", alias, "bob@shop.example")
    assert rows(house, "contact", "list", alias)[0]["blocked"] is not None
    assert "is not blocked now" in house.cli("contact", "unblock", alias, reverse.upper())
    house.cli("alias", "add", "gil", "other@gil.example")
    for other in (ALIAS, "other@gil.example"):
        assert "postern contact list" in house.cli("contact", "block", other, reverse, code=66)
    assert "postern contact list" in house.cli("contact", "block", alias, "eve@shop.example", code=66)
    assert "--yes" in house.cli("contact", "forget", alias, reverse, code=64)
    house.cli("contact", "forget", alias, reverse, "--yes")
    assert rows(house, "contact", "list", alias) == []
    house.cli("contact", "add", alias, f"x@{DOMAIN}", code=73)
    lines = [act for act in acts(house) if act[1] == "gil" and "contact" in act[0]]
    assert [act for act, _ in lines[::-1]] == [
        *("make contact", "make contact", "block contact"),
        *("unblock contact", "forget contact"),
    ]
    assert "bob" not in house.cli("acts", "--last", "500"), "no address outlives its contact"


# Mailboxes.


def test_mailboxes_are_vouched_for_made_the_default_and_deleted(house: House):
    house.cli("user", "add", "hal")
    for address in ("hal@real.example", SECOND):
        assert "a link was mailed" in house.cli("mailbox", "add", "hal", address)
    assert "postern mailbox verify hal" in house.cli("mailbox", "default", "hal", SECOND, code=73)
    assert "is verified now" in house.cli("mailbox", "verify", "hal", "hal@real.example")
    assert "verified already" in house.cli("mailbox", "verify", "hal", "HAL@real.example")

    def default() -> list[object]:
        return [one["address"] for one in rows(house, "mailbox", "list", "hal") if one["default"]]

    assert default() == ["hal@real.example"], "the first one that is verified"
    house.cli("alias", "add", "hal", f"hals@{DOMAIN}")
    assert "only mailbox" in house.cli("mailbox", "delete", "hal", "hal@real.example", "--yes", code=73)
    house.cli("mailbox", "verify", "hal", SECOND)
    house.cli("mailbox", "default", "hal", SECOND)
    assert default() == [SECOND]
    assert "--yes" in house.cli("mailbox", "delete", "hal", "hal@real.example", code=64)
    assert "instead: 1" in house.cli("mailbox", "delete", "hal", "hal@real.example", "--yes")
    (left,) = rows(house, "mailbox", "list", "hal")
    assert (left["address"], left["aliases"]) == (SECOND, 1)
    mine = [act for act, target in acts(house) if target == "hal"]
    assert mine[:4] == ["delete mailbox", "set default mailbox", "verify mailbox", "make alias"]


def test_a_link_that_was_mailed_is_void_when_the_operator_vouched(house: House):
    house.cli("user", "add", "ida")
    house.cli("mailbox", "add", "ida", "ida@real.example")
    open_links = "SELECT count(*) FROM mailboxes WHERE proof_index IS NOT NULL"
    before = house.query(open_links)[0][0]
    house.cli("mailbox", "verify", "ida", "ida@real.example")
    assert house.query(open_links)[0][0] == int(str(before)) - 1


def test_a_paused_mailbox_is_resumed(house: House):
    user(house, "joe")
    house.query(
        "UPDATE mailboxes SET paused_at = now() WHERE user_id = (SELECT id FROM users WHERE handle = 'joe') RETURNING id"
    )
    assert rows(house, "mailbox", "list", "joe")[0]["paused"] is not None
    assert "forwarded to it again" in house.cli("mailbox", "resume", "joe", "joe@real.example")
    assert "not paused" in house.cli("mailbox", "resume", "joe", "joe@real.example")
    assert acts(house)[0] == ("resume mailbox", "joe")


# Domains.


def claim(house: House, handle: str, name: str, proof: str) -> None:
    """A user says that a domain is his."""
    house.query(
        "INSERT INTO domains (name, user_id, proof) SELECT :name, id, :proof FROM users WHERE handle = :handle RETURNING id",
        name=name,
        proof=proof,
        handle=handle,
    )


def test_a_claim_is_checked_by_its_txt_record(house: House, resolver: DohServer):
    user(house, "kim")
    user(house, "lea")
    claim(house, "kim", "claimed.example", "kims")
    claim(house, "lea", "claimed.example", "leas")
    assert "--user HANDLE" in house.cli("domain", "check", "claimed.example", code=73)
    mine = ("domain", "check", "claimed.example", "--user", "kim")
    assert "_postern.claimed.example" in house.cli(*mine, code=73)
    resolver.zone["_postern.claimed.example"] = ['TXT "postern-verify=kims"']
    assert "is verified now" in house.cli(*mine)
    assert "verified already" in house.cli(*mine)
    told = house.cli("domain", "check", "claimed.example", "--user", "lea", code=73)
    assert "says something else" in told
    resolver.zone["_postern.claimed.example"].append('TXT "postern-verify=leas"')
    assert "postern domain list" in house.cli("domain", "check", "claimed.example", "--user", "lea", code=73)
    assert acts(house)[0] == ("verify domain", "kim")


def test_a_users_domain_is_set_and_deleted(house: House):
    user(house, "moe")
    house.cli("alias", "add", "moe", "x@moe.example")

    def listed() -> dict[str, object]:
        return next(one for one in rows(house, "domain", "list") if one["name"] == "moe.example")

    house.cli("domain", "set", "moe.example", "--on-the-fly", "on", "--per-day", "7")
    assert (listed()["on the fly"], listed()["a day"]) == (True, 7)
    house.cli("domain", "set", "MOE.example", "--per-day", "9")
    assert (listed()["on the fly"], listed()["a day"]) == (True, 9), "what is not given stays"
    house.cli("domain", "set", "moe.example", "--on-the-fly", "off")
    assert listed()["on the fly"] is False
    assert "up to 1,000" in house.cli("domain", "set", "moe.example", "--per-day", "1001", code=64)
    assert "--help" in house.cli("domain", "set", "moe.example", code=64)
    assert "shared" in house.cli("domain", "set", DOMAIN, "--on-the-fly", "on", code=66)
    assert "aliases: 1" in house.cli("domain", "delete", "moe.example", code=64)
    assert "is deleted" in house.cli("domain", "delete", "moe.example", "--yes")
    assert rows(house, "alias", "list", "moe") == []
    house.cli("domain", "delete", "moe.example", "--yes", code=66)
    assert [act for act, target in acts(house) if target == "moe"][:4] == [
        "delete domain",
        "set domain",
        "set domain",
        "set domain",
    ]


def test_of_a_shared_domain_that_was_deleted_nobody_gets_an_address_when_it_comes_back(house: House):
    user(house, "ned")
    user(house, "ola")
    house.cli("domain", "add", "gone.example")
    house.cli("alias", "add", "ned", "neds@gone.example")
    assert "aliases: 1, users' subdomains: 0" in house.cli("domain", "delete", "gone.example", code=64)
    house.cli("domain", "delete", "gone.example", "--yes")
    assert acts(house)[0] == ("delete domain", "gone.example")
    house.cli("domain", "add", "gone.example")
    assert "taken" in house.cli("alias", "add", "ola", "neds@gone.example", code=73)
    house.cli("alias", "add", "ola", "olas@gone.example")


# Quarantine.


def held(house: House) -> list[str]:
    return [str(one["id"]) for one in rows(house, "quarantine", "list", "jane")]


def test_held_mail_is_listed_released_and_given_up(house: House):
    put(house, house.context(), held_message())
    (found, _) = rows(house, "quarantine", "list", "jane")
    assert (found["alias"], found["why"]) == (ALIAS, "dmarc")
    assert "bob" not in house.cli("quarantine", "list", "jane")
    assert "@" in str(rows(house, "quarantine", "list", "jane", "--addresses")[0]["from"])
    first, second = held(house)
    user(house, "pia")
    assert "not held for pia" in house.cli("quarantine", "release", "pia", first, code=66)
    assert "delivered now" in house.cli("quarantine", "release", "jane", first)
    assert "postern quarantine list jane" in house.cli("quarantine", "release", "jane", first, code=66)
    assert "postern quarantine list jane" in house.cli("quarantine", "drop", "jane", "x", "--yes", code=66)
    assert "--yes" in house.cli("quarantine", "drop", "jane", second, code=64)
    assert held(house) == [second]
    assert "given up" in house.cli("quarantine", "drop", "jane", second, "--yes")
    assert "Nothing is held" in house.cli("quarantine", "list", "jane")
    assert [act for act, _ in acts(house)[:2]] == ["drop held mail", "release held mail"]
    assert house.query("SELECT count(*) FROM messages WHERE cleared_at IS NOT NULL") == [[1]]


def test_what_waits_for_a_paused_mailbox_says_how_to_resume_it_and_goes_on_when_that_is_done(house: House):
    before = held(house)
    house.query("UPDATE mailboxes SET paused_at = now() WHERE user_id = 1 RETURNING id")
    put(house, house.context(), message(subject="Later"))
    (one,) = set(held(house)).difference(before)
    assert "postern mailbox resume jane" in house.cli("quarantine", "release", "jane", one, code=73)
    assert "waited for it: 1" in house.cli("mailbox", "resume", "jane", MAILBOX)
    assert held(house) == before


@pytest.mark.parametrize(
    "args",
    [
        ("contact", "list", "nobody@alias.example"),
        ("contact", "add", "nobody@alias.example", "bob@shop.example"),
        ("alias", "show", "nobody@alias.example"),
        ("alias", "note", "nobody@alias.example", "x"),
        ("mailbox", "verify", "nobody", "x@real.example"),
        ("mailbox", "delete", "jane", "x@real.example", "--yes"),
        ("domain", "check", "nobody.example"),
        ("quarantine", "list", "nobody"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_is_66_with_the_listing_that_shows_it(house: House, args: tuple[str, ...]):
    told = house.cli(*args, code=66)
    assert re.search(r"See: postern \w+ list", told) and "Traceback" not in told


def test_each_app_is_told_with_the_address_of_this_server(house: House):
    listed = rows(house, "app", "list")
    assert {"bitwarden", "addy-phone"} <= {str(one["app"]) for one in listed}
    told = house.cli("app", "setup", "bitwarden")
    site = house.config.url.rstrip("/")
    assert told.startswith("Bitwarden\n  1. Make an API key of the scope aliases: ")
    assert f"{site}/settings/api-keys?app=bitwarden" in told and f"Server URL: {site}\n" in told
    assert "postern app list" in house.cli("app", "setup", "nothing", code=66)
