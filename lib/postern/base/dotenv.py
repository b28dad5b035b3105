"""The format of `.env`.

`NAME=value` a line; `export ` before it, blank lines and `#` comments are fine; a value may stand in single
quotes (taken as it is) or double quotes (\\n, \\r, \\t, \\", \\\\ and \\$ are undone). A comment may follow a value after a
blank; a value may begin with #.
Nothing is run and nothing is expanded: a shell is never involved.
"""

from __future__ import annotations

import re


def parse(text: str) -> tuple[dict[str, str], list[str]]:
    """Variables of a .env text, and a line for each line that makes no sense (never showing its value)."""
    found: dict[str, str] = {}
    wrong: list[str] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, equals, rest = re.sub(r"^export\s+", "", line).partition("=")
        name = name.rstrip()
        value = _unquote(rest) if equals and name.isidentifier() and name.isascii() else None
        if value is None:
            wrong.append(f"Line {number} of .env makes no sense. Write NAME=value, with matching quotes.")
        else:
            found[name] = value
    return found, wrong


def line(name: str, value: str) -> str:
    """The line that parse() reads back as this value."""
    plain = re.fullmatch(r"[\w.,:;/+=@%~-]*( [\w.,:;/+=@%~-]+)*", value, re.ASCII)
    if plain:
        return f"{name}={value}\n"
    if "'" not in value and "\n" not in value and "\r" not in value:
        return f"{name}='{value}'\n"
    for plain_form, written in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain_form, written)
    return f'{name}="{value}"\n'


_UNDONE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def _unquote(text: str) -> str | None:
    """The value of what stands after `=`; None when a quote is not closed or something follows it."""
    if _is_comment(text):
        return ""
    text = text.strip()
    if text[:1] == "'":
        value, closed, rest = text[1:].partition("'")
        return value if closed and _is_comment(rest) else None
    if text[:1] != '"':
        for mark in (" #", "\t#"):
            text = text.partition(mark)[0]
        return text.rstrip()
    value, position = "", 1
    while position < len(text):
        letter = text[position]
        if letter == '"':
            return value if _is_comment(text[position + 1 :]) else None
        if letter == "\\" and position + 1 < len(text):
            position += 1
            letter = _UNDONE.get(text[position], "\\" + text[position])
        value += letter
        position += 1
    return None


def _is_comment(rest: str) -> bool:
    return rest.strip() == "" or (rest[:1].isspace() and rest.lstrip().startswith("#"))
