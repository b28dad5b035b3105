"""Moving in: a file is sent, looked at, taken in; and what is wrong with it is said, with nothing made."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from postern.base.database import SYSTEM, SerializationFailure
from postern.flow import alias_file, import_aliases
from postern.store import alias_list, aliases, domains, mailboxes, quotas, retired
from postern.store.aliases import Alias
from postern.store.quotas import Limits
from support.forms import BOUNDARY, with_file
from support.hostile import MARKUP
from support.people import SHARED, Browser, Person, Site
from support.wsgi import Answer

DATA, LOOK = "/settings/data", "/settings/data/import"
MARK = BOUNDARY.encode()
PART = b"--" + MARK + b"\r\n"
FILE_PART = PART + b'Content-Disposition: form-data; name="other"; filename="x"\r\n\r\nalias\nx@y.example\r\n'
NESTED = b"".join(
    b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(5_000)
)


@pytest.fixture
def browser(pages: Site, jane: Person) -> Browser:
    browser = pages.browser(jane)
    browser.get(DATA)
    return browser


def send(browser: Browser, file: bytes, name: str = "aliases.csv") -> Answer:
    return browser.post_body(LOOK, *with_file({"csrf": browser._csrf}, file, name))


def take_in(browser: Browser, to: str = "") -> Answer:
    """What the page of the file has its button do."""
    found = re.search(r'name="uid" value="([^"]+)"', browser.get(f"{LOOK}?to={to}").text)
    return browser.post(f"{LOOK}/make", uid=found[1] if found else "", to=to)


def own(pages: Site, person: Person) -> dict[str, Alias]:
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return {one.address: one for one in aliases.of_user(db, person.id)}


def where(pages: Site, person: Person, address: str) -> list[int]:
    alias = own(pages, person)[address]
    with pages.context.pool.connection() as db, db.transaction(person.id):
        return alias_list.mailboxes_of(db, [alias.id])[alias.id]


def table(*rows: str) -> bytes:
    return "\n".join(("alias,note,enabled,mailboxes", *rows)).encode()


def test_a_file_is_looked_at_and_then_taken_in(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        second = mailboxes.add(
            db, pages.context.ring, jane.id, f"second-{jane.id}@real.example", verified=True
        )
    shop, off = f"shop-{jane.id}@{SHARED}", f"off-{jane.id}@{SHARED}"
    file = table(
        f"{shop.upper()},For shopping,true,SECOND-{jane.id}@real.example unknown@real.example",
        f"{off},,false,",
        f"{shop},again,true,",
        f"postmaster@{SHARED},,true,",
        "away@elsewhere.example,,true,",
        "nonsense,,true,",
    )
    page = browser.follow(send(browser, file))
    assert "2 new aliases" in page.text and "4 aliases are not made" in page.text
    for words in (
        "postmaster is reserved.",
        "The domain elsewhere.example is not yours to use here.",
        "It has no @.",
        import_aliases.TWICE,
    ):
        assert words in page.text
    assert own(pages, jane) == {}, "nothing is made by looking"
    answer = take_in(browser)
    assert (answer.status, "2 aliases were made" in answer.text) == (200, True)
    made = own(pages, jane)
    assert {(one.address, one.note, one.enabled, one.origin) for one in made.values()} == {
        (shop, "For shopping", True, "import"),
        (off, "", False, "import"),
    }
    assert (where(pages, jane, shop), where(pages, jane, off)) == ([second.id], [jane.mailbox.id])
    assert browser.get(LOOK).status == 404, "the file is forgotten"
    assert pages.run("SELECT count(*) FROM imports WHERE user_id = :id", id=jane.id) == [[0]]


def test_the_same_file_makes_nothing_new(pages: Site, browser: Browser, jane: Person):
    file = table(f"once-{jane.id}@{SHARED},x,true,")
    send(browser, file)
    assert "1 alias was made" in take_in(browser).text
    page = browser.follow(send(browser, file)).text
    assert "There is nothing new in it" in page and import_aliases.THERE in page
    assert len(own(pages, jane)) == 1


def test_what_is_made_is_what_was_shown(pages: Site, browser: Browser, jane: Person):
    """Another file is sent in another tab meanwhile."""
    send(browser, table(f"first-{jane.id}@{SHARED},,true,"))
    found = re.search(r'name="uid" value="([^"]+)"', browser.get(LOOK).text)
    assert found
    send(browser, table(f"second-{jane.id}@{SHARED},,true,"))
    answer = browser.post(f"{LOOK}/make", uid=found[1], to="")
    assert (answer.status, "Another file was sent meanwhile" in answer.text) == (409, True)
    assert own(pages, jane) == {}
    take_in(browser)
    assert list(own(pages, jane)) == [f"second-{jane.id}@{SHARED}"]


def test_addresses_on_other_domains_are_made_on_the_one_that_is_chosen(
    pages: Site, browser: Browser, jane: Person
):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        mine = domains.add(db, f"own-{jane.id}.example", jane.id)
    send(browser, table("a@one.example,,true,", "b@two.example,,true,", "a@two.example,,true,"))
    page = browser.get(LOOK)
    assert "one.example, two.example" in page.text and "0 new aliases" in page.text
    page = browser.get(f"{LOOK}?to={mine.id}")
    assert "2 new aliases" in page.text and import_aliases.TWICE in page.text
    assert "2 aliases were made" in take_in(browser, str(mine.id)).text
    assert set(own(pages, jane)) == {f"a@{mine.name}", f"b@{mine.name}"}


def test_a_domain_of_somebody_else_is_no_choice(pages: Site, browser: Browser, jane: Person):
    joe = pages.person()
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        his = domains.add(db, f"his-{joe.id}.example", joe.id)
    send(browser, table("a@one.example,,true,", f"b@{his.name},,true,"))
    assert browser.get(f"{LOOK}?to={his.id}").status == 409
    assert take_in(browser, str(his.id)).status == 409
    take_in(browser)
    assert own(pages, jane) == own(pages, joe) == {}


def test_what_is_taken_or_gone_is_told(pages: Site, browser: Browser, jane: Person):
    joe, ring = pages.person(), pages.context.ring
    taken = pages.alias(joe, f"taken-{jane.id}").address
    deleted = pages.alias(jane, f"deleted-{jane.id}")
    gone = f"gone-{jane.id}@{SHARED}"
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        alias_list.delete(db, [deleted.uid])
        retired.add(db, ring, gone)
    send(browser, table(*(f"{one},,true," for one in (taken, deleted.address, gone))))
    page = browser.get(LOOK).text
    assert import_aliases.DELETED in page and "2 new aliases" in page
    assert import_aliases.TAKEN not in page, "looking costs nothing, so it tells nothing of others"
    answer = take_in(browser).text
    assert "0 aliases were made" in answer and answer.count(import_aliases.TAKEN) == 2
    assert set(own(pages, jane)) == {deleted.address}
    assert list(own(pages, joe)) == [taken]


def test_the_quota_holds(pages: Site, browser: Browser, jane: Person):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(aliases=3))
    send(browser, table(*(f"q{n}-{jane.id}@{SHARED},,true," for n in range(5))))
    answer = take_in(browser).text
    assert "3 aliases were made" in answer and answer.count("Your quota of aliases") == 2
    assert len(own(pages, jane)) == 3


def test_thousands_are_made_in_a_few_batches_and_a_run_that_was_cut_off_is_finished(
    pages: Site, jane: Person, monkeypatch: pytest.MonkeyPatch
):
    with pages.context.pool.connection() as db, db.transaction(SYSTEM):
        quotas.set_own(db, jane.id, Limits(aliases=5_000))
    entries = alias_file.read(table(*(f"m{n}-{jane.id}@{SHARED},note {n},true," for n in range(1_200))))
    real, calls = import_aliases.imports.add_aliases, []

    def cut(*args: object) -> set[tuple[int, str]]:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("postern.store.imports.add_aliases", cut)
    wanted = import_aliases.plan(pages.context, jane.id, entries)
    with pytest.raises(KeyboardInterrupt):
        import_aliases.make(pages.context, jane.id, wanted)
    assert len(own(pages, jane)) == 1_000
    made, skipped = import_aliases.make(
        pages.context, jane.id, import_aliases.plan(pages.context, jane.id, entries)
    )
    assert (len(made), len(skipped), len(own(pages, jane))) == (200, 1_000, 1_200)


def test_a_batch_that_lost_a_collision_is_made_again(
    pages: Site, jane: Person, monkeypatch: pytest.MonkeyPatch
):
    entries = alias_file.read(table(f"a-{jane.id}@{SHARED},,true,", f"b-{jane.id}@{SHARED},,true,"))
    real, calls = import_aliases.imports.add_aliases, []

    def collide(*args: object) -> set[tuple[int, str]]:
        calls.append(real(*args))  # type: ignore[arg-type]
        if len(calls) == 1:
            raise SerializationFailure("Two transactions collided.", "It is tried again by itself.")
        return calls[-1]

    monkeypatch.setattr("postern.store.imports.add_aliases", collide)
    made, skipped = import_aliases.make(
        pages.context, jane.id, import_aliases.plan(pages.context, jane.id, entries)
    )
    assert (len(made), skipped, len(own(pages, jane))) == (2, [], 2)


def test_what_was_exported_here_makes_the_same_aliases_elsewhere(pages: Site, browser: Browser, jane: Person):
    notes = ("", "plain", "=1+1", "'quoted", 'with "marks", and\nlines', "ünïcode 🐈")
    for n, note in enumerate(notes):
        alias = pages.alias(jane, f"e{n}-{jane.id}")
        with pages.context.pool.connection() as db, db.transaction(SYSTEM):
            aliases.describe(db, pages.context.ring, alias, note, "")
            alias_list.enable(db, [alias.uid], n != 2)
    for path in ("everything", "aliases/simplelogin", "aliases/addy"):
        file = browser.get(f"{DATA}/{path}").body
        joe = pages.person()
        with pages.context.pool.connection() as db, db.transaction(SYSTEM):
            mine = domains.add(db, f"to-{joe.id}.example", joe.id)
        entries = [
            dataclasses.replace(one, address=one.address.replace(SHARED, mine.name))
            for one in alias_file.read(file)
        ]
        import_aliases.make(pages.context, joe.id, import_aliases.plan(pages.context, joe.id, entries))
        found = own(pages, joe)
        assert [one.note for one in found.values()] == list(notes), path
        if path != "aliases/addy":  # its table has no such column
            assert [one.enabled for one in found.values()] == [n != 2 for n in range(len(notes))]


def test_a_file_is_its_users_alone_and_sealed(pages: Site, browser: Browser, jane: Person):
    send(browser, table(f"mine-{jane.id}@{SHARED},,true,"))
    other = pages.browser(pages.person())
    assert other.get(LOOK).status == 404
    (row,) = pages.run("SELECT encode(file_sealed, 'escape') FROM imports WHERE user_id = :id", id=jane.id)
    assert "mine" not in str(row[0])
    send(browser, table(f"second-{jane.id}@{SHARED},,true,"))
    assert f"second-{jane.id}" in browser.get(LOOK).text and f"mine-{jane.id}" not in browser.get(LOOK).text


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (b"", "No file was chosen."),
        (b"PK\x03\x04", "spreadsheet"),
        (b"name\nx\n", "no column alias"),
        (b"\xff\xfe\xff", "UTF-8"),
    ],
)
def test_what_is_no_such_file_is_refused_in_words(
    pages: Site, browser: Browser, jane: Person, file: bytes, words: str
):
    answer = send(browser, file)
    assert (answer.status, words in answer.text) == (400, True)
    assert pages.run("SELECT count(*) FROM imports WHERE user_id = :id", id=jane.id) == [[0]]


def test_words_of_a_file_are_shown_as_text(browser: Browser, jane: Person):
    document = {
        "aliases": [{"email": f"n{n}-{jane.id}@{SHARED}", "note": text} for n, text in enumerate(MARKUP)]
        + [{"email": text} for text in MARKUP]
    }
    page = browser.follow(send(browser, json.dumps(document).encode()))
    assert page.status == 200
    for text in MARKUP:
        assert text not in page.text


def test_what_no_text_holds_is_neither_kept_nor_shown(pages: Site, browser: Browser, jane: Person):
    odd = "\0\ud800\x1b[2J"
    document = [
        {"email": f"odd-{jane.id}@{SHARED}", "note": f"a{odd}b"},
        {"email": f"{odd}@{SHARED}"},
        {"email": f"{odd}-deleted@{SHARED}", "deleted": True},
    ]
    page = browser.follow(send(browser, json.dumps({"aliases": document}).encode()))
    assert "1 new alias" in page.text and "2 aliases are not made" in page.text
    assert "\x1b[2J@" not in page.text
    assert "1 alias was made" in take_in(browser).text
    (alias,) = own(pages, jane).values()
    assert alias.note == "a?\x1b[2Jb"


def test_a_row_that_cannot_be_read_is_told(browser: Browser, jane: Person):
    page = browser.follow(
        send(browser, table(f"x-{jane.id}@{SHARED},a, b,false,", f"y-{jane.id}@{SHARED},,maybe,"))
    )
    assert "Line 2 has more cells than the first line has names." in page.text
    assert "It says neither that it is on nor that it is off." in page.text
    assert "0 new aliases" in page.text


def test_a_file_that_is_too_large_is_refused_before_it_is_read(browser: Browser):
    answer = send(browser, b"x" * (alias_file.MAX_BYTES + 100_000))
    assert answer.status == 413
    assert "2 MB" in answer.text


BODIES = {
    "another kind": ("text/plain", lambda body: body, 415),
    "no boundary": ("multipart/form-data", lambda body: body, 400),
    "another boundary": ("multipart/form-data; boundary=other", lambda body: body, 400),
    "an end too early": (None, lambda body: body[:-30], 400),
    "nothing": (None, lambda body: b"", 411),
    "a field twice": (None, lambda body: body[: body.index(b"--" + MARK, 2)] + body, 400),
    "a field without a name": (None, lambda body: body.replace(b'name="csrf"', b"x=y"), 400),
    "a part with parts": (
        None,
        lambda body: body.replace(
            b"text/csv\r\n\r\n", b"multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\nx\r\n--y--\r\n"
        ),
        400,
    ),
    "parts within parts within parts": (
        None,
        lambda body: body.replace(MARK + b"--", MARK + b"\r\n" + NESTED + b"\r\n--" + MARK + b"--"),
        400,
    ),
    "a header of a megabyte": (
        None,
        lambda body: body.replace(b'name="file"', b'name="file"' + b';"' * 500_000),
        400,
    ),
    "a thousand parts": (None, lambda body: body.replace(b"--" + MARK + b"\r\n", PART * 1000, 1), 400),
    "two files": (
        None,
        lambda body: body[: body.rindex(b"--" + MARK)] + FILE_PART + b"--" + MARK + b"--",
        400,
    ),
    "words before the first part": (None, lambda body: b"hello\r\n" + body, 400),
    "another order in the header": (
        None,
        lambda body: body.replace(
            b'name="file"; filename="aliases.csv"', b'filename="aliases.csv"; name="file"'
        ),
        400,
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_is_no_form_with_a_file_is_refused(pages: Site, browser: Browser, jane: Person, name: str):
    kind, spoil, status = BODIES[name]
    usual, body = with_file({"csrf": browser._csrf}, table(f"x-{jane.id}@{SHARED},,true,"))
    answer = browser.post_body(LOOK, kind or usual, spoil(body))
    assert answer.status == status
    assert pages.run("SELECT count(*) FROM imports WHERE user_id = :id", id=jane.id) == [[0]]


@pytest.mark.parametrize(
    "content", [b"\r\n", b"\n\n", b"a\rb", b"alias\r\n\r\n", bytes(range(1, 256)), b"--x"]
)
def test_a_file_arrives_as_it_was_sent(browser: Browser, monkeypatch: pytest.MonkeyPatch, content: bytes):
    kept = []
    monkeypatch.setattr(import_aliases, "keep", lambda context, user_id, file: kept.append(file))
    send(browser, content, 'a "name";\\ .csv'.replace('"', "%22"))
    assert kept == [content]
