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
    from postern.store.users import User


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
            there = _users(db)
    except (ImportError, PosternError):
        there = []
    if not there:
        return "make the first user, with a sign-in link"
    return "" if len(there) > 1 or site.was_in_use() else "make a sign-in link"


def _do(site: Installation) -> str:
    from postern.flow import sign_in

    context = site.context()
    with contextlib.closing(context.pool), context.pool.connection() as db:
        there = _users(db)
        if there and (len(there) > 1 or site.was_in_use()):
            site.next_steps.append(f"A new sign-in link: {site.home}/bin/postern user link HANDLE")
            return f"there already ({len(there)})"
        told = {} if there else site.answers.settle(questions())
        with db.transaction(SYSTEM):
            # One who is there already: the run that made him was killed before it could tell his link.
            user = there[0] if there else _make(context, db, told)
            link = sign_in.make_link(context, db, user)
    line = f"Sign in as {user.handle} (once, within 24 hours): {link}"
    site.next_steps.insert(0, line)
    site.next_steps.append(
        "Lead the mail of your domain here: docs/cloudflare.md; or docs/pipe.md, for the host's own mail server."
    )
    # Told at once as well: a run that is killed before its end tells no next steps.
    return f"{user.handle}\n    {line}"


def _make(context: Context, db: Database, told: dict[str, str]) -> User:
    from postern.store import users

    user = users.add(db, told[answers.USER], users.ADMIN)
    _mailbox(context, db, user.id, told.get(answers.MAILBOX, ""))
    _domain(db, told.get(answers.DOMAIN, ""))
    return user


def _users(db: Database) -> list[User]:
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
