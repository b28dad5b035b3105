"""Settings are kept; everything can be taken along; and an account that is deleted is gone."""

from __future__ import annotations

import csv
import io
import json
from uuid import uuid4

import pytest

from postern.base.database import SYSTEM
from postern.store import aliases, api_keys, contacts, domains, events, preferences
from postern.store.preferences import Preferences
from support.people import SHARED, Browser, Person, Site
from support.store import add_message


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/settings")
    return browser


def kept(pages: Site, person: Person) -> Preferences:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return preferences.of_user(db, person.id)


def test_what_is_chosen_is_kept_and_used(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        own = domains.add(db, f"{jane.handle}.example", jane.id)
    answer = browser.post(
        "/settings", domain=str(own.id), kind="uuid", dmarc_fail="forward", offer_block="1", digest="weekly"
    )
    page = browser.follow(answer)
    assert kept(pages, jane) == Preferences(own.id, "uuid", "forward", True, "weekly")
    assert f'value="{own.id}" selected' in page.text
    browser.post("/aliases/random")
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        (alias,) = aliases.of_user(db, jane.id)
    assert alias.domain == own.name and len(alias.local) == 36


@pytest.mark.parametrize(
    "wrong",
    [
        *({"domain": "999999"}, {"kind": "names"}, {"kind": ""}, {"dmarc_fail": "drop"}, {"dmarc_fail": ""}),
        *({"digest": "hourly"}, {"digest": ""}),
    ],
)
def test_a_choice_that_is_none_is_refused(pages: Site, browser: Browser, jane: Person, wrong: dict[str, str]):
    fields = {
        "domain": str(pages.shared.id),
        "kind": "words",
        "dmarc_fail": "forward",
        "digest": "off",
        **wrong,
    }
    assert browser.post("/settings", **fields).status == 400
    assert kept(pages, jane) == Preferences()


def test_anothers_domain_is_no_choice(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        his = domains.add(db, f"x{uuid4().hex}.example", pages.person().id)
    fields = {"domain": str(his.id), "kind": "words", "dmarc_fail": "forward", "digest": "off"}
    assert browser.post("/settings", **fields).status == 400


# Taking everything along.


@pytest.fixture
def furnished(pages: Site, jane: Person) -> str:
    """The address of an alias of hers with all that an alias may have."""
    alias = pages.alias(jane, f"all-{jane.handle}")
    ring = pages.context.ring
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        aliases.describe(db, ring, alias, "=HYPERLINK(1)", "Jane")
        contacts.ensure(db, ring, alias.id, "bob@friends.example", "Bob")
        events.add(db, ring, jane.id, "received", alias_id=alias.id, note={"from": "bob@friends.example"})
        api_keys.add(
            db, ring, jane.id, api_keys.New(f"key of {jane.handle}", "key", "Scripts", api_keys.ALL, None), 1
        )
        add_message(db, jane.id, alias.id, [jane.mailbox.id], [b"sealed"])
    return alias.address


def test_the_export_holds_everything_and_nothing_of_others(
    pages: Site, browser: Browser, jane: Person, furnished: str
):
    joe = pages.person()
    pages.alias(joe, f"his-{joe.handle}")
    answer = browser.get("/settings/data/everything")
    assert answer.headers["content-disposition"] == 'attachment; filename="postern-export.json"'
    found = json.loads(answer.text)
    (alias,) = found["aliases"]
    assert (alias["address"], alias["note"], alias["name"]) == (furnished, "=HYPERLINK(1)", "Jane")
    assert alias["mailboxes"] == [f"{jane.handle}@real.example"]
    assert alias["contacts"][0]["address"] == "bob@friends.example"
    assert found["events"][0]["note"] == {"from": "bob@friends.example"}
    assert found["user"]["handle"] == jane.handle
    assert f"{joe.handle}@" not in answer.text and f"his-{joe.handle}" not in answer.text
    for cookie in browser.cookies.values():
        assert cookie not in answer.text


@pytest.mark.parametrize(("service", "columns"), [("simplelogin", 4), ("addy", 3)])
def test_the_aliases_as_a_table(pages: Site, browser: Browser, furnished: str, service: str, columns: int):
    answer = browser.get(f"/settings/data/aliases/{service}")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert [len(row) for row in rows] == [columns, columns]
    assert rows[1][:2] == [furnished, "'=HYPERLINK(1)"], "no spreadsheet runs it"


def test_a_table_for_nobody_is_not_there(browser: Browser):
    assert browser.get("/settings/data/aliases/other").status == 404


# Going away.


def rows_of(pages: Site, user_id: int) -> dict[str, int]:
    """How many rows each table has of this user."""
    tables = pages.run(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'postern' AND column_name = 'user_id'"
    )
    names = [str(row[0]) for row in tables]
    return {
        name: int(str(pages.run(f"SELECT count(*) FROM {name} WHERE user_id = :id", id=user_id)[0][0]))
        for name in names
    }


def test_a_deleted_account_leaves_nothing_but_what_keeps_its_addresses_from_others(
    pages: Site, browser: Browser, jane: Person, furnished: str
):
    joe = pages.person()
    pages.alias(joe, f"stays-{joe.handle}")
    before = rows_of(pages, joe.id)
    chunks = pages.run("SELECT count(*) FROM message_chunks")
    assert sum(rows_of(pages, jane.id).values()) > 5
    assert rows_of(pages, jane.id)["api_keys"] == 1
    browser.get("/settings/data")
    assert browser.post("/settings/data/delete", handle="somebody").status == 400
    answer = browser.post("/settings/data/delete", handle=f" {jane.handle.upper()} ")
    assert "Your account is deleted" in answer.text
    assert set(rows_of(pages, jane.id).values()) == {0}
    assert pages.run("SELECT count(*) FROM users WHERE id = :id", id=jane.id) == [[0]]
    assert pages.run("SELECT count(*) FROM message_chunks") == [[int(str(chunks[0][0])) - 1]]
    assert browser.get("/aliases").headers["location"] == "/sign-in"
    assert rows_of(pages, joe.id) == before
    his = pages.browser(joe)
    his.get("/aliases")
    local = furnished.partition("@")[0]
    assert "is taken" in his.post("/aliases/custom", local=local, domain=str(pages.shared.id)).text
    assert SHARED in furnished
