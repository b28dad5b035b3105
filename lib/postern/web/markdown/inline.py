"""What stands within a line of Markdown: code, links, strong and stressed words, and signs that are meant as they are."""

from __future__ import annotations

import re

from postern.web import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from re import Match

    from postern.web.render import Safe

    Link = Callable[[str, str], tuple[str, str]]

_SPAN = re.compile(
    r"""
    (?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
    |\\(?P<sign>[!-/:-@\[-`{-~])
    |\[(?P<label>(?:`[^`]*`|\\.|[^\[\]\\`])*)\]\((?P<target>[^()\s]*)\)
    |\*\*(?P<strong>(?=\S)(?:`[^`]*`|\\.|\*(?!\*)|[^*`\\])+?)(?<=\S)\*\*
    |\*(?P<stressed>(?=[^\s*])(?:`[^`]*`|\\.|[^*`\\])+?)(?<=\S)\*
    """,
    re.VERBOSE | re.DOTALL,
)


def html(text: str, link: Link) -> Safe:
    """The text as HTML. `link` says, of a target and its words, where that leads and what it is called there; where it leads
    nowhere, the words stand alone."""
    return render.join(_pieces(text, link))


def plain(text: str) -> str:
    """The words alone."""
    return _SPAN.sub(lambda found: found["code"] or found["sign"] or plain(_inner(found)), text)


def _pieces(text: str, link: Link) -> Iterator[str]:
    at = 0
    for found in _SPAN.finditer(text):
        yield text[at : found.start()]
        yield _piece(found, link)
        at = found.end()
    yield text[at:]


def _piece(found: Match[str], link: Link) -> str:
    if found["code"]:
        return render.element("code", _code(found["code"]))
    if found["sign"]:
        return found["sign"]
    if found["target"] is not None:
        target, label = link(found["target"], found["label"])
        words = html(label, link)
        return render.element("a", words, href=target) if target else words
    words = html(_inner(found), link)
    return render.element("strong" if found["strong"] else "em", words)


def _inner(found: Match[str]) -> str:
    return found["label"] or found["strong"] or found["stressed"] or ""


def _code(words: str) -> str:
    """A line end is a blank; one blank at each end is there to hold backticks apart (CommonMark 6.1)."""
    words = words.replace("\n", " ")
    spaced = words.startswith(" ") and words.endswith(" ") and words.strip()
    return words[1:-1] if spaced else words
