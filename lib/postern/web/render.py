"""Templates: HTML files in pages/, with $names and no logic. Everything that is put in is escaped."""

from __future__ import annotations

import os
from html import escape
from string import Template

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pages")


def page(name: str, title: str, **values: str) -> str:
    """The page pages/<name>.html inside the frame pages/frame.html."""
    content = _fill(name, {key: escape(value) for key, value in values.items()})
    return _fill("frame", {"title": escape(title), "content": content})


def _fill(name: str, values: dict[str, str]) -> str:
    with open(os.path.join(_FOLDER, name + ".html"), encoding="utf-8") as file:
        return Template(file.read()).substitute(values)
