"""The account, the key and the server in addy.io's dialect: what its apps ask for when they start."""

from __future__ import annotations

import postern
from postern.store import domains, mailboxes, preferences, quotas, stats, users
from postern.web import response as responses
from postern.web.api.addy.new_alias import FORMATS, preferred
from postern.web.api.addy.times import moment, moment_or_none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context
    from postern.store.api_keys import Bearer
    from postern.web.api.given import Given
    from postern.web.request import Request
    from postern.web.response import Response

LEVEL = (1, 6, 4)
"""The release of addy.io whose API this is: its apps refuse older ones (Android's before 1.5.0, iOS's before 1.6.2)."""

WEEK = 7


def details(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/account-details. What Android's model takes no null for is none."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        return responses.json(200, {"data": {**_account(context, db, who), **_counts(context, db, who)}})


def version(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/app-version: addy.io's level; ours stands in a header."""
    major, minor, patch = LEVEL
    shape = {"version": f"{major}.{minor}.{patch}", "major": major, "minor": minor, "patch": patch}
    return responses.json(200, shape, ("X-Postern-Version", postern.__version__))


def token(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/api-token-details: the key that asks."""
    return responses.json(
        200,
        {
            "name": who.name(context.ring),
            "created_at": moment(who.created_at),
            "expires_at": moment_or_none(who.expires_at),
        },
    )


def chart(context: Context, request: Request, who: Bearer, given: Given) -> Response:
    """GET /api/v1/chart-data: the last seven days (UTC), today last."""
    with context.pool.connection() as db, db.transaction(who.user_id):
        days = stats.days(db, who.user_id, WEEK)
    forwards, replies = [one.forwarded for one in days], [one.replied for one in days]
    return responses.json(
        200,
        {
            "forwardsData": forwards,
            "repliesData": replies,
            "sendsData": [0] * WEEK,
            "labels": [f"{one.day:%A}" for one in days],
            "outboundMessageTotals": [sum(forwards), sum(replies), 0],
        },
    )


def _account(context: Context, db: Database, who: Bearer) -> dict[str, object]:
    """Who it is, and what is set. Banners and subjects of one's own are none of ours."""
    user = users.get(db, who.user_id)
    assert user is not None
    own = mailboxes.of_user(db, who.user_id)
    default = [str(one.uid) for one in own if one.is_default] or [str(one.uid) for one in own] or [""]
    chosen = preferences.of_user(db, who.user_id)
    return {
        "id": str(user.uid),
        "username": user.handle,
        "from_name": None,
        "email_subject": None,
        "banner_location": "off",
        "spam_warning_behaviour": "off",
        "default_username_id": str(user.uid),
        "default_recipient_id": default[0],
        "default_alias_domain": preferred(domains.usable(db, who.user_id), chosen),
        "default_alias_format": FORMATS[chosen.default_kind],
        "alias_separator": ".",
        "created_at": moment(user.created_at),
        "updated_at": moment(user.created_at),
    }


def _counts(context: Context, db: Database, who: Bearer) -> dict[str, object]:
    """How much there is, and may be. A bandwidth limit of 0 stands for none: ours are by the day, not by the month."""
    totals = stats.totals(db, who.user_id)
    limits = quotas.limits(db, context.config, who.user_id)
    own = domains.of_user(db, who.user_id)
    return {
        "bandwidth": totals.bytes,
        "bandwidth_limit": 0,
        "username_count": sum(one.parent_id is not None for one in own),
        "username_limit": limits["domains"],
        "recipient_count": len(mailboxes.of_user(db, who.user_id)),
        "recipient_limit": limits["mailboxes"],
        "active_domain_count": sum(one.parent_id is None and one.verified_at is not None for one in own),
        "active_domain_limit": limits["domains"],
        "active_shared_domain_alias_count": totals.shared,
        "active_shared_domain_alias_limit": limits["aliases"],
        "active_rule_count": 0,
        "active_rule_limit": 0,
        "total_emails_forwarded": totals.forwarded,
        "total_emails_blocked": totals.blocked,
        "total_emails_replied": totals.replied,
        "total_emails_sent": 0,
        "total_aliases": totals.aliases,
        "total_active_aliases": totals.on,
        "total_inactive_aliases": totals.off,
        "total_pinned_aliases": totals.pinned,
        "total_deleted_aliases": totals.deleted,
    }
