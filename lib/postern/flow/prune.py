"""Pruning: what is past its time is deleted (docs/queue.md, last section). The job `purge`."""

from __future__ import annotations

from postern.base.database import SYSTEM
from postern.base.stop import Stop
from postern.flow import job_run, job_table, quarantine
from postern.flow.job_run import Done
from postern.store import (
    api_keys,
    canaries,
    domains,
    events,
    figures,
    findings,
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
    from collections.abc import Callable

    from postern.base.database import Database
    from postern.flow.context import Context

OVERDUE_SECONDS = 2 * 86400


def work(context: Context, stop: Stop) -> Done:
    """The job `purge`: step by step, so that it can stop between two."""
    deleted = 0
    for step in _steps(context):
        if stop.why():
            return Done(deleted, f"{deleted} rows deleted; the rest goes next time, for {stop.why()}.")
        with context.pool.connection() as db, db.transaction(SYSTEM):
            deleted += step(db)
    return Done(deleted, f"{deleted} rows deleted.")


def prune_when_overdue(context: Context) -> Done | None:
    """For a host whose crontab has but one line: purge, when no home did it for two days."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        overdue = jobs.is_due(db, "purge", OVERDUE_SECONDS)
    return job_run.run(context, job_table.get("purge"), Stop()) if overdue else None


def _steps(context: Context) -> list[Callable[[Database], int]]:
    """What each deletes, and returns the number of rows."""
    config = context.config
    return [
        webhook_ids.forget_old,
        fingerprints.forget_old,
        lambda db: messages.clear_failed(db, config.keep_failed_days),
        lambda db: messages.forget_old(db, config.keep_sent_days),
        lambda db: events.forget_old(db, config.keep_sent_days),
        relays.forget_old,
        sessions.forget_old,
        sign_in_links.forget_old,
        sign_in_codes.forget_old,
        passkey_challenges.forget_old,
        api_keys.forget_old,
        users.forget_unconfirmed,
        invitations.forget_old,
        lambda db: _held(context, db),
        lambda db: retired.purge(db, context.ring),
        domains.forget_claims,
        thread_ids.forget_old,
        quotas.forget_old,
        stats.forget_old,
        imports.forget_old,
        jobs.forget_old,
        findings.forget_old,
        canaries.forget_old,
        figures.forget_old,
    ]


def _held(context: Context, db: Database) -> int:
    # Held just while its mailbox was resumed: neither saw the other. Before the quarantine gives anything up.
    holds.resume(db)
    return quarantine.expire(context, db)
