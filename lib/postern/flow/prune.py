"""Pruning: what is past its time is deleted (docs/queue.md, last section). Runs at the end of a drain, once an hour."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.flow import quarantine
from postern.store import (
    api_keys,
    domains,
    events,
    fingerprints,
    holds,
    imports,
    invitations,
    jobs,
    messages,
    passkey_challenges,
    quotas,
    relays,
    retired,
    sessions,
    sign_in_codes,
    sign_in_links,
    stats,
    thread_ids,
    users,
    webhook_ids,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.database import Database
    from postern.flow.context import Context

EVERY_SECONDS = 3600


def prune_when_due(context: Context, home_id: str) -> int:
    """Prune unless some home did within the hour; returns the rows deleted."""
    with context.pool.connection() as db:
        with db.transaction(SYSTEM):
            if not jobs.is_due(db, "prune", EVERY_SECONDS):
                return 0
            jobs.begin(db, "prune", home_id)
        with db.transaction(SYSTEM):
            # Held just while its mailbox was resumed: neither saw the other. Before the quarantine gives anything up.
            holds.resume(db)
            deleted = _prune(context, db)
            jobs.end(db, "prune", home_id, ok=True, items=deleted)
    return deleted


def _prune(context: Context, db: Database) -> int:
    config = context.config
    return (
        webhook_ids.forget_old(db)
        + fingerprints.forget_old(db)
        + messages.clear_failed(db, config.keep_failed_days)
        + messages.forget_old(db, config.keep_sent_days)
        + events.forget_old(db, config.keep_sent_days)
        + relays.forget_old(db)
        + sessions.forget_old(db)
        + sign_in_links.forget_old(db)
        + sign_in_codes.forget_old(db)
        + passkey_challenges.forget_old(db)
        + api_keys.forget_old(db)
        + users.forget_unconfirmed(db)
        + invitations.forget_old(db)
        + quarantine.expire(context, db)
        + retired.purge(db, context.ring)
        + domains.forget_claims(db)
        + thread_ids.forget_old(db)
        + quotas.forget_old(db)
        + stats.forget_old(db)
        + imports.forget_old(db)
    )
