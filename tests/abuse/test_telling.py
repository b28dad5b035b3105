"""Enumeration: who asks for what may be there or not is answered alike, by the same work.

Alike: status, headers, and the page but for what was typed. The same work: the same statements in the same order, which no
clock is needed for. Not here: what is not yours (test_others_things.py).
"""

from __future__ import annotations

import re

import pytest

from postern.base.database import Database
from postern.flow import sign_in_mail, tokens
from postern.flow.recipient import NO_ALIAS, TAKES_NONE
from postern.ops import post as posting
from support.estate import Estate, furnish
from support.people import Site
from support.samples import BY_TOKEN, OPEN, place
from support.wsgi import Answer, ask

CHANCE = re.compile(r"[a-z2-7]{52}|<code>[0-9a-f]{12}</code>|\[[0-9a-f]{12}\]|\bvalue=\"[^\"]*\"")


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the database from now on."""
    found: list[str] = []
    real = Database._execute

    def execute(db: Database, sql: str, **params: object) -> object:
        found.append(sql)
        return real(db, sql, **params)

    monkeypatch.setattr(Database, "_execute", execute)
    return found


def told(answer: Answer) -> tuple[object, ...]:
    """All that a stranger learns by reading."""
    headers = {name: CHANCE.sub("…", text) for name, text in answer.headers.items() if name != "x-request-id"}
    length = int(headers.pop("content-length"))
    page = CHANCE.sub("…", answer.text)
    assert length == len(answer.body)
    return answer.status, headers, page


def set_up(site: Site, change: str) -> Estate:
    """A person of whom something was changed; {id} is his id."""
    made = furnish(site)
    if change:
        site.run(change.replace("{id}", str(made.person.id)))
    return made


PEOPLE = {
    "known": "",
    "disabled": "UPDATE users SET disabled_at = now() WHERE id = {id}",
    "never confirmed": "UPDATE users SET confirmed_at = NULL WHERE id = {id}",
    "without a confirmed mailbox": "UPDATE mailboxes SET verified_at = NULL WHERE user_id = {id}",
    "unknown": "DELETE FROM users WHERE id = {id}",
}

ASKING = {
    "signing in": ("/sign-in", {"address": "{handle}@real.example"}),
    "a recovery code": ("/sign-in/recovery", {"handle": "{handle}", "code": "0000-0000-0000-0000"}),
    "an account for an address": (
        "/register",
        {"handle": "new-{handle}", "address": "{handle}@real.example"},
    ),
    "an invitation for an address": (
        "/invitation/{invitation}",
        {"handle": "newer-{handle}", "address": "{handle}@real.example"},
    ),
}


@pytest.mark.parametrize("case", ASKING)
def test_who_has_an_account_here_is_not_told(pages: Site, statements: list[str], case: str):
    path, fields = ASKING[case]
    seen = {}
    for kind, change in PEOPLE.items():
        one = set_up(pages, change)
        statements.clear()
        answer = pages.browser().post(
            path.format_map(one.names), **{name: text.format_map(one.names) for name, text in fields.items()}
        )
        seen[kind] = (told(answer), list(statements))
    assert all(found == seen["unknown"] for found in seen.values()), {
        kind: (found[0][0], len(found[1])) for kind, found in seen.items()
    }


def test_only_an_account_that_may_sign_in_is_mailed(pages: Site):
    """Or the test above would prove nothing."""
    mailed = {}
    for kind, change in PEOPLE.items():
        one = set_up(pages, change)
        before = pages.run("SELECT count(*) FROM messages WHERE kind = 'notice'")
        pages.browser().post("/sign-in", address=f"{one.person.handle}@real.example")
        sign_in_mail.post_asked(pages.context)
        mailed[kind] = pages.run("SELECT count(*) FROM messages WHERE kind = 'notice'") != before
    assert mailed == {**dict.fromkeys(PEOPLE, False), "known": True, "never confirmed": True}


DEAD = {
    "/sign-in/link/*": {
        "used": "DELETE FROM sign_in_links WHERE user_id = {id}",
        "too old": "UPDATE sign_in_links SET expires_at = now() WHERE user_id = {id}",
        "of a disabled user": PEOPLE["disabled"],
        "of a user who is gone": PEOPLE["unknown"],
    },
    "/sign-in/mail/*": {
        "used": "UPDATE sign_in_codes SET used_at = now() WHERE user_id = {id}",
        "too old": "UPDATE sign_in_codes SET expires_at = now() WHERE user_id = {id}",
        "guessed at": "UPDATE sign_in_codes SET tries = 5 WHERE user_id = {id}",
        "of a disabled user": PEOPLE["disabled"],
        "of a user who is gone": PEOPLE["unknown"],
    },
    "/invitation/*": {
        "used": "UPDATE invitations SET used_at = now() WHERE id = (SELECT max(id) FROM invitations)",
        "too old": "UPDATE invitations SET expires_at = now() WHERE id = (SELECT max(id) FROM invitations)",
        "revoked": "DELETE FROM invitations WHERE id = (SELECT max(id) FROM invitations)",
    },
    "/mailbox/*": {
        "used": "UPDATE mailboxes SET proof_index = NULL, proof_expires_at = NULL WHERE user_id = {id}",
        "too old": "UPDATE mailboxes SET proof_expires_at = now() WHERE user_id = {id}",
        "of a disabled user": PEOPLE["disabled"],
        "of a user who is gone": PEOPLE["unknown"],
    },
}


@pytest.mark.parametrize("path", sorted(path for path in OPEN if "*" in path))
def test_what_a_dead_link_was_is_not_told(pages: Site, statements: list[str], path: str):
    assert path in DEAD, f"{path} is new: say in DEAD how its token may come to be good no more"
    for method in ("GET", "POST"):
        seen = {"never made": heard(pages, method, path.replace("*", tokens.new()), statements)}
        for kind, change in DEAD[path].items():
            one = set_up(pages, change)
            seen[kind] = heard(pages, method, place(path, one), statements)
        assert all(found == seen["never made"] for found in seen.values()), (method, list(seen))
        assert seen["never made"][0][0] == 404


def heard(pages: Site, method: str, path: str, statements: list[str]) -> tuple[tuple[object, ...], list[str]]:
    """Answer and work."""
    fields = {"handle": "new-one", "address": "new-one@real.example"} if method == "POST" else {}
    statements.clear()
    browser = pages.browser()
    answer = browser.get(path) if method == "GET" else browser.post(path, **fields)
    return told(answer), list(statements)


def test_whose_contact_a_link_would_block_is_not_told(pages: Site, estate: Estate, statements: list[str]):
    """Its tag is forged in one letter, or another contact's, or the contact is gone."""
    (path,) = BY_TOKEN
    good, other = estate.tokens["block"], furnish(pages).tokens["block"]
    forged = {
        "last letter": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "another's tag": good[:32] + other[32:],
        "unknown": "0" * len(good),
    }
    for method in ("GET", "POST"):
        seen = [heard(pages, method, path.replace("*", text), statements) for text in forged.values()]
        assert seen[0][0][0] == 404
        assert all(found == seen[0] for found in seen)


TARGETS = {
    "never made": ("", NO_ALIAS),
    "deleted": ("UPDATE aliases SET deleted_at = now(), enabled = false WHERE id = {alias}", NO_ALIAS),
    "gone with its user": ("DELETE FROM users WHERE id = {user}", NO_ALIAS),
    "off": ("UPDATE aliases SET enabled = false WHERE id = {alias}", TAKES_NONE),
    "of a disabled user": ("UPDATE users SET disabled_at = now() WHERE id = {user}", TAKES_NONE),
    "without a mailbox that is confirmed": (
        "UPDATE mailboxes SET verified_at = NULL WHERE user_id = {user}",
        TAKES_NONE,
    ),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_sender_does_not_learn_why_an_address_takes_no_mail(pages: Site, kind: str):
    """Two answers there are (docs/webhook.md), and neither tells an owner's decision from his account's end."""
    change, expected = TARGETS[kind]
    person = pages.person()
    alias = pages.alias(person, f"told-{person.id}")
    pages.run(change.replace("{alias}", str(alias.id)).replace("{user}", str(person.id)) or "SELECT 1")
    rcpt_to = alias.address if change else f"never-{alias.address}"
    headers = posting.headers(pages.instance.secret, "bob@shop.example", rcpt_to, b"x", "cloudflare")
    answer = ask(pages.app, "POST", "/hooks/inbound", headers, b"x")
    assert (answer.status, answer.headers["postern-reject"], answer.text) == (422, expected, f"{expected}\n")


def test_a_post_that_is_not_signed_learns_nothing_of_an_address(
    pages: Site, estate: Estate, statements: list[str]
):
    seen = []
    for rcpt_to in (
        f"zebra-alias-{estate.person.id}@alias.example",
        "nobody@alias.example",
        "x@elsewhere.example",
    ):
        headers = posting.headers(b"another secret" * 3, "bob@shop.example", rcpt_to, b"x", "cloudflare")
        statements.clear()
        seen.append((told(ask(pages.app, "POST", "/hooks/inbound", headers, b"x")), list(statements)))
    assert seen[0][0][0] == 401
    assert all(found == seen[0] for found in seen)
    assert seen[0][1] == []
