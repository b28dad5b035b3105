"""The job `monitor`: look at everything, keep what was found, tell what changed, and beat for the dead man's switch.

A state changes after two looks in a row, and is told once, then daily while it is bad, then once when it is well again. Who
tells claims it in the database first, so two homes do not tell the same; who dies before that is written down tells twice.
"""

from __future__ import annotations

from postern.base import clock
from postern.base.database import SYSTEM
from postern.base.errors import DatabaseUnavailable
from postern.flow.job_run import Done, home_id
from postern.ops.monitor import away, canary, machine, tell
from postern.ops.monitor.look import Look, database
from postern.ops.monitor.remedies import remedy
from postern.ops.monitor.tell import Words
from postern.store import findings, holds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.stop import Stop
    from postern.flow.context import Context
    from postern.store.findings import Finding

CERTIFICATE_SECONDS = 3600
"""A handshake with our own site every few minutes would tell nothing more."""


def work(context: Context, stop: Stop) -> Done:
    """The job `monitor`."""
    home = home_id(context)
    looks = machine.look(context, home)
    try:
        _mend(context)
        canary.send_when_due(context)
        with context.pool.connection() as db, db.transaction(SYSTEM):
            looks += database(context, db, home)
            asked = {one.name for one in findings.all_findings(db) if one.seen_seconds < CERTIFICATE_SECONDS}
        if "certificate" not in asked and not stop.why():
            looks.append(machine.certificate(context))
        _keep(context, looks)
        bad = [one for one in looks if not one.ok]
        told = _tell_all(context)
    except DatabaseUnavailable as error:
        return _without_database(context, error)
    _database_state(context, ok=True, detail="it answers")
    if not bad:
        tell.beat(context)
    return Done(
        told, f"{len(looks)} looks, {len(bad)} not well: {', '.join(one.name for one in bad) or 'none'}."
    )


def _mend(context: Context) -> None:
    """What was held just while its mailbox was resumed, so that neither saw the other."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        holds.resume(db)


def _keep(context: Context, looks: list[Look]) -> None:
    with context.pool.connection() as db, db.transaction(SYSTEM):
        for one in sorted(
            looks, key=lambda look: (look.name, look.home)
        ):  # in one order: two homes do not deadlock
            findings.note(db, one.name, one.home, ok=one.ok, detail=one.detail)


def _tell_all(context: Context) -> int:
    """One message for all that is to be told now; returns how many findings it holds."""
    with context.pool.connection() as db, db.transaction(SYSTEM):
        untold = findings.claim_untold(db)
    if not untold:
        return 0
    told = tell.tell(context, words(untold, context.config.url))
    with context.pool.connection() as db, db.transaction(SYSTEM):
        for one in untold:
            (findings.told if told else findings.give_back)(db, one)
    if told:
        for one in untold:
            context.log.warning("alert.told", check=one.name, bad=one.bad, detail=one.detail)
    return len(untold) if told else 0


def words(untold: list[Finding], url: str) -> Words:
    """What the operator reads; `url` is the site's."""
    bad, good = [one for one in untold if one.bad], [one for one in untold if not one.bad]
    names = ", ".join(one.name for one in bad) or ", ".join(one.name for one in good)
    lines = [f"{one.name}: {one.detail}. {_for_how_long(one)} {remedy(one.name, url)}" for one in bad]
    lines += [f"{one.name}: well again ({one.detail})." for one in good]
    return Words(f"Trouble: {names}" if bad else f"Well again: {names}", tuple(lines), good=not bad)


def _for_how_long(one: Finding) -> str:
    return f"Since {one.since.strftime('%Y-%m-%d %H:%M')} UTC."


def _without_database(context: Context, error: DatabaseUnavailable) -> Done:
    context.log.error("monitor.no_database", reason=error.reason)
    _database_state(context, ok=False, detail="it cannot be used")
    return Done(0, "The database cannot be used; what it would tell is unknown.")


def _database_state(context: Context, *, ok: bool, detail: str) -> None:
    state = away.look(context, ok)
    if not state.is_to_be_told(clock.now()):
        return
    if state.bad:
        said = Words(
            "Trouble: database",
            (f"database: {detail}. {remedy('database', context.config.url)}",),
            good=False,
        )
    else:
        said = Words("Well again: database", (f"database: well again ({detail}).",), good=True)
    if tell.tell(context, said):
        away.write(context, state.after_telling(clock.now()))
        context.log.warning("alert.told", check="database", bad=state.bad, detail=detail)
