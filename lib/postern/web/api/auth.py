"""How apps sign in, in both dialects: /api/auth/…, where a password is an app password (flow/app_passwords.py).

/login and /mfa are one path for both, and the body tells them apart: SimpleLogin's has email, device and mfa_token, addy.io's
has username, device_name and otp. There is no second step: whoever has the app password needs no code, so each answers as to a
user who has none set up. Registering by an app is closed.
"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.flow import api_keys, app_passwords, delete_account, registration
from postern.flow.app_passwords import Device, WrongPassword
from postern.web import client
from postern.web import response as responses
from postern.web.api.addy.times import moment, moment_or_none
from postern.web.api.given import Wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

DAYS = {"": None, "day": 1, "week": 7, "month": 30, "year": 365}
"""addy.io's `expiration` -> days; nothing: as long as the password works."""


def login(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/login: a key for an app password."""
    if given.has("username") or given.has("device_name"):
        return _login_addy(context, request, given)
    device = Device(given.text("device"), client.network(request))
    entered = app_passwords.sign_in(context, given.text("email"), given.text("password"), device)
    return responses.json(
        200,
        {
            "name": entered.handle,
            "email": entered.address,
            "mfa_enabled": False,
            "mfa_key": None,
            "api_key": entered.key,
        },
    )


def _login_addy(context: Context, request: Request, given: Given) -> Response:
    for field in ("username", "password", "device_name"):
        if not given.text(field):
            raise Wrong(field, f"The field {field} is missing.", "Send it.")
    days = given.text("expiration")
    if days not in DAYS:
        raise Wrong("expiration", "There is no such expiration.", "Send day, week, month, year, or none.")
    device = Device(given.text("device_name"), client.network(request), DAYS[days])
    try:
        entered = app_passwords.sign_in(context, given.text("username"), given.text("password"), device)
    except (WrongPassword, api_keys.TooManyKeys) as error:
        # The apps show its words for these statuses alone; a 422 is the question for a code to them.
        status = 401 if isinstance(error, WrongPassword) else 403
        return responses.json(status, {"message": str(error)})
    return responses.json(
        200,
        {
            "api_key": entered.key,
            "name": entered.name,
            "created_at": moment(entered.created_at),
            "expires_at": moment_or_none(entered.expires_at),
        },
    )


def mfa(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/mfa: nobody was told to come here."""
    words = "There is no second step: an app password is enough."
    if given.has("otp"):
        return responses.json(401, {"message": words})
    return responses.json(400, {"error": words})


def logout(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/auth/logout: the key works no more."""
    api_keys.revoke(context, who.user_id, who.uid)
    return responses.nothing()


def delete(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """POST /api/auth/delete-account: everything goes, when an app password of the user comes with it."""
    if not app_passwords.belongs(context, who.user_id, given.text("password")):
        raise Wrong("password", "The password is wrong.", "Give an app password, from Settings, API keys.")
    delete_account.delete(context, who.user_id, who.handle)
    return responses.nothing()


def register(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/register: not by an app, for an account has no password to begin with."""
    site = context.config.url.rstrip("/")
    if context.config.registration == registration.OPEN:
        raise BadInput("Apps cannot register here.", f"Register at {site}/register, then sign in here.")
    raise BadInput("Registration is closed.", "Ask whoever runs this server for an invitation.")


def activate(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/activate and /api/auth/reactivate: nothing waits for a code."""
    raise BadInput("There is nothing to activate here.", "Open the link that was mailed to you instead.")


def forgot_password(context: Context, request: Request, given: Given) -> Response:
    """POST /api/auth/forgot_password: the same for everybody, and nothing happens; a new app password is made on the site."""
    if not given.text("email"):
        raise BadInput("The field email is missing.", "Send it.")
    return responses.json(200, {"ok": True})
