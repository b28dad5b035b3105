"""docs/TICKETS.md is true: all thirty tickets are there, each sentence names tests that exist, or says what is missing."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

import tiers

PAGE = (tiers.TOP / "docs" / "TICKETS.md").read_text()
SECTIONS = dict(re.findall(r"^## (SH-\d\d) [^\n]+\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((tiers.TOP / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_ticket_has_its_section_in_order():
    assert list(SECTIONS) == [f"SH-{number:02}" for number in range(1, 31)]


@pytest.mark.parametrize("ticket", SECTIONS)
def test_every_sentence_of_a_ticket_names_its_proof_or_says_that_it_is_missing(ticket: str):
    sentences = re.findall(r"^- (.+)$", SECTIONS[ticket], re.MULTILINE)
    assert sentences, ticket
    for sentence in sentences:
        assert "::test_" in sentence or "**Missing**" in sentence or "the same test" in sentence, sentence
    assert re.search(r"^In .+", SECTIONS[ticket], re.MULTILINE), "where is it?"


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_every_test_that_is_named_exists(path: str, name: str):
    assert name in names_in(path)


def test_every_file_that_is_named_exists():
    for name in re.findall(r"`((?:lib|tests|cron|schema|static|cgi-bin)/[\w./-]*)`", PAGE):
        assert (tiers.TOP / name).exists(), name
