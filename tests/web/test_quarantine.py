"""What is held and what failed: told to its user, let out or given up, downloaded; and nobody reaches another's."""

from __future__ import annotations

import tracemalloc
from uuid import UUID, uuid4

import pytest

from postern.base.database import SYSTEM
from postern.store import activity
from postern.store.aliases import Alias
from support.hostile import MARKUP
from support.people import Browser, Person, Site
from support.undelivered import fail, hold


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def alias(pages: Site, jane: Person) -> Alias:
    return pages.alias(jane, f"shop-{jane.handle}")


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get("/quarantine")
    return browser


def states(pages: Site, uid: UUID) -> set[str]:
    sql = "SELECT q.state FROM deliveries q JOIN messages m ON m.id = q.message_id WHERE m.uid = :uid"
    return {str(row[0]) for row in pages.run(sql, uid=uid)}


def test_what_is_held_is_told_with_what_its_sender_claims(pages: Site, browser: Browser, alias: Alias):
    assert "Nothing is held" in browser.get("/quarantine").text
    hold(pages, alias)
    page = browser.get("/quarantine").text
    for words in ("Your invoice", "The Bank", "bank@shop.example", "forged", "14 days left"):
        assert words in page


def test_letting_it_out_queues_it_and_counts_it(pages: Site, browser: Browser, jane: Person, alias: Alias):
    uid = hold(pages, alias)
    assert "Let out" in browser.follow(browser.post(f"/quarantine/{uid}/release")).text
    assert states(pages, uid) == {"queued"}
    assert pages.run("SELECT forwarded FROM aliases WHERE id = :id", id=alias.id) == [[1]]
    with pages.context.pool.connection() as db, db.transaction(jane.id):
        assert [one.kind for one in activity.of_alias(db, alias.id, 9)] == ["released", "held"]
    assert browser.post(f"/quarantine/{uid}/release").status == 404


def test_while_its_mailbox_is_paused_it_stays(pages: Site, browser: Browser, jane: Person, alias: Alias):
    uid = hold(pages, alias)
    pages.run("UPDATE mailboxes SET paused_at = now() WHERE user_id = :id", id=jane.id)
    answer = browser.post(f"/quarantine/{uid}/release")
    assert answer.status == 409 and "is paused" in answer.text
    assert states(pages, uid) == {"held"}


def test_deleting_it_deletes_the_mail(pages: Site, browser: Browser, alias: Alias):
    uid = hold(pages, alias)
    browser.follow(browser.post(f"/quarantine/{uid}/drop"))
    assert states(pages, uid) == {"dropped"}
    sql = "SELECT count(*) FROM message_chunks c JOIN messages m ON m.id = c.message_id WHERE m.uid = :uid"
    assert pages.run(sql, uid=uid) == [[0]]
    assert browser.get(f"/mail/{uid}").status == 404


def test_held_too_long_it_is_given_up(pages: Site, alias: Alias):
    from postern.flow import quarantine

    uid, young = hold(pages, alias), hold(pages, alias)
    pages.run(
        "UPDATE deliveries q SET created_at = now() - interval '15 days' FROM messages m"
        " WHERE m.id = q.message_id AND m.uid = :uid",
        uid=uid,
    )
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert quarantine.expire(pages.context, db) == 1
    assert (states(pages, uid), states(pages, young)) == ({"dropped"}, {"held"})


# Downloads.


def test_a_message_is_downloaded_as_it_came_and_never_shown(pages: Site, browser: Browser, alias: Alias):
    uid = hold(pages, alias)
    answer = browser.get(f"/mail/{uid}")
    assert answer.headers["content-disposition"] == 'attachment; filename="message.eml"'
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.endswith("\r\n\r\nPay now.\r\n")
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_a_large_one_is_never_whole_in_memory(pages: Site, jane: Person, alias: Alias):
    from postern.flow import download

    uid = hold(pages, alias, size=20_000_000)
    tracemalloc.start()
    size, pieces = download.open_message(pages.context, jane.id, uid)
    assert sum(map(len, pieces)) == size > 20_000_000
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000


@pytest.mark.parametrize(
    "path",
    [
        "/mail/../settings",
        "/mail/x",
        "/mail/%00",
        "/mail/00000000-0000-4000-8000-000000000000",
        "/mail/a%2Fb",
    ],
)
def test_a_path_that_is_none_downloads_nothing(browser: Browser, path: str):
    assert browser.get(path).status in (400, 404)


# What failed.


def test_what_failed_is_told_tried_again_and_given_up(
    pages: Site, browser: Browser, jane: Person, alias: Alias
):
    assert "Nothing failed" in browser.get("/failed").text
    uid = fail(pages, alias)
    page = browser.get("/failed").text
    assert "There is no such mailbox there." in page
    assert "550 5.1.1 &lt;no such user&gt; here" in page
    assert f"{jane.handle}@real.example" in page.replace("<wbr>", "")
    browser.follow(browser.post(f"/failed/{uid}/retry"))
    assert pages.run("SELECT state FROM deliveries WHERE uid = :uid", uid=uid) == [["queued"]]
    assert browser.post(f"/failed/{uid}/retry").status == 404
    other = fail(pages, alias)
    browser.follow(browser.post(f"/failed/{other}/drop"))
    assert pages.run("SELECT state FROM deliveries WHERE uid = :uid", uid=other) == [["dropped"]]


# Others.


@pytest.mark.parametrize(
    "path", ["/quarantine/{m}/release", "/quarantine/{m}/drop", "/failed/{d}/retry", "/failed/{d}/drop"]
)
def test_anothers_mail_is_not_there(pages: Site, browser: Browser, path: str):
    joe = pages.person()
    his = pages.alias(joe, f"his-{uuid4().hex}")
    held, failed = hold(pages, his, subject="secret subject"), fail(pages, his)
    assert browser.post(path.format(m=held, d=failed)).status == 404
    assert browser.get(f"/mail/{held}").status == 404
    for page in ("/quarantine", "/failed", "/activity"):
        assert "secret subject" not in browser.get(page).text
        assert his.address not in browser.get(page).text
    assert states(pages, held) == {"held"}


@pytest.mark.parametrize("text", [one for one in MARKUP if one.isascii()])
def test_what_senders_write_is_shown_as_text(pages: Site, browser: Browser, alias: Alias, text: str):
    hold(pages, alias, subject=text)
    shown = browser.get("/quarantine").text
    assert text not in shown
    assert shown.count("<script") == 1
