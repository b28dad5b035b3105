"""The first user: an account to sign in to, with a mailbox and a mail domain where they are told, and a link to enter by."""

from __future__ import annotations

import contextlib
import os
import pwd
import re

from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.ops.install import answers
from postern.ops.install.answers import Question
from postern.ops.install.installation import Installation, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context


def questions() -> list[Question]:
    """What is asked."""
    return [
        Question(answers.USER, "First user: a short name (a-z, 0-9)", _account()),
        Question(answers.MAILBOX, "First user: real address, where mail is forwarded", optional=True),
        Question(answers.DOMAIN, "Mail domain for the aliases", optional=True),
    ]


def _account() -> str:
    """The account's name, as a handle."""
    name = re.sub(r"[^a-z0-9_.-]", "", pwd.getpwuid(os.geteuid()).pw_name.lower()).lstrip("_.-")
    return name[:63] or "operator"


def _plan(site: Installation) -> str:
    try:
        with contextlib.closing(site.context().pool) as pool, pool.connection() as db:
            return "" if _users(db) else "make the first user, with a sign-in link"
    except (ImportError, PosternError):
        return "make the first user, with a sign-in link"


def _do(site: Installation) -> str:
    from postern.flow import sign_in
    from postern.store import users

    context = site.context()
    with contextlib.closing(context.pool), context.pool.connection() as db:
        there = _users(db)
        if there:
            site.next_steps.append(f"A new sign-in link: {site.home}/bin/postern user link HANDLE")
            return f"there already ({len(there)})"
        told = site.answers.settle(questions())
        with db.transaction(SYSTEM):
            user = users.add(db, told[answers.USER], users.ADMIN)
            _mailbox(context, db, user.id, told.get(answers.MAILBOX, ""))
            _domain(db, told.get(answers.DOMAIN, ""))
            link = sign_in.make_link(context, db, user)
    site.next_steps.insert(0, f"Sign in as {user.handle} (once, within 24 hours): {link}")
    return user.handle


def _users(db: Database) -> list[object]:
    from postern.store import users

    with db.transaction(SYSTEM):
        return list(users.all_users(db))


def _mailbox(context: Context, db: Database, user_id: int, text: str) -> None:
    """Verified by the word of the operator, who knows that it is read."""
    from postern.mail.address import parse_address
    from postern.store import mailboxes

    if text:
        mailboxes.add(db, context.ring, user_id, str(parse_address(text)), verified=True)


def _domain(db: Database, text: str) -> None:
    from postern.mail.address import parse_address
    from postern.store import domains

    if text:
        domains.add(db, parse_address(f"postmaster@{text}").domain, None)


USER = Step("First user", _plan, _do)
