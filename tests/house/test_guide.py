"""The guide leads an operator in order: README to the guide to the checklist, and each page of it has what he needs.

A page for operators says what you get, the steps, how to see that it works, and what to do when it does not. What is something
else stands in OTHERWISE with the reason.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import tiers
from postern.mail import envelope
from postern.web.guide import Guide

DOCS = tiers.TOP / "docs"
PAGES = {page.file: page for page in Guide().pages}

OTHERWISE = {
    "CHECKLIST.md": "it is the steps; printed by the program",
    "TROUBLESHOOTING.md": "it is what does not work",
    "tour.md": "pictures",
    "providers/README.md": "a comparison, to choose by",
    "clients/README.md": "a comparison, to choose by",
    "api.md": "a reference; printed by the program",
    "cli.md": "a reference; printed by the program",
    "settings.md": "a reference; printed by the program",
    "webhook.md": "a contract, for who writes the other end",
    "queue.md": "a design, for who wants to trust it",
    "sealing.md": "a design, for who wants to trust it",
    "architecture.md": "for people who read the code",
    "styles.md": "for people who change the looks",
    "TICKETS.md": "which test proves which sentence",
}
"""Pages that are no steps for an operator, and what they are."""

OF_AN_APP = [file for file in PAGES if file.startswith("clients/") and file not in OTHERWISE]
"""Apps of others: how each is set up, what works, what does not, and how that was tried."""

GUIDES = [file for file in PAGES if file not in OTHERWISE and file not in OF_AN_APP]


def text(file: str) -> str:
    return (DOCS / file).read_text(encoding="utf-8")


def headings(file: str) -> list[str]:
    return re.findall(r"^## (.+)$", text(file), re.MULTILINE)


@pytest.mark.parametrize("file", GUIDES)
def test_a_page_for_operators_has_what_they_need(file: str):
    beginning = text(file).split("\n## ")[0]
    assert re.search(r"^What you get: ", beginning, re.MULTILINE), 'begin with "What you get: …"'
    assert re.search(r"^(1\. |```)", text(file), re.MULTILINE), "which steps?"
    assert [one for one in headings(file) if "See that it works" in one or "see that it works" in one], (
        'a section "## See that it works"'
    )
    assert [one for one in headings(file) if one.startswith("When it does not work")], (
        'a section "## When it does not work"'
    )


@pytest.mark.parametrize("file", OF_AN_APP)
def test_a_page_of_an_app_says_what_works_and_how_that_was_tried(file: str):
    words = text(file).lower()
    for needed in ("what works", "tried"):
        assert f"**{needed}" in words or f"## {needed}" in words, needed


def test_each_host_that_is_named_says_what_it_lacks():
    hosts = ("hostinger", "bluehost", "siteground", "namecheap", "a2", "hostgator", "cpanel")
    for host in hosts:
        assert re.search(r"\blacks?\b", text(f"providers/{host}.md")), host
        assert f"({host}.md)" in text("providers/README.md"), host


def test_no_reason_outlives_its_page():
    assert set(OTHERWISE) <= set(PAGES)
    assert len(GUIDES) > 35


def test_a_newcomer_is_led_from_the_readme_to_the_checklist_and_on():
    readme = (tiers.TOP / "README.md").read_text(encoding="utf-8").partition("**Read on**")[2]
    order = [
        readme.index(f"(docs/{file})") for file in ("README.md", "hosts.md", "CHECKLIST.md", "install.md")
    ]
    assert order == sorted(order)
    assert next(iter(PAGES)) == "CHECKLIST.md"
    way = ("hosts.md", "install.md", "cloudflare.md", "relays.md", "keys.md", "aliases.md", "upgrade.md")
    assert [file for file in PAGES if file in way] == list(way)
    linked = set(re.findall(r"\]\(([\w/-]+\.md)\)", text("CHECKLIST.md")))
    assert linked >= {"install.md", "cloudflare.md", "relays.md", "keys.md", "backup.md", "SECURITY.md"}


# docs/webhook.md, against the program.


def refusals() -> set[str]:
    """What is told to a sender for good, as it stands in the code; f-strings with their holes as X."""
    found = set()
    for path in sorted((tiers.TOP / "lib/postern/flow").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            words = ""
            if isinstance(node, ast.JoinedStr):
                words = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = node.value
            if re.match(r"5\.\d\.\d [a-z]", words):
                found.add(words)
    # A constant part of an f-string is met by itself as well.
    return {one for one in found if not any(one != other and other.startswith(one) for other in found)}


def test_the_page_about_the_webhook_names_every_refusal():
    page = " ".join(text("webhook.md").split())
    assert len(refusals()) >= 9
    for words in refusals():
        assert re.search(f"`{re.escape(words).replace('X', '[A-Z]+')}`", page), words


def test_the_page_about_the_webhook_has_the_program_s_numbers():
    page = text("webhook.md")
    assert f"{envelope.HASHED_BYTES:,}" in page
    assert f"within {envelope.TOLERANCE_SECONDS} s" in page
    assert f"{envelope.MAX_ENVELOPE64:,} characters" in page
    assert f"`webhook-signature` {envelope.MAX_SIGNATURES:,}" in page
    assert f"{envelope.MAX_ADDRESS_BYTES} bytes" in page
    assert set(re.findall(r'"(\w+)":', re.findall(r"`(\{\"v\".*?\})`", page)[0])) == envelope._KEYS
    worker = (Path(tiers.TOP) / "lib/postern/edge/worker.js").read_text(encoding="utf-8")
    patience, probe = re.findall(r"^const (?:PATIENCE|PROBE)_MS = (\d+)_000;", worker, re.MULTILINE)
    assert f"within {probe} seconds" in page
    assert f"{patience} for a message" in page
