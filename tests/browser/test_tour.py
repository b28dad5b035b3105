"""The tour: every page of a lively account, looked at in each device and theme, and its picture for docs/tour.md.

POSTERN_TESTS_SHOTS=docs/img tests/run tests/browser/test_tour.py     takes the pictures anew
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

import tiers
from postern.base.database import SYSTEM
from postern.flow import blocklist, import_aliases
from postern.ops import demo_account
from postern.store import admin_acts, users
from postern.web.routes import ROUTES
from support.browser import DEVICES, THEMES, Look, Visitor
from support.mail import message
from support.people import Person, Site
from support.receipt import post

DOCS = tiers.TOP / "docs"

PICTURES = {
    "/": "front",
    "/sign-in": "sign-in",
    "/welcome": "welcome",
    "/aliases": "aliases",
    "/aliases/*": "alias",
    "/mailboxes": "mailboxes",
    "/mailboxes/*/delete": "mailbox-delete",
    "/domains": "domains",
    "/domains/*": "domain",
    "/activity": "activity",
    "/quarantine": "quarantine",
    "/failed": "failed",
    "/blocked": "blocked",
    "/settings": "settings",
    "/settings/sign-in": "settings-sign-in",
    "/settings/apps": "settings-apps",
    "/settings/api-keys": "settings-api-keys",
    "/settings/data": "settings-data",
    "/settings/data/import": "import",
    "/admin": "admin-users",
    "/admin/users/*": "admin-user",
    "/admin/invitations": "admin-invitations",
    "/admin/operation": "admin-operation",
    "/admin/figures": "admin-figures",
    "/admin/log": "admin-log",
    "/admin/help": "admin-help",
    "/admin/help/*": "admin-help-page",
}
"""Route -> the name of its pictures."""

NO_PICTURE = {
    "/account": "leads to another page",
    "/settings/api": "leads to another page",
    "/health": "words for a monitor",
    "/health/ready": "words for a monitor",
    "/metrics": "words for a monitor",
    "/block/*": "its one button, behind a link in a mail: tests/browser/test_mail.py",
    "/mailbox/*": "its one button, behind a link in a mail: tests/browser/test_places.py",
    "/invitation/*": "behind a link: tests/browser/test_accounts.py",
    "/register": "closed unless it is set: tests/browser/test_accounts.py",
    "/sign-in/code": "after a mail: tests/browser/test_sign_in.py",
    "/sign-in/mail/*": "behind a link in a mail: tests/browser/test_sign_in.py",
    "/sign-in/link/*": "behind a link: tests/browser/test_sign_in.py",
    "/sign-in/recovery": "tests/browser/test_accounts.py",
    "/settings/passkeys/*": "needs a passkey: tests/browser/test_passkeys.py",
    "/settings/data/everything": "a download",
    "/settings/data/aliases/*": "a download",
    "/mail/*": "a download",
    "/admin/help/img/*": "a picture",
}

MOVED_IN = b"""\
alias,note,enabled
books@alias.example,Bookshop,true
forum@alias.example,"A forum, long ago",false
bakery@alias.example,,true
me@elsewhere.example,,true
"""

LOOKS = [Look(device, theme) for device in DEVICES for theme in THEMES]


@pytest.fixture
def lively(site: Site) -> Person:
    """An admin with the account of the demo, and what that lacks."""
    admin = site.person(users.ADMIN, handle="jane")
    demo_account.fill(site.context, admin.handle)
    assert post(site, "bakery@alias.example", message("Your bread is ready")) == "stored"
    assert post(site, "gym@alias.example", demo_account.FORGED) == "stored"
    blocklist.add(site.context, admin.id, "email", ["offers@casino.example"])
    blocklist.add(site.context, admin.id, "domain", ["tracking.example"])
    import_aliases.keep(site.context, admin.id, MOVED_IN)
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        admin_acts.add(db, admin.handle, "make invitation", users.USER)
        admin_acts.add(db, admin.handle, "set quota", "tom", "aliases 500")
    return admin


@pytest.mark.parametrize("look", LOOKS, ids=str)
def test_each_page_is_looked_at(
    visit: Callable[..., Visitor], site: Site, lively: Person, look: Look
) -> None:
    (alias,) = site.run("SELECT uid FROM aliases WHERE local = 'bakery'")[0]
    (domain,) = site.run("SELECT uid FROM domains WHERE name = 'doe.example'")[0]
    (other,) = site.run("SELECT uid FROM users WHERE handle = 'tom'")[0]
    one = {
        "/aliases/*": f"/aliases/{alias}",
        "/mailboxes/*/delete": f"/mailboxes/{lively.mailbox.uid}/delete",
        "/domains/*": f"/domains/{domain}",
        "/admin/users/*": f"/admin/users/{other}",
        "/admin/help/*": "/admin/help/pipe",
    }
    stranger, admin = visit(None, look), visit(lively, look)
    newcomer = visit(site.person(welcomed=False, handle="ada"), look)
    visitors = {"/": stranger, "/sign-in": stranger, "/welcome": newcomer}
    for route, name in PICTURES.items():
        visitor = visitors.get(route, admin)
        visitor.go(one.get(route, route))
        visitor.shot(name)


def test_each_page_has_its_pictures_in_the_docs() -> None:
    names = {f"{name}-{look}.webp" for name in PICTURES.values() for look in LOOKS}
    assert {path.name for path in (DOCS / "img").glob("*.webp")} == names
    shown = re.findall(r'(?:srcset|src)="img/([^"]+)"', (DOCS / "tour.md").read_text())
    assert set(shown) == names


def test_every_page_has_a_picture_or_a_reason() -> None:
    # What stands where another service has its pages (web/elsewhere.py) leads to one of these.
    pages = {
        path
        for (method, path), handler in ROUTES.items()
        if method == "GET" and not handler.startswith("elsewhere:")
    }
    assert pages == PICTURES.keys() | NO_PICTURE.keys()
    assert not PICTURES.keys() & NO_PICTURE.keys()
