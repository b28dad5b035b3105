"""GET /api/openapi.json: the document itself. Whether the answers are as it says: test_contracts.py."""

from __future__ import annotations

from support.people import Site
from support.wsgi import ask

PATH = "/api/openapi.json"


def test_the_document_is_for_everybody_and_tells_both_dialects(pages: Site):
    answer = ask(pages.app, "GET", PATH)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json["openapi"] == "3.1.0"
    assert {"/api/alias/random/new", "/api/v1/aliases"} <= set(answer.json["paths"])


def test_who_has_it_already_is_told_so(pages: Site):
    first = ask(pages.app, "GET", PATH)
    assert first.headers["cache-control"] == "no-cache"
    for known in (
        first.headers["etag"],
        f"W/{first.headers['etag']}",
        f'"x", {first.headers["etag"][:-1]}-gzip"',
    ):
        again = ask(pages.app, "GET", PATH, {"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
    assert ask(pages.app, "GET", PATH, {"If-None-Match": '"other"'}).status == 200
