"""addy.io's browser extension, call by call from a page of another origin in a real Chromium: with a preflight before each.

Its package is in no registry, so tests/clients/addy_extension.js makes its calls.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from support.browser import open_chromium
from support.people import SHARED, Person, Site

pytestmark = pytest.mark.tier("browser")

SCRIPT = Path(__file__).with_name("addy_extension.js")

TOLD = [
    ["POST /api/auth/login", 401],
    ["POST /api/auth/login", 200],
    ["GET /api/v1/domain-options", 200],
    ["GET /api/v1/recipients", 200],
    ["POST /api/v1/aliases", 201],
    ["POST /api/v1/aliases", 201],
    ["POST /api/v1/aliases", 422],
    ["GET /api/v1/aliases", 200],
    ["GET /api/v1/aliases", 200],
    ["PATCH /api/v1/aliases/*", 200],
    ["POST /api/v1/pinned-aliases", 200],
    ["DELETE /api/v1/pinned-aliases/*", 204],
    ["DELETE /api/v1/active-aliases/*", 204],
    ["POST /api/v1/active-aliases", 200],
    ["DELETE /api/v1/aliases/*", 204],
    ["PATCH /api/v1/aliases/*/restore", 200],
    ["DELETE /api/v1/aliases/*/forget", 204],
    ["GET /api/v1/domain-options", 401],
]


def test_its_whole_flow_works_from_another_origin(served: Site, jane: Person, password: str):
    given = {
        "url": served.context.config.url,
        "username": jane.handle,
        "password": password,
        "domain": SHARED,
    }
    with open_chromium() as chromium:
        page = chromium.new_page()
        found = page.evaluate(SCRIPT.read_text(encoding="utf-8"), given)
    assert found["told"] == TOLD
    assert found["looksRight"], "the extension looks at the key's form before it keeps it"
    assert found["expires"] is not None
    assert (found["total"], found["more"]) == (2, [True, False])
    assert found["named"] == f"extension@{SHARED}"
    assert found["double"].startswith("That alias already exists.")
