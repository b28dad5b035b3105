"""Configuration and commands as a page of docs/ prints them, for tests that run those very words."""

from __future__ import annotations

import re

import tiers


def block(page: str, language: str, beginning: str) -> str:
    """The one code block of docs/<page> in this language that begins so."""
    text = (tiers.TOP / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = [words for name, words in blocks if name == language and words.startswith(beginning)]
    assert len(found) == 1, f"docs/{page}: {len(found)} blocks that begin with {beginning!r}"
    return str(found[0])
