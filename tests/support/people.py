"""People at the real application in this process: users with what they own, and their browsers.

`open_site` is a migrated instance for a module; each test makes users of its own in it. Not here: a real
browser (support/browser.py), a real server (support/instance.py).
"""

from __future__ import annotations

import contextlib
import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import pytest

from postern.base.database import SYSTEM
from postern.flow import sign_in
from postern.flow.context import Context
from postern.ops.local.superuser import Superuser
from postern.store import aliases, domains, mailboxes, users
from postern.store.aliases import Alias
from postern.store.domains import Domain
from postern.store.mailboxes import Mailbox
from postern.store.users import User
from postern.web.app import App, application
from support.forms import with_file
from support.instance import Instance
from support.template import ready_database
from support.wsgi import Answer, ask

URL = "https://alias.example"
COOKIE = "__Host-postern"
SHARED = "alias.example"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Person:
    """A user with a verified mailbox."""

    user: User
    mailbox: Mailbox

    @property
    def id(self) -> int:
        return self.user.id

    @property
    def handle(self) -> str:
        return self.user.handle


@dataclass
class Site:
    """The application of one instance, and its database."""

    instance: Instance
    app: App
    context: Context
    shared: Domain
    count: int = 0

    def person(self, role: str = "user", welcomed: bool = True, handle: str = "") -> Person:
        """A new user, with the mailbox <handle>@real.example; one who is not `welcomed` has the tour before him."""
        self.count += 1
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            user = users.add(db, handle or f"user-{self.count}", role)
            if welcomed:
                users.welcomed(db, user.id)
            mailbox = mailboxes.add(
                db, self.context.ring, user.id, f"{user.handle}@real.example", verified=True
            )
        return Person(user, mailbox)

    def alias(self, person: Person, local: str, domain: Domain | None = None) -> Alias:
        """An alias of that person, to his mailbox."""
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            alias = aliases.add(db, person.id, (domain or self.shared).id, local)
            aliases.forward_to(db, alias, person.mailbox.id)
        return alias

    def run(self, sql: str, **params: object) -> list[list[object]]:
        """As the program's own work."""
        with self.context.pool.connection() as db, db.transaction(SYSTEM):
            found: list[list[object]] = db.run(sql, **params)
        return found

    def browser(self, person: Person | None = None) -> Browser:
        """A browser, signed in as that person."""
        browser = Browser(self.app)
        if person is not None:
            with self.context.pool.connection() as db, db.transaction(SYSTEM):
                link = sign_in.make_link(self.context, db, person.user)
            assert browser.post(link[len(URL) :]).status == 303
        return browser


@dataclass
class Browser:
    """Sends what a browser of today sends with a form, and keeps cookies."""

    app: App
    cookies: dict[str, str] = field(default_factory=dict)
    agent: str = FIREFOX
    sends: dict[str, str] = field(default_factory=lambda: {"Origin": URL, "Sec-Fetch-Site": "same-origin"})
    _csrf: str = ""

    def get(self, path: str) -> Answer:
        """GET; the form's tag of the page is kept for the next post."""
        answer = self._ask("GET", path, {"Accept": "text/html"}, b"")
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', answer.text)
        self._csrf = found[1] if found else self._csrf
        return answer

    def post(self, path: str, chosen: tuple[str, ...] = (), *, file: str = "", **fields: str) -> Answer:
        """POST a form of a page that was shown before; `csrf` is put in unless given. With a `file` it is one of those that
        take one."""
        if file:
            kind, body = with_file({"csrf": self._csrf, **fields}, file.encode())
            return self.post_body(path, kind, body)
        pairs = [*({"csrf": self._csrf, **fields}).items(), *(("chosen", one) for one in chosen)]
        return self.post_body(path, FORM, urlencode(pairs).encode())

    def post_body(self, path: str, kind: str, body: bytes) -> Answer:
        """POST what may be no form at all."""
        return self._ask("POST", path, {"Accept": "text/html", "Content-Type": kind, **self.sends}, body)

    def follow(self, answer: Answer) -> Answer:
        """The page that an action ends with."""
        assert answer.status == 303, answer.text
        return self.get(answer.headers["location"])

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        headers = {**headers, "User-Agent": self.agent}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = ask(self.app, method, path, headers, body, QUERY_STRING=urlsplit(path).query)
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer


@contextlib.contextmanager
def open_site(cluster: Superuser, folder: pathlib.Path, **settings: str) -> Iterator[Site]:
    """An instance at URL with the shared domain SHARED."""
    with ready_database(cluster) as database, pytest.MonkeyPatch.context() as patch:
        given = {
            **database.env,
            "POSTERN_RELAY_HOST": "smtp.relay.example",
            "POSTERN_URL": URL,
            **settings,
        }
        with contextlib.closing(Instance(folder / "home", given)) as instance:
            instance.migrate()
            patch.setenv("POSTERN_HOME", instance.home)
            context = instance.context()
            with context.pool.connection() as db, db.transaction(SYSTEM):
                shared = domains.add(db, SHARED, None)
            with contextlib.closing(application("web")) as app:
                yield Site(instance, app, context, shared)
