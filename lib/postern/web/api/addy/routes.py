"""addy.io's endpoints: method and path to what answers. Read by web/api/door.py."""

from __future__ import annotations

from postern.store.api_keys import ALIASES, ALL, READ
from postern.web.api.endpoint import MAKING_COSTS, Endpoint

BULK_COSTS = 5
"""Seconds of a key's rate: twelve bulk calls a minute."""

PGP_SWITCHES = (
    "encrypted-recipients",
    "inline-encrypted-recipients",
    "protected-headers-recipients",
    "remove-pgp-keys-recipients",
    "remove-pgp-signatures-recipients",
)


def _places(name: str) -> dict[tuple[str, str], Endpoint]:
    """What domains and usernames have alike."""
    return {
        ("GET", f"/api/v1/{name}"): Endpoint("addy.places:listing", READ),
        ("POST", f"/api/v1/{name}"): Endpoint(f"addy.{name}:add", ALL, MAKING_COSTS),
        ("GET", f"/api/v1/{name}/*"): Endpoint("addy.places:show", READ),
        ("PATCH", f"/api/v1/{name}/*"): Endpoint("addy.places:describe", ALL),
        ("DELETE", f"/api/v1/{name}/*"): Endpoint("addy.places:delete", ALL),
        ("PATCH", f"/api/v1/{name}/*/default-recipient"): Endpoint("addy.places:set_recipient", ALL),
        ("POST", f"/api/v1/active-{name}"): Endpoint("addy.places:activate", ALL),
        ("DELETE", f"/api/v1/active-{name}/*"): Endpoint("addy.places:deactivate", ALL),
        ("POST", f"/api/v1/catch-all-{name}"): Endpoint("addy.places:catch_all", ALL),
        ("DELETE", f"/api/v1/catch-all-{name}/*"): Endpoint("addy.places:catch_none", ALL),
    }


ROUTES = {
    # Aliases
    ("GET", "/api/v1/domain-options"): Endpoint("addy.new_alias:options", READ),
    ("GET", "/api/v1/aliases"): Endpoint("addy.aliases:listing", READ),
    ("POST", "/api/v1/aliases"): Endpoint("addy.new_alias:make", ALIASES, MAKING_COSTS),
    ("GET", "/api/v1/aliases/*"): Endpoint("addy.aliases:show", READ),
    ("PATCH", "/api/v1/aliases/*"): Endpoint("addy.aliases:describe", ALIASES),
    ("DELETE", "/api/v1/aliases/*"): Endpoint("addy.aliases:delete", ALIASES),
    ("PATCH", "/api/v1/aliases/*/restore"): Endpoint("addy.aliases:restore", ALIASES),
    ("DELETE", "/api/v1/aliases/*/forget"): Endpoint("addy.aliases:forget", ALIASES),
    ("POST", "/api/v1/active-aliases"): Endpoint("addy.alias_switches:activate", ALIASES),
    ("DELETE", "/api/v1/active-aliases/*"): Endpoint("addy.alias_switches:deactivate", ALIASES),
    ("POST", "/api/v1/pinned-aliases"): Endpoint("addy.alias_switches:pin", ALIASES),
    ("DELETE", "/api/v1/pinned-aliases/*"): Endpoint("addy.alias_switches:unpin", ALIASES),
    ("POST", "/api/v1/attached-recipients-only"): Endpoint("addy.alias_switches:attach_only", ALIASES),
    ("DELETE", "/api/v1/attached-recipients-only/*"): Endpoint("addy.alias_switches:attach_all", ALIASES),
    ("POST", "/api/v1/alias-recipients"): Endpoint("addy.alias_switches:set_recipients", ALIASES),
    ("POST", "/api/v1/aliases/get/bulk"): Endpoint("addy.alias_bulk:get", READ, BULK_COSTS),
    ("POST", "/api/v1/aliases/activate/bulk"): Endpoint("addy.alias_bulk:activate", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/deactivate/bulk"): Endpoint("addy.alias_bulk:deactivate", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/pin/bulk"): Endpoint("addy.alias_bulk:pin", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/unpin/bulk"): Endpoint("addy.alias_bulk:unpin", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/delete/bulk"): Endpoint("addy.alias_bulk:delete", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/restore/bulk"): Endpoint("addy.alias_bulk:restore", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/forget/bulk"): Endpoint("addy.alias_bulk:forget", ALIASES, BULK_COSTS),
    ("POST", "/api/v1/aliases/recipients/bulk"): Endpoint(
        "addy.alias_bulk:set_recipients", ALIASES, BULK_COSTS
    ),
    # Mailboxes, which are recipients here
    ("GET", "/api/v1/recipients"): Endpoint("addy.recipients:listing", READ),
    ("POST", "/api/v1/recipients"): Endpoint("addy.recipients:add", ALL, MAKING_COSTS),
    ("POST", "/api/v1/recipients/email/resend"): Endpoint("addy.recipients:send_proof", ALL, MAKING_COSTS),
    ("GET", "/api/v1/recipients/*"): Endpoint("addy.recipients:show", READ),
    ("DELETE", "/api/v1/recipients/*"): Endpoint("addy.recipients:delete", ALL),
    ("POST", "/api/v1/allowed-recipients"): Endpoint("addy.recipients:allow", ALL),
    ("DELETE", "/api/v1/allowed-recipients/*"): Endpoint("addy.recipients:disallow", ALL),
    ("PATCH", "/api/v1/recipient-keys/*"): Endpoint("addy.recipients:switch_pgp_on", ALL),
    ("DELETE", "/api/v1/recipient-keys/*"): Endpoint("addy.recipients:switch_pgp_off", ALL),
    **{("POST", f"/api/v1/{name}"): Endpoint("addy.recipients:switch_pgp_on", ALL) for name in PGP_SWITCHES},
    **{
        ("DELETE", f"/api/v1/{name}/*"): Endpoint("addy.recipients:switch_pgp_off", ALL)
        for name in PGP_SWITCHES
    },
    # The account, the key, the server
    ("GET", "/api/v1/account-details"): Endpoint("addy.account:details", READ),
    ("GET", "/api/v1/api-token-details"): Endpoint("addy.account:token", READ),
    ("GET", "/api/v1/app-version"): Endpoint("addy.account:version", READ),
    ("GET", "/api/v1/chart-data"): Endpoint("addy.account:chart", READ),
    # What did not arrive
    ("GET", "/api/v1/failed-deliveries"): Endpoint("addy.failed_deliveries:listing", READ),
    ("GET", "/api/v1/failed-deliveries/*"): Endpoint("addy.failed_deliveries:show", READ),
    ("DELETE", "/api/v1/failed-deliveries/*"): Endpoint("addy.failed_deliveries:delete", ALL),
    ("GET", "/api/v1/failed-deliveries/*/download"): Endpoint("addy.failed_deliveries:fetch", ALL),
    ("POST", "/api/v1/failed-deliveries/*/resend"): Endpoint("addy.failed_deliveries:resend", ALL),
    # Rules: there are none
    ("GET", "/api/v1/rules"): Endpoint("addy.rules:listing", READ),
    ("POST", "/api/v1/rules"): Endpoint("addy.rules:refuse", ALL),
    ("GET", "/api/v1/rules/*"): Endpoint("addy.rules:one", READ),
    ("PATCH", "/api/v1/rules/*"): Endpoint("addy.rules:one", ALL),
    ("DELETE", "/api/v1/rules/*"): Endpoint("addy.rules:one", ALL),
    ("POST", "/api/v1/reorder-rules"): Endpoint("addy.rules:refuse", ALL),
    ("POST", "/api/v1/active-rules"): Endpoint("addy.rules:one", ALL),
    ("DELETE", "/api/v1/active-rules/*"): Endpoint("addy.rules:one", ALL),
    # Domains, and subdomains, which are usernames here
    **_places("domains"),
    **_places("usernames"),
    ("POST", "/api/v1/loginable-usernames"): Endpoint("addy.usernames:let_in", ALL),
    ("DELETE", "/api/v1/loginable-usernames/*"): Endpoint("addy.usernames:keep_out", ALL),
    # Senders from whom no mail is wanted
    ("GET", "/api/v1/blocklist"): Endpoint("addy.blocklist:listing", READ),
    ("POST", "/api/v1/blocklist"): Endpoint("addy.blocklist:add", ALIASES, MAKING_COSTS),
    ("POST", "/api/v1/blocklist/store/bulk"): Endpoint("addy.blocklist:add_many", ALIASES, MAKING_COSTS),
    ("POST", "/api/v1/blocklist/delete/bulk"): Endpoint("addy.blocklist:delete_many", ALIASES, BULK_COSTS),
    ("DELETE", "/api/v1/blocklist/*"): Endpoint("addy.blocklist:delete", ALIASES),
}
