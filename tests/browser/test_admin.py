"""What admins do, in a real browser: users with their quotas, invitations, operation, the log; not to themselves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postern.base.database import SYSTEM
from postern.store import quotas, users
from support.browser import Look, Visitor, few_looks
from support.people import Person, Site
from support.store import add_message

Visit = Callable[..., Visitor]


@pytest.fixture
def admin(site: Site) -> Person:
    return site.person(users.ADMIN)


def fail(site: Site, person: Person) -> None:
    alias = site.alias(person, "shop")
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        add_message(db, person.id, alias.id, [person.mailbox.id], [b"sealed"])
        quotas.book(db, site.context.config, person.id, 3_000_000)
        db.run(
            "UPDATE deliveries SET state = 'failed', finished_at = now(), attempts = 3, said_stage = 'rcpt', said_code = 550"
        )


@few_looks
def test_an_admin_looks_after_the_users(
    visit: Visit, site: Site, admin: Person, jane: Person, look: Look
) -> None:
    fail(site, jane)
    visitor = visit(admin, look)
    visitor.go("/aliases")
    visitor.press("Admin")
    visitor.see("2 users")
    visitor.shot("admin-users")
    visitor.fill("Search users", jane.handle)
    visitor.press("Search")
    visitor.press(f"Open {jane.handle}")
    visitor.fill("Aliases", "50")
    visitor.press("Save")
    visitor.see("Saved.")
    visitor.press("Make an admin")
    visitor.press("Make an ordinary user")
    visitor.shot("admin-user")
    visitor.press("Shut it")
    visitor.see("This account is shut")
    visitor.press("Open it again")
    visitor.go("/admin/invitations")
    visitor.see("Nobody was invited yet")
    visitor.fill("Whom it is for", "Zoe, my neighbour")
    visitor.press("Make the link")
    visitor.see("/invitation/")
    visitor.shot("admin-invitation-made")
    visitor.press("I have it")
    visitor.see("Zoe, my neighbour")
    visitor.shot("admin-invitations")
    visitor.press("Revoke the invitation Zoe, my neighbour")
    visitor.see("Revoked.")
    visitor.go("/admin/operation")
    visitor.see(f"of {jane.handle}")
    visitor.shot("admin-operation")
    (number,) = site.run("SELECT id FROM deliveries")[0]
    visitor.press(f"Give up delivery {number}")
    visitor.see("Nothing waits, and nothing failed.")
    visitor.go("/admin/log")
    visitor.see(f"Set quota {jane.handle}")
    visitor.shot("admin-log")


def test_an_admin_deletes_an_account_and_not_his_own(
    visit: Visit, site: Site, admin: Person, jane: Person
) -> None:
    visitor = visit(admin)
    visitor.go("/admin")
    visitor.press(f"Open {admin.handle}")
    visitor.see("This is your own account.")
    visitor.see_no("Delete this account")
    visitor.press("Users")
    visitor.press(f"Open {jane.handle}")
    visitor.fill(f"Type {jane.handle} to delete the account", "somebody else")
    visitor.press("Delete this account", status=400)
    visitor.see("nothing was deleted")
    visitor.fill(f"Type {jane.handle} to delete the account", jane.handle)
    visitor.press("Delete this account")
    visitor.see("Deleted.")
    visitor.see("1 user")
