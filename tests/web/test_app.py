"""The WSGI application: routes, methods, paths, headers, and errors that tell the visitor little and the operator all.

Every request goes through wsgiref.validate. Not here: the webhook's answers (tests/flow), CGI (test_cgi_door.py), /health.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from postern.base import redact
from postern.base.errors import BadInput, Busy, Conflict, DatabaseUnavailable, NotFound, PosternError
from postern.ops import keys
from postern.web import app as apps
from postern.web import render
from postern.web.app import App, application
from postern.web.request import Request
from postern.web.response import SECURITY_HEADERS, Response
from postern.web.routes import ROUTES
from support.instance import Instance
from support.wsgi import Answer, ask

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the log learns to hide is forgotten after the test."""
    monkeypatch.setattr(redact, "_known", redact._known)


@pytest.fixture
def place(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A home for an application; nothing is in it."""
    for name in [name for name in os.environ if name.startswith("POSTERN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POSTERN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def bare(place: pathlib.Path) -> Instance:
    """An instance whose settings are right and whose database is away: no page here needs it."""
    settings = {
        "POSTERN_DB_HOST": str(place),
        "POSTERN_DB_NAME": "nowhere",
        "POSTERN_DB_USER": "nobody",
        "POSTERN_DB_PASSWORD": "swordfish-of-the-database",
        "POSTERN_RELAY_HOST": "smtp.relay.example",
    }
    return Instance(place, settings)


@pytest.fixture
def app(bare: Instance) -> Iterator[App]:
    made = application("web")
    yield made
    made.close()


# Routes and methods.


@pytest.mark.parametrize("headers", [{}, HTML])
def test_the_front_page_is_html(app: App, headers: dict[str, str]):
    answer = ask(app, headers=headers)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>" in answer.text
    assert "localhost:8025" in answer.text


@pytest.mark.parametrize(
    "uri", ["/nowhere", "/health/", "/Health", "/hooks", "/hooks/inbound/x", "/index.html", "/static/x"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "BREW"])
def test_an_address_that_is_none_of_ours_is_404(app: App, uri: str, method: str):
    answer = ask(app, method, uri)
    assert answer.status == 404
    assert "allow" not in answer.headers
    assert answer.errors == ""


WRONG_METHODS = [
    (method, path, allowed)
    for path, allowed in (("/", "GET, HEAD"), ("/health", "GET, HEAD"), ("/hooks/inbound", "POST"))
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get")
    if method not in allowed.split(", ")
]


@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_another_method_is_405_with_those_that_work(app: App, method: str, path: str, allowed: str):
    answer = ask(app, method, path)
    assert answer.status == 405
    assert answer.headers["allow"] == allowed
    assert {name for name, known in ROUTES if known == path} == set(allowed.split(", ")) - {"HEAD"}


@pytest.mark.parametrize("uri", ["/", "/nowhere", "/hooks/inbound", "/health", "/.."])
def test_head_is_get_without_the_body(app: App, uri: str):
    full, head = ask(app, "GET", uri), ask(app, "HEAD", uri)
    assert head.body == b""
    assert head.status == full.status
    drop = {"x-request-id", "content-length"} if uri == "/health" else {"x-request-id"}
    assert {n: v for n, v in head.headers.items() if n not in drop} == {
        n: v for n, v in full.headers.items() if n not in drop
    }


def test_every_route_leads_to_a_handler():
    for method, path in ROUTES:
        request = Request("id", method, path, {})
        assert callable(apps.find_handler(request))


# Paths.


PATHS = {
    "/": 200,
    "/?": 200,
    "/?x=/../..": 200,
    "/?a=%00": 200,
    "https://alias.example/": 200,
    "https://alias.example": 200,
    "https://alias.example?x=1": 200,
    "http://alias.example/nowhere": 404,
    "https://alias.example//": 400,
    "/%6eowhere": 404,
    "/nowhere%2f": 404,
    "/caf%C3%A9": 404,
    "/caf\xc3\xa9": 404,
    "/caf%E9": 400,
    "/%00": 400,
    "/%0d%0aX: 1": 400,
    "/\x7f": 400,
    "/a\tb": 400,
    "/..": 400,
    "/../etc/passwd": 400,
    "/%2e%2e/": 400,
    "/%2E%2e%2fx": 400,
    "/a/../b": 400,
    "/a/./b": 400,
    "/.": 400,
    "/...": 404,
    "/.env": 404,
    "//": 400,
    "//evil.example/": 400,
    "/%2f": 400,
    "/a//b": 400,
    "": 400,
    "*": 400,
    "nowhere": 400,
    "evil.example:443": 400,
    "%2f": 200,
    "/%": 404,
    "/%zz": 404,
    "/%25": 404,
    "/%252e%252e/": 404,
    "/\\..\\": 404,
    "/" + "a" * 10_000: 404,
    "/<script>alert(1)</script>": 404,
}


@pytest.mark.parametrize("uri", PATHS, ids=ascii)
def test_odd_paths(app: App, uri: str):
    answer = ask(app, uri=uri)
    assert answer.status == PATHS[uri]
    assert answer.errors == ""


@pytest.mark.parametrize("uri", PATHS, ids=ascii)
def test_no_answer_repeats_what_was_asked(app: App, uri: str):
    answer = ask(app, uri=uri, headers=HTML)
    for piece in ("<script>", "alert(1)", "evil.example", "etc/passwd", "nowhere", "X: 1"):
        assert piece not in answer.text


WITHOUT_URI = {
    ("", "/"): 200,
    ("", "/nowhere"): 404,
    ("/app", "/"): 404,
    ("", "/caf\xc3\xa9"): 404,
    ("", "/../x"): 400,
}


@pytest.mark.parametrize(("script", "path"), WITHOUT_URI)
def test_a_server_that_gives_no_request_uri_is_served_by_path_info(app: App, script: str, path: str):
    answer = ask(app, uri=None, SCRIPT_NAME=script, PATH_INFO=path)
    assert answer.status == WITHOUT_URI[script, path]


def test_under_cgi_the_script_does_not_count(app: App):
    answer = ask(app, uri="/", SCRIPT_NAME="/cgi-bin/postern.cgi", PATH_INFO="/something/else")
    assert answer.status == 200


# Headers.


@pytest.mark.parametrize(
    ("method", "uri"),
    [
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("PUT", "/"),
        ("GET", "/.."),
        ("GET", "/health"),
        ("POST", "/hooks/inbound"),
    ],
)
def test_every_answer_has_the_security_headers_and_is_not_cached(app: App, method: str, uri: str):
    answer = ask(app, method, uri)
    for name, value in SECURITY_HEADERS:
        assert answer.headers[name.lower()] == value
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


class Page(HTMLParser):
    """What a browser would load, and whether the page asks for more than the policy lets it have."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag != "a":
            self.loads += [str(found[name]) for name in ("src", "href", "action") if name in found]
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        is_inline = tag == "style" or (tag == "script" and "src" not in dict(attributes))
        self.inline += [tag] if is_inline else []
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("uri", ["/", "/nowhere"])
def test_pages_are_whole_and_keep_to_their_own_policy(app: App, uri: str):
    page = Page(ask(app, uri=uri, headers=HTML).text)
    assert page.open == []
    assert page.inline == []
    root = pathlib.Path(render.__file__).parents[3]
    for load in page.loads:
        assert load.startswith("/static/")
        assert (root / load.lstrip("/")).is_file()


def test_each_request_has_an_id_of_its_own_which_the_page_shows(app: App):
    answers = [ask(app, uri="/nowhere", headers=headers) for headers in ({}, {}, HTML, HTML)]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    for answer, request_id in zip(answers, ids):
        assert request_id in answer.text


# Errors.


def test_an_error_is_a_page_for_browsers_and_a_line_for_others(app: App):
    page, line = ask(app, uri="/nowhere", headers=HTML), ask(app, uri="/nowhere", headers={"Accept": "*/*"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>There is no page at this address.</h1>" in page.text
    assert line.headers["content-type"] == "text/plain; charset=utf-8"
    assert line.text.startswith("There is no page at this address. ")
    assert line.text.count("\n") == 1


def test_what_goes_into_a_page_is_escaped():
    page = render.page(
        "problem", "<&>", heading="<script>", remedy='"$heading"', status="&", request_id="'x'"
    )
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<title>&lt;&amp;&gt;</title>" in page
    assert "&quot;$heading&quot;" in page


FAILS: list[tuple[Exception, int]] = [
    (NotFound("No such thing.", "Look elsewhere."), 404),
    (Conflict("It is taken.", "Choose another."), 409),
    (BadInput("That makes no sense.", "Say it again."), 400),
    (Busy("The disk is nearly full.", "Free some."), 503),
    (DatabaseUnavailable("The database at db.internal is away.", "Ask jane@example.net."), 503),
    (PosternError("A fault of ours.", "Report it."), 500),
    (ZeroDivisionError("the secret swordfish"), 500),
    (RecursionError("deep"), 500),
]


def failing(app: App, error: Exception, monkeypatch: pytest.MonkeyPatch, **headers: str) -> Answer:
    """The answer when a handler raises this."""

    def handler(context: object, request: Request) -> Response:
        raise error

    monkeypatch.setattr(apps, "find_handler", lambda _: handler)
    return ask(app, uri="/", headers=headers)


@pytest.mark.parametrize(("error", "status"), FAILS, ids=lambda case: type(case).__name__)
@pytest.mark.parametrize("accept", ["text/html", "*/*"])
def test_each_kind_of_error_has_its_status_and_its_words(
    app: App, bare: Instance, error: Exception, status: int, accept: str, monkeypatch: pytest.MonkeyPatch
):
    answer = failing(app, error, monkeypatch, Accept=accept)
    assert answer.status == status
    assert ("retry-after" in answer.headers) is (status == 503)
    request_id = answer.headers["x-request-id"]
    if status < 500:
        assert isinstance(error, PosternError)
        assert error.reason in answer.text
        assert error.remedy in answer.text
        assert request_id not in bare.log()
        return
    passing = isinstance(error, (Busy, DatabaseUnavailable))
    assert ("Closed for a moment" if passing else "Something is wrong on our side") in answer.text
    for word in (
        "disk",
        "database",
        "db.internal",
        "jane",
        "fault",
        "swordfish",
        "deep",
        "Traceback",
        "Error(",
    ):
        assert word not in answer.text
    assert request_id in bare.log()
    assert answer.errors == "", "it is in the log"


def test_the_log_has_the_stack_of_a_fault_and_no_address(
    app: App, bare: Instance, monkeypatch: pytest.MonkeyPatch
):
    failing(app, ZeroDivisionError("for jane@example.net"), monkeypatch)
    failing(app, DatabaseUnavailable("Away.", "Ask joe@example.net."), monkeypatch)
    log = bare.log()
    assert "ZeroDivisionError" in log
    assert "in handler" in log
    assert "jane@example.net" not in log
    assert "joe@example.net" not in log


def test_one_broken_request_leaves_the_next_one_whole(app: App, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        assert failing(app, ZeroDivisionError(), patch).status == 500
    assert ask(app).status == 200


# Broken settings.


BROKEN = {
    "no file": None,
    "a setting that is wrong": {"POSTERN_DB_PORT": "swordfish-port"},
    "a setting that is missing": {"POSTERN_RELAY_HOST": ""},
    "a weak key": {"POSTERN_SEAL_KEYS": "k1:" + "A" * 43 + "="},
    "no key at all": {"POSTERN_SEAL_KEYS": "swordfish"},
    "a bad index key": {"POSTERN_INDEX_KEY": "swordfish"},
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("uri", ["/", "/health", "/hooks/inbound", "/nowhere"])
def test_broken_settings_are_503_without_details_and_the_reason_is_in_the_servers_log(
    bare: Instance, place: pathlib.Path, how: str, uri: str
):
    changes = BROKEN[how]
    if changes is None:
        (place / ".env").unlink()
    else:
        bare.write_env(**changes)
    app = application("web")
    answer = ask(app, "POST" if uri.startswith("/hooks") else "GET", uri)
    assert answer.status == 503
    assert answer.headers["retry-after"] == "60"
    for word in ("POSTERN", ".env", "swordfish", "key", str(place), "setting"):
        assert word not in answer.text
    request_id = answer.headers["x-request-id"]
    assert request_id in answer.text
    assert request_id in answer.errors
    assert ("POSTERN_" if changes is None else next(iter(changes))) in answer.errors or "key" in answer.errors
    assert "swordfish" not in answer.errors


def test_broken_settings_show_a_page_to_a_browser(place: pathlib.Path):
    answer = ask(application("web"), headers=HTML)
    assert answer.status == 503
    assert "<h1>Something is wrong on our side</h1>" in answer.text
    assert Page(answer.text).open == []


def test_settings_that_others_can_read_are_not_used(bare: Instance, place: pathlib.Path):
    (place / ".env").chmod(0o644)
    answer = ask(application("web"))
    assert answer.status == 503
    assert "chmod 600" in answer.errors
    assert "chmod" not in answer.text


def test_a_home_that_cannot_be_made_is_503_or_500_without_details(bare: Instance, place: pathlib.Path):
    shutil.rmtree(place / "spool")
    (place / "spool").write_text("a file in the folder's place")
    answer = ask(application("web"))
    assert answer.status in (500, 503)
    assert "spool" not in answer.text
    assert "spool" in answer.errors


def test_mended_settings_are_used_without_a_restart(bare: Instance):
    bare.write_env(POSTERN_RELAY_HOST="")
    app = application("web")
    assert ask(app).status == 503
    bare.write_env(POSTERN_RELAY_HOST="smtp.relay.example")
    assert ask(app).status == 200
    app.close()


def test_the_environment_can_hold_all_settings(place: pathlib.Path, monkeypatch: pytest.MonkeyPatch):
    given = {
        "POSTERN_URL": "https://alias.example",
        "POSTERN_DB_NAME": "x",
        "POSTERN_DB_USER": "x",
        "POSTERN_RELAY_HOST": "smtp.relay.example",
        **keys.fresh(),
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    answer = ask(application("web"))
    assert answer.status == 200
    assert "alias.example" in answer.text


def test_an_application_that_was_never_asked_closes():
    application("web").close()
