"""SimpleLogin's endpoints: method and path to what answers. Read by web/api/door.py."""

from __future__ import annotations

from postern.store.api_keys import ALIASES, ALL, READ
from postern.web.api.endpoint import MAKING_COSTS, OPEN, Endpoint

ROUTES = {
    ("GET", "/api/openapi.json"): Endpoint("openapi.serve:show", OPEN),
    # Signing in, also in addy.io's dialect
    ("POST", "/api/auth/login"): Endpoint("auth:login", OPEN),
    ("POST", "/api/auth/mfa"): Endpoint("auth:mfa", OPEN),
    ("POST", "/api/auth/logout"): Endpoint("auth:logout", READ),
    ("POST", "/api/auth/delete-account"): Endpoint("auth:delete", ALL, MAKING_COSTS),
    ("POST", "/api/auth/register"): Endpoint("auth:register", OPEN),
    ("POST", "/api/auth/activate"): Endpoint("auth:activate", OPEN),
    ("POST", "/api/auth/reactivate"): Endpoint("auth:activate", OPEN),
    ("POST", "/api/auth/forgot_password"): Endpoint("auth:forgot_password", OPEN),
    # Aliases
    ("GET", "/api/v4/alias/options"): Endpoint("simplelogin.new_alias:options_v4", READ),
    ("GET", "/api/v5/alias/options"): Endpoint("simplelogin.new_alias:options_v5", READ),
    ("POST", "/api/alias/random/new"): Endpoint("simplelogin.new_alias:make_random", ALIASES, MAKING_COSTS),
    ("POST", "/api/v2/alias/custom/new"): Endpoint(
        "simplelogin.new_alias:make_custom_v2", ALIASES, MAKING_COSTS
    ),
    ("POST", "/api/v3/alias/custom/new"): Endpoint(
        "simplelogin.new_alias:make_custom_v3", ALIASES, MAKING_COSTS
    ),
    ("GET", "/api/v2/aliases"): Endpoint("simplelogin.aliases:page", READ),
    ("POST", "/api/v2/aliases"): Endpoint("simplelogin.aliases:page", READ),
    ("GET", "/api/aliases"): Endpoint("simplelogin.aliases:page_v1", READ),
    ("POST", "/api/aliases"): Endpoint("simplelogin.aliases:page_v1", READ),
    ("GET", "/api/aliases/*"): Endpoint("simplelogin.aliases:show", READ),
    ("PUT", "/api/aliases/*"): Endpoint("simplelogin.aliases:change", ALIASES),
    ("PATCH", "/api/aliases/*"): Endpoint("simplelogin.aliases:change", ALIASES),
    ("DELETE", "/api/aliases/*"): Endpoint("simplelogin.aliases:delete", ALIASES),
    ("POST", "/api/aliases/*/toggle"): Endpoint("simplelogin.aliases:toggle", ALIASES),
    ("GET", "/api/aliases/*/activities"): Endpoint("simplelogin.aliases:activities", READ),
    ("GET", "/api/aliases/*/contacts"): Endpoint("simplelogin.contacts:page", READ),
    ("POST", "/api/aliases/*/contacts"): Endpoint("simplelogin.contacts:make", ALIASES),
    ("DELETE", "/api/contacts/*"): Endpoint("simplelogin.contacts:delete", ALIASES),
    ("POST", "/api/contacts/*/toggle"): Endpoint("simplelogin.contacts:toggle", ALIASES),
}
