"""Pages as they are written: escaped, without anything inline, and made only of classes and files that exist."""

from __future__ import annotations

import re
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from string import Template

import pytest

import tiers
from postern.web import render
from postern.web.render import Safe

PAGES = sorted((tiers.TOP / "lib/postern/web/pages").glob("*.html"))
STATIC = tiers.TOP / "static"
CSS = (STATIC / "app.css").read_text(encoding="utf-8")

every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


class Tags(HTMLParser):
    """Every tag of a template with its attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attributes}))


def problem(**values: str) -> str:
    given = {"heading": "", "remedy": "", "status": "", "request_id": "", **values}
    return render.page("problem", "Title", **given)


# Rendering.

HOSTILE = [
    ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
    ('" autofocus onfocus="x', "&quot; autofocus onfocus=&quot;x"),
    ("' onclick='x", "&#x27; onclick=&#x27;x"),
    ("$title ${content} $$", "$title ${content} $$"),
    ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
]


@pytest.mark.parametrize(("given", "expected"), HOSTILE)
def test_what_goes_into_a_page_is_escaped(given: str, expected: str):
    assert f"<h1>{expected}</h1>" in problem(heading=given)
    assert f"<title>{expected}</title>" in render.page("sign_in_elsewhere", given)


def test_what_was_rendered_goes_in_as_it_is():
    inner = render.render("problem", heading="a < b", remedy="", status="", request_id="")
    assert isinstance(inner, Safe)
    assert f"<h1>{inner}</h1>" in problem(heading=inner)


def test_rows_are_joined_and_only_their_values_escaped():
    safe = render.join([])
    rows = render.join([safe, "<b>", render.address("a&b@example.net")])
    assert isinstance(rows, Safe)
    assert rows == "&lt;b&gt;a&amp;b<wbr>@example.net"


def test_safe_text_that_is_changed_is_no_longer_safe():
    safe = render.join([])
    for text in (safe + "<b>", f"{safe}<b>", safe.replace("", "<b>"), safe.upper()):
        assert not isinstance(text, Safe)


def test_a_missing_value_is_an_error_and_no_hole():
    with pytest.raises(KeyError):
        render.render("problem", heading="")


# The templates.


@every_page
def test_a_template_has_names_and_no_stray_dollar(path: Path):
    names: defaultdict[str, str] = defaultdict(str)
    Template(path.read_text(encoding="utf-8")).substitute(names)  # ValueError at a stray one
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in names)


@every_page
def test_nothing_is_inline(path: Path):
    for tag, attributes in Tags(path).found:
        assert tag != "script" or set(attributes) == {"src", "defer"}
        assert tag not in ("style", "iframe", "object", "embed", "base"), tag
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag
        for value in attributes.values():
            assert not re.match(r"\s*(javascript|data|https?):", value, re.IGNORECASE), value


@every_page
def test_every_class_is_in_the_compiled_styles(path: Path):
    known = classes(CSS)
    used = {
        name
        for _, attributes in Tags(path).found
        for name in attributes.get("class", "").split()
        if not name.startswith("$")
    }
    assert used <= known, f"not in static/app.css: {sorted(used - known)}"


@every_page
def test_pictures_say_what_they_show_or_that_they_show_nothing(path: Path):
    for tag, attributes in Tags(path).found:
        if tag == "img":
            assert "alt" in attributes
            assert attributes.get("width") and attributes.get("height"), "the page jumps when it arrives"
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or attributes.get("aria-label")


@every_page
def test_every_field_has_a_label(path: Path):
    tags = Tags(path).found
    labelled = {attributes.get("for") for tag, attributes in tags if tag == "label"}
    for tag, attributes in tags:
        if tag in ("input", "select", "textarea") and attributes.get("type") not in (
            "hidden",
            "submit",
            "checkbox",
        ):
            assert attributes.get("id") in labelled or attributes.get("aria-label"), attributes


def test_every_file_that_a_page_loads_exists():
    page = problem()
    loads = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(loads) >= 4
    for load in loads:
        assert (tiers.TOP / load.lstrip("/")).is_file(), load
    assert 'rel="stylesheet"' in page
    assert 'rel="apple-touch-icon"' in page


def test_the_frame_tells_browsers_the_colours_of_the_page():
    frame = (tiers.TOP / "lib/postern/web/pages/frame.html").read_text(encoding="utf-8")
    told = re.findall(r'name="theme-color" content="(#[0-9a-f]{6})"', frame)
    papers = re.findall(r"--color-paper:(#[0-9a-f]{6})", CSS)
    assert len(papers) == 2
    assert told == papers


def classes(css: str) -> set[str]:
    """Every class that a selector names."""
    selectors = re.findall(r"([^{}]+)\{", css)
    return {name for selector in selectors for name in re.findall(r"\.(-?[A-Za-z_][\w-]*)", selector)}


def test_the_search_for_classes_sees():
    assert classes(".a>.b:is(.c,d.e)::before{x:.5em}@media (width>=1.5rem){.f-g{}}") == {
        "a",
        "b",
        "c",
        "e",
        "f-g",
    }
