"""Signing in, in both dialects: SimpleLogin's fields, or addy.io's."""

from __future__ import annotations

from postern.web.api.contract import EMPTY, MOMENT, Contract, Either, Maybe, OneOf

_OUR_KEY = {"name": str, "email": str, "mfa_enabled": bool, "mfa_key": Maybe(str), "api_key": str}
_ADDYS_KEY = {"api_key": str, "name": str, "created_at": MOMENT, "expires_at": Maybe(MOMENT)}

CONTRACTS = {
    ("POST", "/api/auth/login"): Contract(
        "Get an API key for an app password. SimpleLogin's clients send email, password and device; addy.io's send username, "
        "password, device_name and expiration.",
        {200: Either(_OUR_KEY, _ADDYS_KEY)},
        body={
            "email?": str,
            "device?": str,
            "username?": str,
            "device_name?": str,
            "expiration?": OneOf("day", "week", "month", "year"),
            "password": str,
        },
        fails=(401, 403),
    ),
    ("POST", "/api/auth/mfa"): Contract(
        "The second step of signing in. There is none: an app password is enough, and this always fails.",
        {},
        body={"mfa_token?": str, "mfa_key?": str, "device?": str, "otp?": str, "device_name?": str},
        fails=(401,),
    ),
    ("POST", "/api/auth/logout"): Contract("End the key that asks.", {204: EMPTY}),
    ("POST", "/api/auth/delete-account"): Contract(
        "Delete the account with everything in it. It asks for an app password once more.",
        {204: EMPTY},
        body={"password": str},
    ),
    ("POST", "/api/auth/register"): Contract(
        "Make an account. Apps cannot: this always fails, and says where people can.",
        {},
        body={"email?": str, "password?": str},
    ),
    ("POST", "/api/auth/activate"): Contract(
        "Confirm an account by a code. There is none: this always fails.",
        {},
        body={"email?": str, "code?": str},
    ),
    ("POST", "/api/auth/reactivate"): Contract(
        "Ask for another code. There is none: this always fails.", {}, body={"email?": str}
    ),
    ("POST", "/api/auth/forgot_password"): Contract(
        "Ask for a new password. Nothing happens: a new app password is made under Settings, API keys.",
        {200: {"ok": bool}},
        body={"email": str},
    ),
}
