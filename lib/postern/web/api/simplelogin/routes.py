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
    ("POST", "/api/auth/facebook"): Endpoint("simplelogin.absent:social", OPEN),
    ("POST", "/api/auth/google"): Endpoint("simplelogin.absent:social", OPEN),
    ("POST", "/api/auth/apple"): Endpoint("simplelogin.absent:social", OPEN),
    # The account
    ("GET", "/api/user_info"): Endpoint("simplelogin.account:show", READ),
    ("PATCH", "/api/user_info"): Endpoint("simplelogin.account:change", ALL),
    ("GET", "/api/stats"): Endpoint("simplelogin.account:statistics", READ),
    ("PATCH", "/api/sudo"): Endpoint("simplelogin.account:sudo", READ, MAKING_COSTS),
    ("POST", "/api/api_key"): Endpoint("simplelogin.account:make_key", READ, MAKING_COSTS),
    ("DELETE", "/api/user"): Endpoint("simplelogin.account:delete", ALL, MAKING_COSTS),
    ("GET", "/api/logout"): Endpoint("simplelogin.account:log_out", READ),
    ("GET", "/api/user/cookie_token"): Endpoint("simplelogin.account:cookie_token", READ),
    ("GET", "/api/notifications"): Endpoint("simplelogin.absent:notifications", READ),
    ("POST", "/api/notifications/*/read"): Endpoint("simplelogin.absent:read_notification", READ),
    ("POST", "/api/apple/process_payment"): Endpoint("simplelogin.absent:pay", READ),
    ("GET", "/api/phone/reservations/*"): Endpoint("simplelogin.absent:phone", READ),
    ("POST", "/api/phone/reservations/*"): Endpoint("simplelogin.absent:phone", READ),
    ("GET", "/api/export/data"): Endpoint("simplelogin.export:data", READ),
    ("GET", "/api/export/aliases"): Endpoint("simplelogin.export:table", READ),
    # Settings
    ("GET", "/api/setting"): Endpoint("simplelogin.settings:show", READ),
    ("PATCH", "/api/setting"): Endpoint("simplelogin.settings:change", ALL),
    ("GET", "/api/setting/domains"): Endpoint("simplelogin.settings:domains_v1", READ),
    ("GET", "/api/v2/setting/domains"): Endpoint("simplelogin.settings:domains_v2", READ),
    ("DELETE", "/api/setting/unlink_proton_account"): Endpoint("simplelogin.absent:unlink_proton", READ),
    # Mailboxes and domains
    ("GET", "/api/mailboxes"): Endpoint("simplelogin.mailboxes:page_v1", READ),
    ("GET", "/api/v2/mailboxes"): Endpoint("simplelogin.mailboxes:page", READ),
    ("POST", "/api/mailboxes"): Endpoint("simplelogin.mailboxes:make", ALL, MAKING_COSTS),
    ("PUT", "/api/mailboxes/*"): Endpoint("simplelogin.mailboxes:change", ALL),
    ("DELETE", "/api/mailboxes/*"): Endpoint("simplelogin.mailboxes:delete", ALL),
    ("GET", "/api/custom_domains"): Endpoint("simplelogin.domains:page", READ),
    ("GET", "/api/custom_domains/*"): Endpoint("simplelogin.domains:show", READ),
    ("PATCH", "/api/custom_domains/*"): Endpoint("simplelogin.domains:change", ALL),
    ("GET", "/api/custom_domains/*/trash"): Endpoint("simplelogin.domains:deleted_aliases", READ),
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
