"""Brute force: codes and tokens are not found by trying, neither one after the other nor all at once; and limits hold for those
who come at once, too.

All at once means: each has asked what is allowed before one of them has written. They are held at a lock until all are there.
"""

from __future__ import annotations

import string
import threading
from collections.abc import Callable

import pytest

from postern.base.database import SYSTEM
from postern.flow.mailboxes import NOTICES_AN_HOUR
from postern.store.sign_in_codes import ADDRESS_AN_HOUR, CLIENT_AN_HOUR, TRIES
from support.estate import CODE, Estate, rows
from support.people import COOKIE, Browser, Site
from support.samples import BY_TOKEN, FORMS, OPEN, form, place
from support.wsgi import Answer

AT_ONCE = 14

_WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def at_once(site: Site, table: str, acts: list[Callable[[], Answer]]) -> list[int]:
    """Statuses of these, each of which waits to write to this table until all of them wait for something."""
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda act=act: statuses.append(act().status)) for act in acts]
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        db.run(f"LOCK TABLE {table} IN SHARE MODE")
        for thread in threads:
            thread.start()
        with site.context.pool.connection() as watcher:
            while watcher.run(_WAITING) != [[len(acts)]]:
                assert all(thread.is_alive() for thread in threads), f"one did not wait: {statuses}"
    for thread in threads:
        thread.join()
    return sorted(statuses)


def count(site: Site) -> int:
    return int(
        str(site.run("SELECT count(*) FROM sign_in_codes WHERE created_at > now() - interval '1 hour'")[0][0])
    )


@pytest.fixture
def mine(pages: Site, fresh: Callable[[], Estate]) -> Estate:
    """What its making counts for no limit."""
    made = fresh()
    pages.run("UPDATE sign_in_codes SET created_at = now() - interval '70 minutes'")
    return made


ASKING = {
    "/sign-in": {"address": "{handle}@real.example"},
    "/sign-in/recovery": {"handle": "{handle}", "code": "0000-0000-0000-0000"},
    "/register": {"handle": "new-{handle}-{n}", "address": "new-{handle}@real.example"},
}


@pytest.mark.parametrize("path", ASKING)
def test_who_asks_many_times_at_once_is_not_allowed_more(pages: Site, mine: Estate, path: str):
    def ask(n: int) -> Callable[[], Answer]:
        fields = {name: text.format(n=n, **mine.names) for name, text in ASKING[path].items()}
        return lambda: pages.browser().post(path, **fields)

    statuses = at_once(pages, "sign_in_codes", [ask(n) for n in range(AT_ONCE)])
    assert len(set(statuses)) == 1
    assert count(pages) == ADDRESS_AN_HOUR < AT_ONCE


def test_nobody_is_flooded_with_mail_that_is_asked_for_at_once(pages: Site, mine: Estate):
    browser = mine.browser()
    path = place("/mailboxes/*/proof", mine)
    before = notices(mine)
    statuses = at_once(pages, "messages", [lambda: browser.post(path)] * AT_ONCE)
    assert notices(mine) == NOTICES_AN_HOUR
    assert statuses.count(303) == NOTICES_AN_HOUR - before


def notices(estate: Estate) -> int:
    """Mails that the program wrote to that person."""
    sql = "SELECT count(*) FROM messages WHERE kind = 'notice' AND user_id = :id"
    return int(estate.site.run(sql, id=estate.person.id)[0][0])


@pytest.mark.parametrize(
    "path", sorted(path for path in OPEN if "*" in path or path in ("/sign-in/code", "/sign-in/passkey"))
)
def test_of_many_who_use_one_at_once_one_succeeds(pages: Site, mine: Estate, path: str):
    """One code or link: one session, one account, one proof. The row's own lock holds them."""
    fields, _ = form(path, mine)
    where = place(path, mine)
    statuses: list[int] = []
    browsers = [mine.asked() for _ in range(8)]
    gate = threading.Barrier(len(browsers))

    def use(browser: Browser) -> None:
        gate.wait()
        statuses.append(browser.post(where, **fields).status)

    threads = [threading.Thread(target=use, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if (
        path == "/invitation/*"
    ):  # until the address is proven the form may be sent again; there is one account all the same
        accounts = "SELECT count(*) FROM users WHERE handle = :handle"
        assert pages.run(accounts, handle=f"new-{mine.person.handle}") == [[1]]
    else:
        assert statuses.count(FORMS[path].status) == 1, statuses


def test_a_code_of_sign_in_is_guessed_at_five_times(pages: Site, mine: Estate):
    browser = mine.asked()
    for n in range(TRIES):
        assert browser.post("/sign-in/code", code=f"0000000{n}").status == 400
    assert browser.post("/sign-in/code", code=CODE).status == 400
    assert browser.post(place("/sign-in/mail/*", mine)).status == 404
    assert COOKIE not in browser.cookies


def test_guesses_from_other_browsers_do_not_count_against_the_one_that_asked(pages: Site, mine: Estate):
    for n in range(3 * TRIES):
        assert (
            Browser(pages.app, {f"{COOKIE}-browser": f"{n:a>52}"}).post("/sign-in/code", code=CODE).status
            == 400
        )
        assert pages.browser().post("/sign-in/code", code=CODE).status == 400
    assert mine.asked().post("/sign-in/code", code=CODE).status == 303


def test_a_network_tries_recovery_codes_of_all_names_thirty_times(pages: Site, mine: Estate):
    for n in range(CLIENT_AN_HOUR):
        pages.browser().post("/sign-in/recovery", handle=f"somebody-{n}", code="0000-0000-0000-0000")
    good = {"handle": mine.person.handle, "code": mine.tokens["recovery"]}
    assert pages.browser().post("/sign-in/recovery", **good).status == 400
    assert count(pages) == CLIENT_AN_HOUR


@pytest.mark.parametrize("path", sorted(path for path in (*OPEN, *BY_TOKEN) if "*" in path))
def test_no_token_near_a_good_one_is_good(pages: Site, mine: Estate, path: str):
    where = place(path, mine)
    start, _, token = where.rpartition("/")
    before = rows(pages)
    for n, letter in enumerate(token):
        others = [one for one in string.ascii_lowercase + string.digits if one != letter]
        for other in (others[n % len(others)], ""):
            near = token[:n] + other + token[n + 1 :]
            if near != token:
                assert mine.asked().get(f"{start}/{near}").status == 404, near
    for near in (
        token * 2,
        token[::-1],
        token.swapcase(),
        f"{token}%00",
        f"{token}%20",
        f"%2a{token[1:]}",
        "*",
        "%25",
        "_" * len(token),
    ):
        if near != token:
            assert mine.asked().get(f"{start}/{near}").status in (400, 404), near
    assert rows(pages) == before
    assert mine.asked().get(where).status == 200
