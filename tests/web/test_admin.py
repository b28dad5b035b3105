"""The pages for admins: who may see them, what they do to others, the line that each act leaves, and what they never show."""

from __future__ import annotations

import re
import threading

import pytest

from postern.base.database import SYSTEM
from postern.store import admin_acts, mailboxes, quotas, sessions, users
from postern.store.quotas import Limits
from postern.web.routes import ROUTES
from support.hostile import MARKUP
from support.people import Browser, Person, Site
from support.store import add_message
from support.wsgi import Answer, ask

ADMINS = sorted((method, path) for method, path in ROUTES if path.startswith("/admin"))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


@pytest.fixture
def admin(pages: Site) -> Person:
    return pages.person(users.ADMIN)


@pytest.fixture
def browser(pages: Site, admin: Person) -> Browser:
    browser = pages.browser(admin)
    browser.get("/settings")
    return browser


def acts(pages: Site, admin: Person) -> list[tuple[str, str, str]]:
    """Those of that admin, oldest first."""
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        found = admin_acts.latest(db, 100)
    return [(one.act, one.target, one.note) for one in reversed(found) if one.actor == admin.handle]


def row(pages: Site, person: Person) -> users.User | None:
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        return users.get(db, person.id)


def there(person: Person, act: str = "") -> str:
    return f"/admin/users/{person.user.uid}{act}"


def fail(pages: Site, person: Person) -> str:
    """A delivery of that person that failed; its uid."""
    alias = pages.alias(person, f"failed-{person.id}")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        add_message(db, person.id, alias.id, [person.mailbox.id], [b"sealed"])
        db.run(
            "UPDATE deliveries SET state = 'failed', finished_at = now() WHERE user_id = :id", id=person.id
        )
        return str(db.value("SELECT uid FROM deliveries WHERE user_id = :id", id=person.id))


@pytest.mark.parametrize(("method", "path"), ADMINS)
def test_for_others_there_is_no_such_page(pages: Site, jane: Person, method: str, path: str):
    browser = pages.browser(jane)
    browser.get("/settings")
    where = path.replace("*", str(jane.user.uid))
    answer = browser.post(where, role="admin") if method == "POST" else browser.get(where)
    assert (answer.status, "There is no page at this address." in answer.text) == (404, True)
    assert row(pages, jane) == jane.user


def test_the_way_there_is_shown_to_admins_alone(pages: Site, jane: Person, browser: Browser):
    assert 'href="/admin"' in browser.get("/aliases").text
    assert "/admin" not in pages.browser(jane).get("/aliases").text


def test_who_is_made_an_admin_sees_them_at_once_and_who_is_one_no_more_does_not(
    pages: Site, admin: Person, browser: Browser, jane: Person
):
    hers = pages.browser(jane)
    assert "Saved." in browser.follow(browser.post(there(jane, "/role"), role="admin")).text
    assert hers.get("/admin").status == 200
    browser.post(there(jane, "/role"), role="user")
    assert hers.get("/admin").status == 404
    assert acts(pages, admin) == [("set role", jane.handle, "admin"), ("set role", jane.handle, "user")]
    assert browser.post(there(jane, "/role"), role="king").status == 400


def test_users_are_found_by_a_part_of_their_name(pages: Site, browser: Browser, jane: Person, admin: Person):
    page = browser.get(f"/admin?q={jane.handle}").text
    assert there(jane) in page
    assert there(admin) in browser.get(f"/admin?q={admin.handle[2:]}").text
    assert "Nobody is called that" in browser.get("/admin?q=%25").text
    assert "Nobody is called that" in browser.get("/admin?q=<script>").text


def test_many_users_have_pages(pages: Site, browser: Browser):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for n in range(51):
            users.add(db, f"crowd-{n:02}")
    first = browser.get("/admin?q=crowd").text
    assert ("51 users" in first, "crowd-49" in first, "crowd-50" in first) == (True, True, False)
    assert "/admin?q=crowd&amp;page=2" in first
    second = browser.get("/admin?q=crowd&page=2").text
    assert ("crowd-49" in second, "crowd-50" in second) == (False, True)
    assert "Nobody is called that" in browser.get("/admin?q=crowd&page=99").text


def test_an_account_is_shut_and_opened(pages: Site, admin: Person, browser: Browser, jane: Person):
    hers = pages.browser(jane)
    assert hers.get("/aliases").status == 200
    assert "The account is shut." in browser.follow(browser.post(there(jane, "/disable"))).text
    assert hers.get("/aliases").headers["location"] == "/sign-in"
    browser.post(there(jane, "/disable"))
    assert "open again" in browser.follow(browser.post(there(jane, "/enable"))).text
    assert hers.get("/aliases").headers["location"] == "/sign-in", "who was signed out stays so"
    assert acts(pages, admin) == [("disable user", jane.handle, ""), ("enable user", jane.handle, "")]


def test_quotas_are_set_and_given_back(pages: Site, admin: Person, browser: Browser, jane: Person):
    browser.post(there(jane, "/quotas"), aliases="7", bytes_day="0", domains=" ")
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert quotas.own(db, jane.id) == Limits(aliases=7, bytes_day=0)
    page = browser.get(there(jane)).text
    assert 'name="aliases" value="7"' in page and 'name="domains" value=""' in page
    browser.post(there(jane, "/quotas"), bytes_day="0")
    browser.post(there(jane, "/quotas"), bytes_day="0")
    assert acts(pages, admin) == [
        ("set quota", jane.handle, "aliases 7, bytes_day 0"),
        ("set quota", jane.handle, "aliases instance"),
    ]


@pytest.mark.parametrize("typed", ["-1", "many", "1e9", "٣", "9" * 19, "1 000", *MARKUP[:3]])
def test_what_is_no_quota_is_refused_and_stays_in_its_field(
    pages: Site, browser: Browser, jane: Person, typed: str
):
    answer = browser.post(there(jane, "/quotas"), aliases=typed)
    assert answer.status == 400
    assert "Aliases: that is no number." in answer.text
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        assert quotas.own(db, jane.id) == Limits()


def test_an_account_is_deleted_once_its_name_is_typed(
    pages: Site, admin: Person, browser: Browser, jane: Person
):
    wrong = browser.post(there(jane, "/delete"), handle=admin.handle)
    assert (wrong.status, "nothing was deleted" in wrong.text) == (400, True)
    assert row(pages, jane) == jane.user
    assert "Deleted." in browser.follow(browser.post(there(jane, "/delete"), handle=jane.handle)).text
    assert row(pages, jane) is None
    assert browser.get(there(jane)).status == 404
    assert acts(pages, admin) == [("delete user", jane.handle, "")]


@pytest.mark.parametrize(
    ("act", "fields"), [("disable", {}), ("enable", {}), ("role", {"role": "user"}), ("delete", {})]
)
def test_nobody_shuts_demotes_or_deletes_himself(
    pages: Site, admin: Person, browser: Browser, act: str, fields: dict[str, str]
):
    answer = browser.post(there(admin, f"/{act}"), **{"handle": admin.handle, **fields})
    assert answer.status == 409
    assert "This is your own account." in answer.text
    assert row(pages, admin) == admin.user
    assert acts(pages, admin) == []
    assert "Delete this account" not in browser.get(there(admin)).text


@pytest.mark.parametrize(
    ("act", "fields"), [("disable", {}), ("role", {"role": "user"}), ("delete", {})], ids=str
)
def test_of_two_admins_who_oust_each_other_at_once_one_is_left(
    pages: Site, admin: Person, act: str, fields: dict[str, str]
):
    other = pages.person(users.ADMIN)
    browsers = {admin.id: pages.browser(admin), other.id: pages.browser(other)}
    answers: dict[int, Answer] = {}
    gate = threading.Barrier(2)

    def oust(who: Person, whom: Person) -> None:
        browsers[who.id].get("/admin")
        gate.wait()
        answers[who.id] = browsers[who.id].post(there(whom, f"/{act}"), **{"handle": whom.handle, **fields})

    threads = [threading.Thread(target=oust, args=pair) for pair in ((admin, other), (other, admin))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    left = [
        one
        for one in (row(pages, admin), row(pages, other))
        if one and one.role == "admin" and not one.disabled_at
    ]
    assert len(left) == 1
    assert sorted(answer.status for answer in answers.values()) in ([303, 303], [303, 404])


def test_an_invitation_is_shown_once_works_and_is_revoked(pages: Site, admin: Person, browser: Browser):
    answer = browser.post("/admin/invitations", role="admin", note="for Zoe", days="3")
    assert answer.status == 200
    link = answer.text.split("<code>")[1].split("</code>")[0]
    path = link[len(pages.context.config.url) :]
    assert answer.headers["cache-control"] == "no-store"
    assert ask(pages.app, "GET", path).status == 200
    page = browser.get("/admin/invitations").text
    assert "for Zoe" in page and path not in page
    uid = page.split("/admin/invitations/")[1].split("/")[0]
    assert "Revoked." in browser.follow(browser.post(f"/admin/invitations/{uid}/revoke")).text
    assert ask(pages.app, "GET", path).status == 404
    assert browser.post(f"/admin/invitations/{uid}/revoke").status == 404
    assert [act for act, _, _ in acts(pages, admin)] == ["make invitation", "revoke invitation"]
    assert "Zoe" not in browser.get("/admin/log").text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"days": "0"}, "cannot last"),
        ({"days": "366"}, "cannot last"),
        ({"days": "x"}, "cannot last"),
        ({"role": "king"}, "no such role"),
        ({"note": "x" * 501}, "too long"),
    ],
)
def test_what_is_no_invitation_is_refused(browser: Browser, fields: dict[str, str], words: str):
    answer = browser.post("/admin/invitations", **{"role": "user", "days": "7", "note": "", **fields})
    assert answer.status == 400
    assert words in answer.text


def test_a_failed_delivery_is_tried_again_and_given_up(
    pages: Site, admin: Person, browser: Browser, jane: Person
):
    uid = fail(pages, jane)
    page = browser.get("/admin/operation").text
    assert f"of {jane.handle}" in page
    assert "tried again" in browser.follow(browser.post(f"/admin/deliveries/{uid}/retry")).text
    assert pages.run("SELECT state FROM deliveries WHERE user_id = :id", id=jane.id) == [["queued"]]
    assert "Given up." in browser.follow(browser.post(f"/admin/deliveries/{uid}/drop")).text
    assert pages.run("SELECT state FROM deliveries WHERE user_id = :id", id=jane.id) == [["dropped"]]
    assert pages.run("SELECT cleared_at IS NULL FROM messages WHERE user_id = :id", id=jane.id) == [[False]]
    again = browser.post(f"/admin/deliveries/{uid}/drop")
    assert (again.status, "in the hands of a drain" in again.text) == (409, True)
    (number,) = pages.run("SELECT id FROM deliveries WHERE user_id = :id", id=jane.id)[0]
    assert acts(pages, admin) == [("retry delivery", str(number), ""), ("drop delivery", str(number), "")]
    kinds = pages.run("SELECT kind FROM events WHERE user_id = :id ORDER BY id", id=jane.id)
    assert kinds == [["retried"], ["dropped"]]


def test_no_page_for_admins_tells_what_people_have(pages: Site, browser: Browser, jane: Person):
    """How much, and never what: no mailbox, alias, contact, note, subject, and no word of the relay."""
    fail(pages, jane)
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        mailboxes.add(db, pages.context.ring, jane.id, "secret@real.example", verified=True)
    for path in ("/admin?q=" + jane.handle, there(jane), "/admin/operation", "/admin/figures", "/admin/log"):
        page = browser.get(path).text
        assert jane.handle in page or path in ("/admin/figures", "/admin/log")
        for word in ("secret@", "real.example", f"failed-{jane.id}"):
            assert word not in page, path


def test_operation_tells_what_health_knows(pages: Site, browser: Browser):
    page = browser.get("/admin/operation").text
    for name in ("Database", "Queue", "Drain", "Relay", "Disk", "Spool"):
        assert f'<span class="row-name">{name}</span>' in page
    assert "never ran: set up the cron job" in page
    pages.run(
        "INSERT INTO jobs (job, home, started_at, ended_at, ok, items) VALUES ('deliver', 'x', now(), now(), true, 3)"
    )
    try:
        page = browser.get("/admin/operation").text
    finally:
        pages.run("DELETE FROM jobs")
    assert "went well" in page


def test_figures_add_up_or_show_the_highest_hour(pages: Site, browser: Browser):
    pages.run(
        "INSERT INTO figures (name, at, value)"
        " SELECT name, date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' + h, 700"
        " FROM unnest(ARRAY['received', 'oldest', 'database']) name, unnest(ARRAY[interval '0', interval '1 hour']) h"
    )
    try:
        page = browser.get("/admin/figures").text
    finally:
        pages.run("DELETE FROM figures")
    for title, most in (
        ("Messages taken in", "1,400"),
        ("Longest wait", "11 min"),
        ("Size of the database", "1 KB"),
    ):
        assert re.search(rf'aria-label="{title}, [^"]*: at most {most}"', page), title
    assert page.count("nothing yet") == 2 * 5, "of the others"


def test_operation_tells_who_has_much_mail_today(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        for size in (3_000_000, 2_000_000):
            quotas.book(db, pages.context.config, jane.id, size)
    page = browser.get("/admin/operation").text
    assert f'<th scope="row">{jane.handle}</th><td class="count">2</td><td class="count">4.8 MB</td>' in page
    assert "today 2 messages, 4.8 MB" in browser.get(f"/admin?q={jane.handle}").text


def test_the_log_goes_on_to_older_pages(pages: Site, browser: Browser):
    pages.run(
        "INSERT INTO admin_acts (actor, act, target) SELECT 'operator', 'count', 'n' || n FROM generate_series(1, 60) n"
    )
    page = browser.get("/admin/log").text
    assert ("Count n60<" in page, "Count n11<" in page, "Count n10<" in page) == (True, True, False)
    older = page.split('href="/admin/log?before=')[1].split('"')[0]
    assert "Count n10<" in browser.get(f"/admin/log?before={older}").text


def test_who_is_no_admin_any_more_does_nothing_with_an_open_page(pages: Site, admin: Person, jane: Person):
    from postern.base.errors import NotFound
    from postern.flow import administration

    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        sessions.add(db, pages.context.ring, admin.id, "a" * 52, "x")
        who = sessions.find(db, pages.context.ring, "a" * 52)
        assert who is not None
        users.set_role(db, admin.id, users.USER)
    with pytest.raises(NotFound):
        administration.switch(pages.context, who, jane.user.uid, disabled=True)
    assert row(pages, jane) == jane.user
