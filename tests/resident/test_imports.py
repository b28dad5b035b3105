"""What a cold CGI request imports, route by route: each module is time that every visitor of a slow host waits for.

The lists are in tests/resident/imports.txt, so that a new import is a decision. After one: POSTERN_PIN_IMPORTS=1 tests/run -k
test_a_cold_request_imports writes them anew, and `git diff` shows what was decided.
"""

from __future__ import annotations

import os
import pathlib
import re
import subprocess

import pytest

from support.door import PYTHON, Door, door_of
from support.instance import ROOT, Instance
from support.mail import message

LISTS = pathlib.Path(__file__).with_name("imports.txt")

DEAR = [
    "argparse",
    "asn1crypto",
    "cryptography",
    "dateutil",
    "decimal",
    "email",
    "html",
    "http",
    "inspect",
    "logging",
    "pathlib",
    "pg8000",
    "secrets",
    "smtplib",
    "ssl",
    "subprocess",
    "tempfile",
    "tomllib",
    "typing",
    "urllib",
]
"""What costs milliseconds beside our own modules; named by the package alone."""

ROUTES = {
    "GET /": {},
    "GET /health": {},
    "GET /aliases": {},
    "GET /api/v1/aliases": {"HTTP_AUTHORIZATION": "Bearer " + "x" * 60},
    "POST /hooks/inbound": {},
}


WARM = {
    "postern",
    "postern.base",
    "postern.base.home",
    "postern.doors",
    "postern.resident",
    "postern.resident.knock",
    "postern.resident.wire",
}
"""What stands between Python's own start and the resident."""


def imported(door: Door, method: str, path: str, headers: dict[str, str], body: bytes) -> set[str]:
    """All that one door imports."""
    with door.open(
        method, path, len(body), python=(*PYTHON, "-X", "importtime"), stderr=subprocess.PIPE, **headers
    ) as process:
        _, said = process.communicate(body)
    return set(re.findall(r"^import time:.*\| +(\S+)$", said.decode(), re.MULTILINE))


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("postern")}


@pytest.fixture
def door(instance: Instance):
    with door_of(instance) as made:
        instance.write_env(POSTERN_RESIDENT="off", POSTERN_RATE_PERCENT="100")
        yield made


def pinned() -> dict[str, list[str]]:
    """Route -> names, as they stand in the file."""
    sections = LISTS.read_text().split("\n\n") if LISTS.exists() else []
    return {lines[0]: lines[1:] for lines in (section.strip().splitlines() for section in sections)}


def test_a_cold_request_imports_what_was_decided(door: Door):
    found = {}
    for route, headers in ROUTES.items():
        method, path = route.split()
        body = message() if method == "POST" else b""
        signed = door.signed(body) if body else {}
        names = imported(door, method, path, {**headers, **signed}, body)
        found[route] = sorted(ours(names) | {name.partition(".")[0] for name in names} & set(DEAR))
    if os.environ.get("POSTERN_PIN_IMPORTS"):
        LISTS.write_text("\n\n".join("\n".join([route, *names]) for route, names in found.items()) + "\n")
    assert found == pinned()
    assert (ROOT / "cgi-bin" / "postern.cgi").stat().st_size < 600, (
        "the script itself is compiled at each request"
    )


def test_a_warm_request_imports_next_to_nothing(instance: Instance):
    """Not even `os`: Python's own start is nine tenths of what such a request costs."""
    with door_of(instance) as door:
        door.ask()
        door.wait_for_resident()
        names = imported(door, "GET", "/health", {}, b"")
    assert ours(names) == WARM
    assert names.isdisjoint({"os", "socket", "re", *DEAR})
