"""Which page is where: method and path to the function that answers. What is under /api: web/api/door.py.

How `*` is read: web/paths.py. No address and no word of a person stands in a path (web firewalls refuse some, and logs see
all). Besides GET and POST nothing is used: firewalls refuse the rest. A module is imported when its first request comes, and
not before.
"""

from __future__ import annotations

from importlib import import_module

from postern.web.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.flow.context import Context
    from postern.web.request import Request
    from postern.web.response import Response

ROUTES = {
    ("GET", "/"): "front:show",
    ("GET", "/health"): "health:show",
    ("GET", "/health/ready"): "health:ready",
    ("GET", "/metrics"): "metrics:show",
    ("POST", "/hooks/inbound"): "hooks:inbound",
    ("POST", "/hooks/mailgun/mime"): "inbound.mailgun:take",
    ("POST", "/hooks/postmark"): "inbound.postmark:take",
    ("POST", "/hooks/ses"): "inbound.ses:take",
    ("GET", "/block/*"): "block:show",
    ("POST", "/block/*"): "block:block",
    # Signing in and out
    ("GET", "/sign-in"): "sign_in:show",
    ("POST", "/sign-in"): "sign_in:ask",
    ("GET", "/sign-in/code"): "sign_in:show_code",
    ("POST", "/sign-in/code"): "sign_in:use_code",
    ("POST", "/sign-in/passkey"): "sign_in:use_passkey",
    ("GET", "/sign-in/mail/*"): "sign_in:show_mail",
    ("POST", "/sign-in/mail/*"): "sign_in:use_mail",
    ("GET", "/sign-in/link/*"): "sign_in:show_link",
    ("POST", "/sign-in/link/*"): "sign_in:use_link",
    ("GET", "/sign-in/recovery"): "recovery:show",
    ("POST", "/sign-in/recovery"): "recovery:use",
    ("GET", "/invitation/*"): "registration:show_invitation",
    ("POST", "/invitation/*"): "registration:use_invitation",
    ("GET", "/register"): "registration:show",
    ("POST", "/register"): "registration:register",
    ("POST", "/sign-out"): "settings_sign_in:sign_out",
    ("POST", "/sign-out/everywhere"): "settings_sign_in:sign_out_everywhere",
    ("GET", "/account"): "settings_sign_in:moved",
    # Where SimpleLogin's clients open a page
    ("GET", "/onboarding"): "elsewhere:aliases",
    ("GET", "/onboarding/final"): "elsewhere:aliases",
    ("GET", "/onboarding/setup_done"): "elsewhere:aliases",
    ("GET", "/dashboard"): "elsewhere:aliases",
    ("GET", "/dashboard/"): "elsewhere:aliases",
    ("GET", "/dashboard/setup_done"): "elsewhere:aliases",
    ("GET", "/dashboard/pricing"): "elsewhere:settings",
    ("GET", "/dashboard/api_key"): "elsewhere:keys",
    ("GET", "/auth/api_to_cookie"): "elsewhere:sign_in",
    ("GET", "/auth/login"): "elsewhere:sign_in",
    ("GET", "/auth/proton/login"): "elsewhere:sign_in",
    ("GET", "/auth/register"): "elsewhere:register",
    # The tour of the first visit
    ("GET", "/welcome"): "welcome:show",
    ("POST", "/welcome/mailbox"): "welcome:add_mailbox",
    ("POST", "/welcome/alias"): "welcome:make_alias",
    ("POST", "/welcome/done"): "welcome:finish",
    # Aliases and their contacts
    ("GET", "/aliases"): "aliases:show",
    ("POST", "/aliases/random"): "aliases:make_random",
    ("POST", "/aliases/custom"): "aliases:make_custom",
    ("POST", "/aliases/bulk"): "aliases:bulk",
    ("GET", "/aliases/*"): "alias:show",
    ("POST", "/aliases/*/save"): "alias:save",
    ("POST", "/aliases/*/on"): "alias:turn_on",
    ("POST", "/aliases/*/off"): "alias:turn_off",
    ("POST", "/aliases/*/delete"): "alias:delete",
    ("POST", "/aliases/*/restore"): "alias:restore",
    ("POST", "/aliases/*/contacts"): "contacts:make",
    ("POST", "/contacts/*/block"): "contacts:block",
    ("POST", "/contacts/*/unblock"): "contacts:unblock",
    # Mailboxes
    ("GET", "/mailboxes"): "mailboxes:show",
    ("POST", "/mailboxes/add"): "mailboxes:add",
    ("POST", "/mailboxes/*/proof"): "mailboxes:send_proof",
    ("POST", "/mailboxes/*/default"): "mailboxes:make_default",
    ("POST", "/mailboxes/*/resume"): "mailboxes:resume",
    ("GET", "/mailboxes/*/delete"): "mailboxes:ask_delete",
    ("POST", "/mailboxes/*/delete"): "mailboxes:delete",
    ("GET", "/mailbox/*"): "mailboxes:show_proof",
    ("POST", "/mailbox/*"): "mailboxes:prove",
    # Domains
    ("GET", "/domains"): "domains:show",
    ("POST", "/domains/claim"): "domains:claim",
    ("POST", "/domains/subdomain"): "domains:take_subdomain",
    ("GET", "/domains/*"): "domains:show_one",
    ("POST", "/domains/*/check"): "domains:check",
    ("POST", "/domains/*/save"): "domains:save",
    ("POST", "/domains/*/describe"): "domains:describe",
    ("POST", "/domains/*/delete"): "domains:delete",
    # What happened, what waits, what failed
    ("GET", "/activity"): "activity:show",
    ("GET", "/quarantine"): "quarantine:show",
    ("POST", "/quarantine/*/release"): "quarantine:release",
    ("POST", "/quarantine/*/drop"): "quarantine:drop",
    ("GET", "/mail/*"): "quarantine:download_mail",
    ("GET", "/failed"): "failed:show",
    ("POST", "/failed/*/retry"): "failed:retry",
    ("POST", "/failed/*/drop"): "failed:drop",
    ("GET", "/blocked"): "blocked:show",
    ("POST", "/blocked"): "blocked:add",
    ("POST", "/blocked/*/remove"): "blocked:remove",
    # Settings
    ("GET", "/settings"): "settings:show",
    ("POST", "/settings"): "settings:save",
    ("GET", "/settings/sign-in"): "settings_sign_in:show",
    ("POST", "/settings/sessions/end-others"): "settings_sign_in:end_others",
    ("POST", "/settings/sessions/*/end"): "settings_sign_in:end",
    ("POST", "/settings/passkeys"): "settings_sign_in:add_passkey",
    ("GET", "/settings/passkeys/*"): "passkeys:show",
    ("POST", "/settings/passkeys/*/rename"): "passkeys:rename",
    ("POST", "/settings/passkeys/*/remove"): "passkeys:remove",
    ("POST", "/settings/recovery-codes"): "recovery:make",
    ("POST", "/settings/recovery-codes/file"): "recovery:download",
    ("GET", "/settings/apps"): "apps:show",
    ("GET", "/settings/api"): "apps:moved",
    ("GET", "/settings/api-keys"): "api_keys:show",
    ("POST", "/settings/api-keys"): "api_keys:make",
    ("POST", "/settings/api-keys/*/revoke"): "api_keys:revoke",
    ("GET", "/settings/data"): "settings_data:show",
    ("GET", "/settings/data/everything"): "settings_data:download_all",
    ("GET", "/settings/data/aliases/*"): "settings_data:download_table",
    ("GET", "/settings/data/import"): "settings_import:show",
    ("POST", "/settings/data/import"): "settings_import:send",
    ("POST", "/settings/data/import/make"): "settings_import:make",
    ("POST", "/settings/data/delete"): "settings_data:delete",
    # For admins
    ("GET", "/admin"): "admin_users:show",
    ("GET", "/admin/users/*"): "admin_users:show_one",
    ("POST", "/admin/users/*/enable"): "admin_users:enable",
    ("POST", "/admin/users/*/disable"): "admin_users:disable",
    ("POST", "/admin/users/*/role"): "admin_users:set_role",
    ("POST", "/admin/users/*/quotas"): "admin_users:set_quotas",
    ("POST", "/admin/users/*/delete"): "admin_users:delete",
    ("GET", "/admin/invitations"): "admin_invitations:show",
    ("POST", "/admin/invitations"): "admin_invitations:make",
    ("POST", "/admin/invitations/*/revoke"): "admin_invitations:revoke",
    ("GET", "/admin/operation"): "admin_operation:show",
    ("POST", "/admin/deliveries/*/retry"): "admin_operation:retry",
    ("POST", "/admin/deliveries/*/drop"): "admin_operation:drop",
    ("GET", "/admin/figures"): "admin_figures:show",
    ("GET", "/admin/log"): "admin_log:show",
    ("GET", "/admin/help"): "help:show",
    ("GET", "/admin/help/*"): "help:show_one",
    ("GET", "/admin/help/img/*"): "help:picture",
}
"""Method and path to `module:function` in postern.web."""


PATHS = Paths(ROUTES)


def pattern(path: str) -> str:
    """The path as ROUTES names it, or `*`."""
    return PATHS.pattern(path)


def find_handler(request: Request) -> Callable[[Context, Request], Response]:
    """The handler of a request. NotFound or MethodNotAllowed."""
    path = pattern(request.path)
    where = ROUTES.get(("GET" if request.method == "HEAD" else request.method, path))
    if where is None:
        raise PATHS.refusal(path)
    module, _, name = where.partition(":")
    handler: Callable[[Context, Request], Response] = getattr(import_module("postern.web." + module), name)
    return handler
