"""The guide under Admin, Help: every page of docs/ is in it, in order, and leads on; pictures show; nothing else is served."""

from __future__ import annotations

import re
import shutil
from html import unescape
from pathlib import Path

import pytest

import tiers
from postern.base import guide as addresses
from postern.store import users
from postern.web import admin_operation, guide, health
from postern.web.guide import Guide
from support.people import Browser, Site

DOCS = tiers.TOP / "docs"
PAGES = Guide().pages


@pytest.fixture(scope="module")
def admin(pages: Site) -> Browser:
    return pages.browser(pages.person(users.ADMIN))


def links(html: str) -> list[tuple[str, str]]:
    """Path and anchor of each link into the guide."""
    found = re.findall(r'href="(/admin/help[^"#]*|(?=#))(?:#([^"]*))?"', html)
    return [(path, unescape(anchor)) for path, anchor in found]


def test_every_page_of_docs_has_its_place_in_the_order():
    files = [page.file for page in PAGES]
    there = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} - {guide.INDEX}
    assert sorted(files) == sorted(there), "name each page once in docs/README.md, where an operator needs it"
    names = [page.name for page in PAGES]
    assert len(set(names)) == len(names)
    assert {"operations-cron", "providers", "checklist", "clients-simplelogin-go"} <= set(names)


def test_the_address_of_a_page_is_known_without_reading_the_guide():
    assert addresses.path("docs/operations/cron.md#by-hand") == "/admin/help/operations-cron#by-hand"
    assert addresses.path("docs/clients/README.md") == "/admin/help/clients"
    for page in PAGES:
        assert addresses.path(f"docs/{page.file}") == page.path


def test_all_pages_lead_to_one_another_and_every_link_finds_its_heading(admin: Browser):
    shown = {page.path: admin.get(page.path) for page in PAGES}
    shown[addresses.HOME] = admin.get(addresses.HOME)
    assert {path: answer.status for path, answer in shown.items() if answer.status != 200} == {}
    ids = {path: set(re.findall(r'\bid="([^"]+)"', answer.text)) for path, answer in shown.items()}
    for path, answer in shown.items():
        assert answer.text.count("<h1") == 1
        for to, anchor in links(answer.text):
            assert (to or path) in shown, f"{path}: {to}"
            assert not anchor or anchor in ids[to or path], f"{path}: {to}#{anchor}"
        assert not re.search(r"<a[^>]*>[\w./-]+\.md</a>", answer.text), (
            f"{path}: a file's name where a title should be"
        )
    for page, behind in zip(PAGES, PAGES[1:]):
        assert f'href="{behind.path}" rel="next"' in shown[page.path].text
        assert f'href="{page.path}" rel="prev"' in shown[behind.path].text
    assert 'rel="next"' not in shown[PAGES[-1].path].text
    assert all(f'href="{page.path}"' in shown[addresses.HOME].text for page in PAGES)


def test_a_page_can_be_pasted_from_and_read_in_parts(admin: Browser):
    page = admin.get("/admin/help/install").text
    assert 'data-copy="cd ~/public_html\nunzip ~/postern.zip" hidden>' in page
    assert 'href="#when-it-does-not-work"' in page
    assert '<a href="/admin/help/install" aria-current="page">' in page


def test_pictures_come_through_the_door_and_show(admin: Browser):
    page = admin.get("/admin/help/tour").text
    shown = re.findall(r'srcset="([^"]+)"[^>]*><img src="([^"]+)" alt="[^"]+" width="\d+" height="\d+"', page)
    assert len(shown) * 2 == len(list((DOCS / "img").glob("*.webp")))
    for path in shown[0]:
        answer = admin.get(path)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/webp")
        assert answer.body == (DOCS / "img" / path.rpartition("/")[2]).read_bytes()
        assert answer.headers["cache-control"].startswith("private")
        assert "img-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    plots = re.findall(r'<img src="(/admin/help/img/[^"]+\.svg)"', admin.get("/admin/help/performance").text)
    assert len(plots) == len(list((DOCS / "img").glob("*.svg"))) > 0
    answer = admin.get(plots[0])
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")


@pytest.mark.parametrize(
    "path",
    [
        "/admin/help/",
        "/admin/help/readme",
        "/admin/help/Install",
        "/admin/help/install.md",
        "/admin/help/..%2f..%2fenv.example",
        "/admin/help/no-such-page",
        "/admin/help/img/none.webp",
        "/admin/help/img/..%2fREADME.md",
        "/admin/help/img/%2e%2e",
        "/admin/help/img/front-phone-light.WEBP",
    ],
)
def test_nothing_is_served_but_what_the_guide_names(admin: Browser, path: str):
    assert admin.get(path).status in (400, 404)


def test_a_release_archive_has_no_pictures_and_its_tour_says_what_it_can(
    admin: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("img"))
    monkeypatch.setattr(guide, "FOLDER", str(tmp_path / "docs"))
    page = admin.get("/admin/help/tour")
    assert page.status == 200
    assert "<picture" not in page.text
    assert "What a stranger sees" in page.text


def test_without_docs_there_is_no_guide_and_the_reason(
    admin: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(guide, "FOLDER", str(tmp_path))
    for path in ("/admin/help", "/admin/help/install"):
        answer = admin.get(path)
        assert answer.status == 404
        assert "The guide does not lie here." in answer.text


def test_trouble_on_the_page_of_operation_leads_to_its_entry(pages: Site, admin: Browser):
    page = admin.get("/admin/operation").text
    assert 'href="/admin/help/operations-monitoring#job">What to do' in page
    assert 'href="/admin/help/operations-cron">Set up the jobs' in page
    entries = {one.name for one in Guide().read("operations/monitoring.md").anchors}
    names = {admin_operation._entry(one) for one in health.look(pages.context)}
    assert "database" in names and names <= entries
