"""The account in SimpleLogin's dialect: who its user is, what must be confirmed by a password, and what ends it."""

from __future__ import annotations

from postern.base.errors import BadInput, PosternError
from postern.flow import api_keys, app_passwords, delete_account, tokens
from postern.store import mailboxes, quotas, stats
from postern.web import response as responses
from postern.web.response import NEED_SUDO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

MOST_ALIASES = (1 << 31) - 1
"""The apps' Int has 31 bits."""


class NeedSudo(PosternError):
    """The password must be given again, by PATCH /api/sudo."""

    http_status = NEED_SUDO

    def __init__(self) -> None:
        super().__init__("Need sudo.", "Send an app password to /api/sudo first.")


def show(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/user_info. There are no plans here: everybody is told to have the best one, for good."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        mailbox = mailboxes.default(db, who.user_id)
        limit = quotas.limits(db, context.config, who.user_id)["aliases"]
    return responses.json(
        200,
        {
            "name": who.handle,
            "email": "" if mailbox is None else mailbox.address(context.ring),
            "is_premium": True,
            "in_trial": False,
            "trial_end_timestamp": None,
            "max_alias_free_plan": min(limit, MOST_ALIASES),
            "connected_proton_address": None,
            "can_create_reverse_alias": True,
            "profile_picture_url": None,
        },
    )


def change(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/user_info: a picture is passed over, and a name is for good."""
    given.text("profile_picture")
    if given.text("name") not in ("", who.handle):
        raise BadInput("The name of an account is for good.", f"It stays {who.handle}.")
    return show(context, request, who, given)


def statistics(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/stats."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        found = stats.totals(db, who.user_id)
    return responses.json(
        200,
        {
            "nb_alias": found.on + found.off,
            "nb_block": found.blocked,
            "nb_forward": found.forwarded,
            "nb_reply": found.replied,
        },
    )


def sudo(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """PATCH /api/sudo: for five minutes the key may do what needs a password. Any app password of its user is one."""
    if not app_passwords.confirm(context, who, given.text("password")):
        return responses.json(403, {"error": "Invalid password"})
    return responses.json(200, {"ok": True})


def make_key(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/api_key: 201 with another key, which may no more than the one that asks. NeedSudo."""
    if not who.sudo:
        raise NeedSudo
    name = api_keys.tidy(given.text("device"), app_passwords.SOME_DEVICE)
    return responses.json(201, {"api_key": api_keys.make_another(context, who, name)})


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """DELETE /api/user: everything goes, at once. NeedSudo."""
    if not who.sudo:
        raise NeedSudo
    delete_account.delete(context, who.user_id, who.handle)
    return responses.json(200, {"ok": True})


def log_out(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/logout: clients forget their key themselves, and it may be in use elsewhere."""
    return responses.json(200, {"msg": "User is logged out"})


def cookie_token(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/user/cookie_token: the page that a client opens with it asks people to sign in, for a key opens no session."""
    return responses.json(200, {"token": tokens.new()})
