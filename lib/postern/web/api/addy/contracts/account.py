"""The account, the key and the server."""

from __future__ import annotations

from postern.web.api.contract import MOMENT, UUID, Contract, Either, Maybe, Named, OneOf

_ACCOUNT = Named(
    "AddyAccount",
    {
        "id": UUID,
        "username": str,
        "from_name": Maybe(str),
        "email_subject": Maybe(str),
        "banner_location": OneOf("off"),
        "spam_warning_behaviour": OneOf("off"),
        "bandwidth": int,
        "bandwidth_limit": int,
        "username_count": int,
        "username_limit": int,
        "default_username_id": UUID,
        "default_recipient_id": Either(UUID, OneOf("")),
        "default_alias_domain": str,
        "default_alias_format": OneOf("random_characters", "uuid", "random_words"),
        "alias_separator": str,
        "recipient_count": int,
        "recipient_limit": int,
        "active_domain_count": int,
        "active_domain_limit": int,
        "active_shared_domain_alias_count": int,
        "active_shared_domain_alias_limit": int,
        "active_rule_count": int,
        "active_rule_limit": int,
        "total_emails_forwarded": int,
        "total_emails_blocked": int,
        "total_emails_replied": int,
        "total_emails_sent": int,
        "total_aliases": int,
        "total_active_aliases": int,
        "total_inactive_aliases": int,
        "total_pinned_aliases": int,
        "total_deleted_aliases": int,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
)

CONTRACTS = {
    ("GET", "/api/v1/account-details"): Contract(
        "The account, and what is counted of it.", {200: {"data": _ACCOUNT}}
    ),
    ("GET", "/api/v1/api-token-details"): Contract(
        "The key that asks.", {200: {"name": str, "created_at": MOMENT, "expires_at": Maybe(MOMENT)}}
    ),
    ("GET", "/api/v1/app-version"): Contract(
        "The release of addy.io whose API this is. X-Postern-Version tells the server's own.",
        {200: {"version": str, "major": int, "minor": int, "patch": int}},
    ),
    ("GET", "/api/v1/chart-data"): Contract(
        "Messages of the last seven days, today last. Days are those of UTC.",
        {
            200: {
                "forwardsData": [int],
                "repliesData": [int],
                "sendsData": [int],
                "labels": [str],
                "outboundMessageTotals": [int],
            }
        },
    ),
}
