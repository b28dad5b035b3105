"""The account: its user, what asks for a password, and what ends it."""

from __future__ import annotations

from postern.web.api.contract import Contract, Maybe, Named

USER = Named(
    "User",
    {
        "name": str,
        "email": str,
        "is_premium": bool,
        "in_trial": bool,
        "trial_end_timestamp": Maybe(int),
        "max_alias_free_plan": int,
        "connected_proton_address": Maybe(str),
        "can_create_reverse_alias": bool,
        "profile_picture_url": Maybe(str),
    },
)

OK = {"ok": bool}

CONTRACTS = {
    ("GET", "/api/user_info"): Contract(
        "Who the key's user is. There are no plans: all is allowed.", {200: USER}
    ),
    ("PATCH", "/api/user_info"): Contract(
        "Change the user. Nothing can be changed: a picture is passed over, and another name is refused.",
        {200: USER},
        body={"name?": str, "profile_picture?": str},
    ),
    ("GET", "/api/stats"): Contract(
        "How many aliases there are, and what they forwarded, blocked and sent.",
        {200: {"nb_alias": int, "nb_block": int, "nb_forward": int, "nb_reply": int}},
    ),
    ("PATCH", "/api/sudo"): Contract(
        "Give an app password. For five minutes the key may do what asks for one.",
        {200: OK},
        body={"password": str},
        fails=(403,),
    ),
    ("POST", "/api/api_key"): Contract(
        "Make another key. It may as much as the one that asks, and lasts as long.",
        {201: {"api_key": str}},
        body={"device?": str},
        fails=(440,),
    ),
    ("DELETE", "/api/user"): Contract(
        "Delete the account with everything in it, at once.", {200: OK}, fails=(440,)
    ),
    ("GET", "/api/logout"): Contract(
        "Log out. The key goes on working: its client forgets it.", {200: {"msg": str}}
    ),
    ("GET", "/api/user/cookie_token"): Contract(
        "A token for a page of the site. It opens nothing: the page asks people to sign in.",
        {200: {"token": str}},
    ),
}
