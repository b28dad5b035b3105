"""Open redirects and forged host names: no answer, no page and no mail leads anywhere but to this instance.

Where a Location goes is a page of the table, whatever a query, a form or a header asks for. Links in pages are relative, those
in mail begin with POSTERN_URL: the Host header is believed nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from urllib.parse import quote

import pytest

from postern.base.database import SYSTEM
from postern.base.spool import Holder
from postern.base.stream import open_stream
from postern.flow import sign_in_mail
from postern.store import messages
from postern.web.routes import ROUTES, pattern
from support.estate import Estate
from support.people import FORM, URL, Browser, Site
from support.samples import BY_TOKEN, FORMS, GETS, OPEN, POSTS, form, place
from support.wsgi import Answer, ask

ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)//evil.example",
    "/%2fevil.example",
    "/%09/evil.example",
    "\t//evil.example",
    "https://alias.example@evil.example",
    "https://alias.example.evil.example",
    "/aliases\r\nLocation: https://evil.example",
    "%0d%0aLocation:%20https://evil.example",
)
NAMES = (
    "next",
    "return",
    "return_to",
    "returnTo",
    "url",
    "redirect",
    "redirect_uri",
    "continue",
    "back",
    "to",
    "goto",
    "said",
    "ref",
    "made",
)

FORGED = {
    "Host": {"Host": "evil.example"},
    "Host with a port": {"Host": "alias.example:80@evil.example"},
    "X-Forwarded-Host": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http"},
    "Forwarded": {"Forwarded": "host=evil.example;proto=http"},
    "X-Original-URL": {"X-Original-URL": "/evil.example", "X-Rewrite-URL": "/evil.example"},
    "X-Host": {
        "X-Host": "evil.example",
        "X-HTTP-Host-Override": "evil.example",
        "X-Forwarded-Server": "evil.example",
    },
    "Referer": {"Referer": "https://evil.example/next"},
}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value or ""
            for name, value in attrs
            if name in ("href", "src", "action", "formaction", "poster", "srcset")
        ]


def stays_here(answer: Answer, where: str) -> None:
    """Its Location and all its links."""
    location = answer.headers.get("location")
    if location is not None:
        assert re.match(r"/(?![/\\])[!-~]*$", location), where
        assert ("GET", pattern(location.partition("?")[0])) in ROUTES, where
    reader = _Links()
    reader.feed(answer.text if "html" in answer.headers["content-type"] else "")
    assert [link for link in reader.found if not re.match(r"/(?![/\\])|#", link)] == [], where
    assert "evil.example" not in str(answer.headers) + re.sub(r'value="[^"]*"', "", answer.text), where


@pytest.mark.parametrize("path", GETS)
def test_no_query_of_a_page_leads_elsewhere(estate: Estate, path: str):
    signed_in, where = estate.browser(), place(path, estate)
    for target in ELSEWHERE:
        query = "&".join(f"{name}={quote(target)}" for name in NAMES)
        for browser in (estate.asked(), signed_in):
            answer = browser.get(f"{where}?{query}")
            assert answer.status in (200, 303, 404, 503), target
            stays_here(answer, target)


@pytest.mark.parametrize("path", POSTS)
def test_no_form_leads_elsewhere(fresh: Callable[[], Estate], path: str):
    mine = fresh()
    fields, chosen = form(path, mine)
    browser = mine.asked() if path in OPEN else mine.browser()
    target = ELSEWHERE[len(path) % len(ELSEWHERE)]
    query = "&".join(f"{name}={quote(target)}" for name in NAMES)
    answer = browser.post(
        f"{place(path, mine)}?{query}", chosen, **{**dict.fromkeys(NAMES, target), **fields}
    )
    assert answer.status == FORMS[path].status
    stays_here(answer, target)


@pytest.mark.parametrize("header", FORGED)
@pytest.mark.parametrize("path", GETS)
def test_no_page_believes_what_the_site_is_called(estate: Estate, path: str, header: str):
    where = place(path, estate)
    for browser in (estate.asked(), estate.browser()):
        plain = browser.get(where)
        answer = browser._ask("GET", where, {"Accept": "text/html", **FORGED[header]}, b"")
        assert answer.status == plain.status
        assert answer.headers.get("location") == plain.headers.get("location")
        stays_here(answer, header)


@pytest.mark.parametrize(
    "target", ["http://evil.example", "https://evil.example:8443", "https://u:p@evil.example"]
)
def test_a_request_for_a_whole_address_is_answered_by_its_path(estate: Estate, target: str):
    browser = estate.browser()
    for path in GETS:
        where = place(path, estate)
        answer = browser._ask("GET", target + where, {"Accept": "text/html", "Host": "evil.example"}, b"")
        assert answer.status == browser.get(where).status, path
        stays_here(answer, path)


def newest_mail(site: Site) -> bytes:
    sign_in_mail.post_asked(site.context)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        message = messages.find(db, int(db.value("SELECT max(id) FROM messages WHERE kind = 'notice'")))
        assert message is not None
        holder = Holder(site.context.spool.tmp)
        messages.read_chunks(db, message.id, holder)
    place = messages.body_place(message.uid)
    raw = b"".join(open_stream(site.context.ring, place, message.stream_header, holder.chunks()))
    holder.close()
    return raw.replace(b"=\r\n", b"")


@pytest.mark.parametrize(
    "path", ["/sign-in", "/register", "/invitation/*", "/mailboxes/add", "/mailboxes/*/proof"]
)
def test_links_in_mail_are_those_of_the_settings(pages: Site, fresh: Callable[[], Estate], path: str):
    mine = fresh()
    fields, _ = form(path, mine)
    for header in FORGED.values():
        browser = mine.asked() if path in OPEN else mine.browser()
        tag = {} if path in OPEN else {"csrf": browser._csrf}
        body = "&".join(f"{name}={quote(text)}" for name, text in {**fields, **tag}.items()).encode()
        headers = {"Content-Type": FORM, **browser.sends, **header}
        if browser._ask("POST", place(path, mine), headers, body).status == 303:
            text = newest_mail(pages).decode()
            links = re.findall(r"https?://[^\s\"<>]+", text)
            assert links and all(link.startswith(f"{URL}/") for link in links)
            assert "evil.example" not in text
        fields = {name: text.replace("new-", "newer-") for name, text in fields.items()}


def test_nobody_is_another_network_by_saying_so(pages: Site):
    """Or the limits of those who are not signed in would be none."""
    pages.run("UPDATE sign_in_codes SET created_at = now() - interval '70 minutes'")
    claims = (
        "X-Forwarded-For",
        "X-Real-IP",
        "Forwarded",
        "CF-Connecting-IP",
        "True-Client-IP",
        "X-Client-IP",
        "Client-IP",
    )
    for n in range(40):
        said = dict.fromkeys(claims, f"198.51.{n}.7")
        body = f"address=nobody-{n}@real.example".encode()
        headers = {"Content-Type": FORM, "Origin": URL, **said}
        assert ask(pages.app, "POST", "/sign-in", headers, body, REMOTE_ADDR="192.0.2.1").status == 303
    counted = "SELECT count(*), count(DISTINCT client_index) FROM sign_in_codes WHERE created_at > now() - interval '1 hour'"
    assert pages.run(counted) == [[30, 1]]


def test_the_one_click_from_mail_leads_nowhere(fresh: Callable[[], Estate]):
    mine = fresh()
    for path in BY_TOKEN:
        answer = Browser(mine.site.app, sends=FORGED["Host"]).post(
            place(path, mine), **{"List-Unsubscribe": "One-Click"}
        )
        assert answer.status == 200
        stays_here(answer, path)
