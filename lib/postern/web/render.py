"""Templates: HTML files in pages/, with $names and no logic. Everything that is put in is escaped, unless it was made here.

rows = render.join(render.render("alias_row", address=alias.address) for alias in aliases)
render.page("aliases", "Aliases", rows=rows)
"""

from __future__ import annotations

import os
from functools import cache
from html import escape
from string import Template

from postern.web import assets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages")


class Safe(str):
    """HTML that may stand in a page as it is. Only this file makes it."""

    __slots__ = ()


EMPTY = Safe("")


def page(name: str, title: str, /, **values: str) -> Safe:
    """The page pages/<name>.html inside the frame, for people who are not signed in. For the others: web/room.py."""
    return frame(title, render(name, **values))


def frame(title: str, content: Safe, nav: Safe = EMPTY, scripts: Iterable[str] = ()) -> Safe:
    """pages/frame.html around it. `scripts`: files of static/ that this page is better with, beside app.js."""
    return render(
        "frame",
        title=title,
        content=content,
        nav=nav,
        scripts=join(render("script", url=assets.url(name)) for name in ("app.js", *scripts)),
        css=assets.url("app.css"),
        icon=assets.url("postern.svg"),
        icon_32=assets.url("icon-32.png"),
        icon_180=assets.url("icon-180.png"),
    )


def render(name: str, /, **values: str) -> Safe:
    """The file pages/<name>.html with its names filled in. KeyError when one is missing."""
    return Safe(_template(name).substitute({key: _escaped(value) for key, value in values.items()}))


def join(pieces: Iterable[str]) -> Safe:
    """One after the other: rows of a list."""
    return Safe("".join(map(_escaped, pieces)))


def element(tag: str, content: str, /, **attributes: str) -> Safe:
    """One element, for what is too small for a file: `class_` is class, `data_x` data-x."""
    given = (f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"' for name, value in attributes.items())
    return Safe(f"<{tag}{''.join(given)}>{_escaped(content)}</{tag}>")


def address(text: str) -> Safe:
    """An address that a narrow screen may break before its @."""
    return Safe(escape(text).replace("@", "<wbr>@"))


def _escaped(value: str) -> str:
    return value if isinstance(value, Safe) else escape(value)


@cache
def _template(name: str) -> Template:
    with open(os.path.join(_FOLDER, name + ".html"), encoding="utf-8") as file:
        return Template(file.read())
