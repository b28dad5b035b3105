"""Signing in by a link, the session cookie, forms that only our own pages can send, what a page shows: what works, and attacks.

The real application and database; the browser is a jar with one cookie. Not here: the rows themselves
(tests/store/test_sessions.py), a whole sign-in over HTTP (tests/stories).
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from postern.base import redact
from postern.base.database import SYSTEM
from postern.base.errors import Conflict
from postern.base.settings import Config
from postern.flow import sign_in
from postern.flow.context import Context
from postern.ops.local.superuser import Superuser
from postern.store import alias_list, aliases, domains, mailboxes, users
from postern.store.users import User
from postern.web import session
from postern.web.app import App, application
from postern.web.request import Request
from postern.web.routes import ROUTES
from support.instance import Instance
from support.patience import join, until
from support.template import ready_database
from support.wsgi import Answer, ask

URL = "https://alias.example"
PAGE = "/settings/sign-in"
COOKIE = "__Host-postern"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the log learns to hide is forgotten after the test."""
    monkeypatch.setattr(redact, "_known", redact._known)


@pytest.fixture(scope="module")
def place(cluster: Superuser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A migrated instance; each test makes users of its own."""
    with ready_database(cluster) as database:
        settings = {**database.env, "POSTERN_RELAY_HOST": "smtp.relay.example", "POSTERN_URL": URL}
        with contextlib.closing(Instance(tmp_path_factory.mktemp("place") / "home", settings)) as made:
            made.migrate()
            yield made


@contextlib.contextmanager
def application_of(instance: Instance) -> Iterator[App]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POSTERN_HOME", instance.home)
        with contextlib.closing(application("web")) as made:
            yield made


@pytest.fixture
def app(place: Instance) -> Iterator[App]:
    with application_of(place) as made:
        yield made


@pytest.fixture(scope="module")
def context(place: Instance) -> Context:
    return place.context()


@dataclass
class People:
    """Makes users, and their links."""

    context: Context
    count: int = 0

    def user(self) -> User:
        self.count += 1
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            return users.add(db, f"user-{self.count}")

    def link(self, user: User) -> str:
        """The path of a link."""
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            url = sign_in.make_link(self.context, db, user)
        assert url.startswith(f"{URL}/sign-in/link/")
        return url[len(URL) :]

    def run(self, sql: str, **params: object) -> list[list[object]]:
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            found: list[list[object]] = db.run(sql, **params)
            return found


@pytest.fixture(scope="module")
def people(context: Context) -> People:
    return People(context)


@pytest.fixture
def jane(people: People) -> User:
    return people.user()


@dataclass
class Browser:
    """Sends what a browser of today sends with a form, and keeps the cookie."""

    app: App
    cookie: str = ""
    agent: str = FIREFOX
    sends: dict[str, str] = field(default_factory=lambda: {"Origin": URL, "Sec-Fetch-Site": "same-origin"})

    def get(self, path: str, method: str = "GET") -> Answer:
        return self._ask(method, path, {"Accept": "text/html"}, b"")

    def post(self, path: str, **fields: str) -> Answer:
        return self._ask(
            "POST", path, {"Accept": "text/html", **FORM, **self.sends}, urlencode(fields).encode()
        )

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        headers = {**headers, "User-Agent": self.agent}
        if self.cookie:
            headers["Cookie"] = f"theme=dark; {COOKIE}={self.cookie}"
        answer = ask(self.app, method, path, headers, body)
        if "set-cookie" in answer.headers:
            found = re.match(rf"{COOKIE}=([a-z2-7]*);", answer.headers["set-cookie"])
            assert found
            self.cookie = found[1]
        return answer

    def sign_in(self, link: str) -> Browser:
        assert self.post(link).status == 303
        return self

    @property
    def is_in(self) -> bool:
        return self.get(PAGE).status == 200

    @property
    def csrf(self) -> str:
        found = set(re.findall(r'name="csrf" value="([0-9a-f]+)"', self.get(PAGE).text))
        assert len(found) == 1
        return str(found.pop())


def goes_to(answer: Answer, path: str) -> bool:
    return answer.status == 303 and answer.headers["location"] == path


def told(answer: Answer) -> str:
    """The page without the id of its request."""
    return re.sub(r"<code>[0-9a-f]{12}</code>", "", answer.text)


# The link.


def test_opening_a_link_shows_a_button_and_changes_nothing(app: App, people: People, jane: User):
    link = people.link(jane)
    browser = Browser(app)
    for _ in range(3):
        answer = browser.get(link)
        assert answer.status == 200
        assert answer.text.count(f"Sign in as {jane.handle}</button>") == 1
        assert "set-cookie" not in answer.headers
        assert link.rpartition("/")[2] not in answer.text
        assert browser.get(link, "HEAD").status == 200
    assert people.run("SELECT count(*) FROM sessions WHERE user_id = :id", id=jane.id) == [[0]]
    assert browser.sign_in(link).is_in


def test_pressing_the_button_signs_in_with_a_cookie_that_no_script_and_no_other_site_gets(
    app: App, people: People, jane: User
):
    answer = Browser(app).post(people.link(jane))
    assert goes_to(answer, "/aliases")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["strict-transport-security"] == "max-age=86400"
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert re.fullmatch(rf"{COOKIE}=[a-z2-7]{{52}}", cookie)
    assert sorted(attributes) == ["HttpOnly", "Max-Age=7776000", "Path=/", "SameSite=Lax", "Secure"]


def dead_links(people: People, user: User) -> dict[str, str]:
    """Each kind of link that is not good."""
    replaced = people.link(user)
    good = people.link(user)
    token = good.rpartition("/")[2]
    other = people.user()
    expired = people.link(other)
    people.run("UPDATE sign_in_links SET expires_at = now() WHERE user_id = :id", id=other.id)
    disabled = people.user()
    of_disabled = people.link(disabled)
    people.run("UPDATE users SET disabled_at = now() WHERE id = :id", id=disabled.id)
    start = "/sign-in/link/"
    return {
        "unknown": start + "a" * 52,
        "replaced": replaced,
        "expired": expired,
        "of a disabled user": of_disabled,
        "empty": start,
        "short": good[:-1],
        "long": good + "a",
        "very long": start + "a" * 5000,
        "in capitals": start + token.upper(),
        "padded": good + "====",
        "with a blank": good + "%20",
        "with a line end": start + "%C2%85" + token,
        "the pattern": start + "*",
        "with SQL": start + "'%20OR%201=1%20--",
        "not ASCII": start + "%C3%A9" * 52,
        "with a NUL's name": start + "%2500",
    }


def test_links_that_are_not_good_all_get_the_same_page(app: App, people: People, jane: User):
    pages = set()
    for kind, link in dead_links(people, jane).items():
        for answer in (Browser(app).get(link), Browser(app).post(link)):
            assert answer.status == 404, kind
            assert "set-cookie" not in answer.headers
            pages.add(told(answer))
    assert len(pages) == 1
    assert "postern user link HANDLE" in pages.pop()


def test_a_used_link_is_dead_for_everybody(app: App, people: People, jane: User):
    link = people.link(jane)
    first = Browser(app).sign_in(link)
    unknown = told(Browser(app).get("/sign-in/link/" + "a" * 52))
    for answer in (first.post(link), Browser(app).post(link), Browser(app).get(link)):
        assert (answer.status, told(answer)) == (404, unknown)
    assert first.is_in


def test_of_two_browsers_at_once_on_one_link_exactly_one_is_signed_in(
    app: App, people: People, context: Context, jane: User
):
    """Both are held at the row until each has come that far."""
    link = people.link(jane)
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda: answers.append(Browser(app).post(link))) for _ in range(2)]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with context.pool.connection() as db, db.transaction(SYSTEM):
        db.run("SELECT 1 FROM sign_in_links WHERE user_id = :id FOR UPDATE", id=jane.id)
        for thread in threads:
            thread.start()
        with context.pool.connection() as watcher:
            until(lambda: watcher.run(waiting) == [[2]])
    join(*threads)
    assert sorted(answer.status for answer in answers) == [303, 404]
    assert people.run("SELECT count(*) FROM sessions WHERE user_id = :id", id=jane.id) == [[1]]


ELSEWHERE = (
    "/sign-in/link/a/b",
    "/sign-in/link/a%2fb",
    "/sign-in/link",
    "/sign-in/",
    "/sign-out/",
    "/account/1",
)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_paths_near_the_link_are_none_of_ours(app: App, path: str):
    answer = Browser(app).get(path)
    assert answer.status == 404
    assert "There is no page" in answer.text


@pytest.mark.parametrize("path", ["%0d%0aSet-Cookie:%20x=y", "a%0ab", "%00", "..", "%2e%2e"])
def test_no_path_splits_an_answer(app: App, path: str):
    for answer in (Browser(app).get(f"/sign-in/link/{path}"), Browser(app).post(f"/sign-in/link/{path}")):
        assert answer.status == 400
        assert "set-cookie" not in answer.headers


def test_a_disabled_user_gets_no_link(people: People, jane: User):
    people.run("UPDATE users SET disabled_at = now() WHERE id = :id", id=jane.id)
    with people.context.pool.connection() as db, db.transaction(SYSTEM):
        disabled = users.find(db, jane.handle)
        assert disabled is not None
        with pytest.raises(Conflict, match="disabled"):
            sign_in.make_link(people.context, db, disabled)


# The session.


def test_the_sign_in_page_says_how_and_leads_on_when_one_is_in(app: App, people: People, jane: User):
    browser = Browser(app)
    answer = browser.get("/sign-in")
    assert answer.status == 200
    assert "no password" in answer.text
    assert goes_to(browser.sign_in(people.link(jane)).get("/sign-in"), "/aliases")


OPEN = {
    ("GET", "/"),
    ("GET", "/health"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("POST", "/hooks/inbound"),
    ("POST", "/hooks/mailgun/mime"),
    ("POST", "/hooks/postmark"),
    ("POST", "/hooks/ses"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/code"),
    ("POST", "/sign-in/code"),
    ("POST", "/sign-in/passkey"),
    ("GET", "/sign-in/mail/*"),
    ("POST", "/sign-in/mail/*"),
    ("GET", "/sign-in/link/*"),
    ("POST", "/sign-in/link/*"),
    ("GET", "/sign-in/recovery"),
    ("POST", "/sign-in/recovery"),
    ("GET", "/invitation/*"),
    ("POST", "/invitation/*"),
    ("GET", "/register"),
    ("POST", "/register"),
    ("GET", "/block/*"),
    ("POST", "/block/*"),
    ("GET", "/mailbox/*"),
    ("POST", "/mailbox/*"),
}
"""What strangers may ask. Everything else sends them to /sign-in."""


ELSEWHERE = {route for route, where in ROUTES.items() if where.startswith("elsewhere:")}
"""Addresses that other services have: they lead to pages of ours, whoever asks."""


@pytest.mark.parametrize(("method", "path"), sorted(ELSEWHERE))
def test_an_address_of_another_service_leads_to_a_page_of_ours_and_shows_nothing(
    app: App, method: str, path: str
):
    answer = Browser(app).get(path)
    assert answer.status == 303 and ("GET", answer.headers["location"]) in ROUTES
    assert answer.body == b""
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(("method", "path"), sorted(set(ROUTES) - OPEN - ELSEWHERE))
def test_whoever_is_not_signed_in_is_sent_to_sign_in(app: App, method: str, path: str):
    browser = Browser(app)
    answer = browser.post(path) if method == "POST" else browser.get(path)
    assert goes_to(answer, "/sign-in")
    assert answer.body == b""
    assert "set-cookie" not in answer.headers


def test_no_page_changes_anything_by_get():
    assert {path for method, path in ROUTES if method not in ("GET", "POST")} == set()
    assert {path for method, path in ROUTES if path.startswith("/sign-out") and method != "POST"} == set()


def test_head_of_a_page_is_its_get_without_the_body(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    full, head = browser.get(PAGE), browser.get(PAGE, "HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]
    assert head.headers["cache-control"] == "no-store"


def test_a_cookie_that_is_not_a_session_is_nobody(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    kim = Browser(app).sign_in(people.link(people.user()))
    good = browser.cookie
    index = people.run("SELECT token_index FROM sessions WHERE user_id = :id", id=jane.id)[0][0]
    assert isinstance(index, bytes)
    tampered = {
        "one letter changed": ("a" if good[0] != "a" else "b") + good[1:],
        "half hers, half another's": good[:26] + kim.cookie[26:],
        "short": good[:-1],
        "long": good + "a",
        "in capitals": good.upper(),
        "quoted": f'"{good}"',
        "in quotes of a URL": "%" + good,
        "the hash from a stolen row": index.hex(),
        "the hash as bytes": index.decode("latin-1"),
        "a number": "1",
        "SQL": "' OR 1=1 --",
        "not ASCII": "\xe9" * 52,
    }
    for kind, value in tampered.items():
        answer = ask(app, "GET", PAGE, {"Cookie": f"{COOKIE}={value}"})
        assert goes_to(answer, "/sign-in"), kind
    for cookies in (
        f"postern={good}",
        f"{COOKIE.lower()}={good}",
        f"{COOKIE}={kim.cookie}; {COOKIE}={good}",
        f"{COOKIE}={good}; {COOKIE}=",
        good,
        f"={good}",
        ";" * 1000,
    ):
        assert goes_to(ask(app, "GET", PAGE, {"Cookie": cookies}), "/sign-in"), cookies
    assert browser.is_in


def test_a_session_set_before_sign_in_is_not_taken_over(app: App, people: People, jane: User):
    planted = "a" * 52
    victim = Browser(app, cookie=planted).sign_in(people.link(jane))
    assert victim.cookie != planted
    assert victim.is_in
    assert not Browser(app, cookie=planted).is_in


def test_signing_in_as_another_ends_the_session_that_the_browser_had(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(people.user()))
    before = browser.cookie
    browser.sign_in(people.link(jane))
    assert jane.handle in browser.get(PAGE).text
    assert not Browser(app, cookie=before).is_in


def test_a_dead_link_leaves_the_session_as_it_is(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    assert browser.post("/sign-in/link/" + "a" * 52).status == 404
    assert browser.is_in


ENDINGS = {
    "expired": "UPDATE sessions SET expires_at = now() WHERE user_id = :id",
    "its row is gone": "DELETE FROM sessions WHERE user_id = :id",
    "the user is disabled": "UPDATE users SET disabled_at = now() WHERE id = :id",
    "the user is gone": "DELETE FROM users WHERE id = :id",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_a_session_that_is_over_ends_at_once(app: App, people: People, jane: User, how: str):
    browser = Browser(app).sign_in(people.link(jane))
    tag = browser.csrf
    people.run(ENDINGS[how], id=jane.id)
    assert goes_to(browser.get(PAGE), "/sign-in")
    assert goes_to(browser.post("/sign-out", csrf=tag), "/sign-in")
    assert browser.get("/sign-in").status == 200


def test_use_is_noted_and_makes_the_session_last(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    people.run(
        "UPDATE sessions SET seen_at = now() - interval '11 minutes', expires_at = now() + interval '1 minute'"
        " WHERE user_id = :id",
        id=jane.id,
    )
    assert browser.is_in
    lasting = (
        "SELECT seen_at > now() - interval '1 minute', expires_at > now() + interval '29 days' FROM sessions"
    )
    assert people.run(f"{lasting} WHERE user_id = :id", id=jane.id) == [[True, True]]


# Signing out.


def test_signing_out_ends_the_session_on_the_server_too(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    other = Browser(app).sign_in(people.link(jane))
    before = browser.cookie
    answer = browser.post("/sign-out", csrf=browser.csrf)
    assert goes_to(answer, "/sign-in")
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=; Path=/; Max-Age=0; ")
    assert not Browser(app, cookie=before).is_in
    assert other.is_in


def test_signing_out_everywhere_ends_all_of_hers_and_none_of_his(app: App, people: People, jane: User):
    hers = [Browser(app).sign_in(people.link(jane)) for _ in range(3)]
    his = Browser(app).sign_in(people.link(people.user()))
    cookies = [browser.cookie for browser in hers]
    assert goes_to(hers[1].post("/sign-out/everywhere", csrf=hers[1].csrf), "/sign-in")
    assert not any(Browser(app, cookie=cookie).is_in for cookie in cookies)
    assert his.is_in


# Forms that others send.


def test_a_form_without_the_tag_of_this_session_does_nothing(app: App, people: People, jane: User):
    browser = Browser(app).sign_in(people.link(jane))
    again = Browser(app).sign_in(people.link(jane))
    kim = Browser(app).sign_in(people.link(people.user()))
    good = browser.csrf
    assert len({good, again.csrf, kim.csrf}) == 3
    for forged in (
        "",
        "0" * 32,
        good[:-1],
        good + "0",
        good.upper(),
        again.csrf,
        kim.csrf,
        browser.cookie,
        "é",
    ):
        for path in ("/sign-out", "/sign-out/everywhere"):
            assert browser.post(path, csrf=forged).status == 403, forged
    assert browser.post("/sign-out", other="x").status == 403
    assert browser.post("/sign-out", CSRF=good).status == 403
    assert browser.is_in and again.is_in
    assert goes_to(browser.post("/sign-out", csrf=good), "/sign-in")


SENDERS: list[tuple[dict[str, str], bool]] = [
    ({}, True),
    ({"Origin": URL}, True),
    ({"Origin": URL, "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "HTTPS://Alias.Example", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "null"}, False),
    ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "anything"}, False),
    ({"Origin": URL, "Sec-Fetch-Site": "cross-site"}, False),
    ({"Origin": "https://evil.example"}, False),
    ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
    ({"Origin": "http://alias.example"}, False),
    ({"Origin": URL + ":8443"}, False),
    ({"Origin": URL + ".evil.example"}, False),
    ({"Origin": "https://x.alias.example"}, False),
    ({"Origin": "https://evil.example", "Host": "evil.example"}, False),
]
"""What a browser says of where the form was, and whether that is a page of ours. `null` is what it says under the referrer
policy no-referrer, and in sandboxed frames."""


@pytest.mark.parametrize(("sends", "ours"), SENDERS, ids=str)
def test_only_our_own_pages_send_forms(
    app: App, people: People, jane: User, sends: dict[str, str], ours: bool
):
    """Also the one that signs in: nobody is signed in to another's account behind his back."""
    browser = Browser(app, sends=sends)
    answer = browser.post(people.link(jane))
    assert answer.status == (303 if ours else 403)
    browser = Browser(app).sign_in(people.link(jane))
    tag = browser.csrf
    browser.sends = sends
    assert browser.post("/sign-out", csrf=tag).status == (303 if ours else 403)
    assert browser.is_in is not ours


OWN = (
    ("https://alias.example", "https://alias.example"),
    ("https://Alias.Example/", "https://alias.example"),
    ("https://alias.example:443", "https://alias.example"),
    ("https://alias.example:80/", "https://alias.example:80"),
    ("http://localhost:80", "http://localhost"),
    ("http://localhost:443", "http://localhost:443"),
    ("http://[::80]:80", "http://[::80]"),
)


@pytest.mark.parametrize(("url", "origin"), OWN)
def test_our_own_origin_is_as_browsers_write_it(url: str, origin: str):
    assert Config(url=url).origin == origin


def test_who_comes_by_another_name_of_the_site_is_told_the_right_one(app: App, people: People, jane: User):
    answer = Browser(app, sends={"Origin": "https://www.alias.example"}).post(people.link(jane))
    assert f"Open {URL} and begin there" in answer.text


def test_the_webhook_is_signed_and_asks_for_no_origin(app: App):
    answer = ask(app, "POST", "/hooks/inbound", {"Origin": "https://evil.example"}, b"x")
    assert answer.status == 401


BODIES: dict[str, tuple[dict[str, str], bytes, int]] = {
    "JSON": ({"Content-Type": "application/json"}, b'{"csrf": "%s"}', 415),
    "text, as a foreign form can send it": ({"Content-Type": "text/plain"}, b"csrf=%s", 415),
    "several parts": ({"Content-Type": "multipart/form-data; boundary=x"}, b"csrf=%s", 415),
    "of no kind": ({"Content-Type": ""}, b"csrf=%s", 415),
    "too large": (FORM, b"csrf=%s&x=" + b"a" * 65536, 413),
    "too many fields": (FORM, b"csrf=%s" + b"&x" * 100, 400),
    "a field twice": (FORM, b"csrf=%s&csrf=x", 400),
    "not UTF-8": (FORM, b"csrf=%s&x=%%ff", 400),
    "not ASCII": (FORM, b"csrf=%s&x=\xc3\xa9", 400),
    "a NUL": (FORM, b"csrf=%s&x=%%00", 400),
    "cut": ({**FORM, "Content-Length": "500"}, b"csrf=%s", 400),
    "of unknown length": ({**FORM, "Transfer-Encoding": "chunked"}, b"csrf=%s", 411),
    "as it should be": (
        {"Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8"},
        b"csrf=%s&x=",
        303,
    ),
}


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_no_form_is_refused(app: App, people: People, jane: User, kind: str):
    browser = Browser(app).sign_in(people.link(jane))
    headers, body, status = BODIES[kind]
    headers = {**headers, "Cookie": f"{COOKIE}={browser.cookie}"}
    answer = ask(app, "POST", "/sign-out", headers, body % browser.csrf.encode())
    assert answer.status == status
    assert browser.is_in is (status != 303)


# What a page shows.


def furnish(people: People, user: User, name: str) -> None:
    """A mailbox and two aliases on a domain that all share, and a domain of the user's own."""
    with people.context.pool.connection() as db, db.transaction(SYSTEM):
        shared = domains.find(db, "shared.example") or domains.add(db, "shared.example", None)
        ring = people.context.ring
        mailboxes.add(db, ring, user.id, f"{name}@real.example", verified=True)
        mailboxes.add(db, ring, user.id, f"{name}.second@real.example", verified=False)
        aliases.add(db, user.id, shared.id, f"{name}-shop")
        alias_list.enable(db, [aliases.add(db, user.id, shared.id, f"{name}-off").uid], False)


def test_nobody_sees_anything_of_another(app: App, people: People, jane: User):
    joe = people.user()
    furnish(people, jane, "janet")
    furnish(people, joe, "joey")
    hers = Browser(app, agent="").sign_in(people.link(jane)).get(PAGE).text
    his = Browser(app).sign_in(people.link(joe)).get(PAGE).text
    assert jane.handle in hers and joe.handle not in hers and "Firefox" not in hers
    assert joe.handle in his and jane.handle not in his
    with people.context.pool.connection() as db, db.transaction(jane.id):
        for table in ("aliases", "mailboxes", "sessions", "sign_in_links"):
            owners = {row[0] for row in db.run(f"SELECT user_id FROM {table}")}
            assert owners <= {jane.id}, "without a WHERE, the wall alone"
        assert aliases.of_user(db, joe.id) == []


@pytest.mark.parametrize("path", [PAGE, "/sign-in", "link"])
def test_pages_hold_nothing_that_their_policy_forbids(app: App, people: People, jane: User, path: str):
    browser = Browser(app)
    if path == PAGE:
        browser.sign_in(people.link(jane))
    answer = browser.get(people.link(jane) if path == "link" else path)
    assert "form-action 'self'" in answer.headers["content-security-policy"]
    assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=|javascript:", answer.text)


AGENTS = {
    FIREFOX: "Firefox on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 "
    "Edg/131.0.0.0": "Edge on Windows",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36": (
        "Chrome on Android"
    ),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
    "Mobile/15E148 Safari/604.1": "Safari on iPhone",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15": (
        "Safari on macOS"
    ),
    "curl/8.1": "A browser",
    "": "A browser",
}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_browser_is_told_in_a_few_words(agent: str):
    assert session.browser(Request("id", "GET", "/", {"HTTP_USER_AGENT": agent})) == AGENTS[agent]


# Where the site is, and what is left behind.


def test_at_http_on_this_machine_the_cookie_is_one_that_browsers_take(
    place: Instance, people: People, jane: User
):
    link = people.link(jane)
    place.write_env(POSTERN_URL="http://localhost:8025")
    try:
        with application_of(place) as app:
            answer = ask(app, "POST", link, {"Origin": "http://localhost:8025"})
            cookie = answer.headers["set-cookie"].split("; ")
            assert re.fullmatch(r"postern=[a-z2-7]{52}", cookie[0])
            assert sorted(cookie[1:]) == ["HttpOnly", "Max-Age=7776000", "Path=/", "SameSite=Lax"]
            assert "strict-transport-security" not in answer.headers
            assert ask(app, "GET", PAGE, {"Cookie": cookie[0]}).status == 200
            assert ask(app, "GET", PAGE, {"Cookie": f"__Host-{cookie[0]}"}).status == 303
    finally:
        place.write_env(POSTERN_URL=URL)


def test_no_token_is_in_the_log(app: App, place: Instance, people: People, jane: User):
    link = people.link(jane)
    browser = Browser(app).sign_in(link)
    tag, cookie = browser.csrf, browser.cookie
    browser.post("/sign-out", csrf=tag)
    port = place.settings["POSTERN_DB_PORT"]
    place.write_env(POSTERN_DB_PORT="1")
    try:
        with application_of(place) as broken:
            for answer in (Browser(broken).get(link), Browser(broken, cookie=cookie).post(link)):
                assert answer.status == 503
                assert link not in answer.text
    finally:
        place.write_env(POSTERN_DB_PORT=port)
    log = place.log()
    assert "sign_in.done" in log and "sign_in.out" in log and "/sign-in/link/*" in log
    for secret in (link.rpartition("/")[2], cookie, tag):
        assert secret not in log
