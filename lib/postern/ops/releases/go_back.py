"""The way back from every point of a change, and the end of one: after a step failed, or after a run was killed.

Everything here can be done twice, and all that it needs to know is in the journal. Not here: the way forward (change.py).
"""

from __future__ import annotations

import contextlib
import os

from postern.base import clock
from postern.base.errors import PosternError
from postern.base.spool import sync_folder
from postern.ops import migrate
from postern.ops.releases import journal as journals
from postern.ops.releases import kept, switch, venvs
from postern.ops.releases.site import WAIT_SECONDS, Stuck, count, postern, restart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.gate import Shut
    from postern.ops.releases.journal import Journal
    from postern.ops.releases.site import Site

SHUT = ("migrate", "switch", "check")
"""States in which the database may be another, and nothing came in since the backup."""

UNDONE = ("backup", *SHUT, "late")
CLOSED = "Postern stays closed; mail is taken and waits in the spool."


def go_back(site: Site, journal: Journal, shut: Shut, reason: str) -> None:
    """Bring back the program, the schema, the packages and .env. Stuck, with the gate shut, when the schema does not go."""
    site.tell(f"Going back: {reason}")
    # Until all of it is done: whatever fails on the way, nobody may meet what is half-done.
    shut.stays = True
    back = f"Put Postern {journal.old_version} back in place"
    with _or_stuck("The program does not go back"), site.step(back):
        switch.turn(site.top, journal.entries, to_new=False)
    try:
        if journal.before >= 0 and _is_changed(site, journal):
            _schema_back(site, journal, shut)
    except PosternError as error:
        _stuck(site, journal, shut, error)
    with _or_stuck("The settings do not go back"):
        venvs.lead(site.home, journal.old_venv)
        env_back(site.home, journal)
        restart(site.top)
        settle(site)
    shut.stays = False


@contextlib.contextmanager
def _or_stuck(what: str) -> Iterator[None]:
    """Nobody is let in before all of it went back, and the operator is told so."""
    try:
        yield
    except (PosternError, OSError) as error:
        said = f"{error.reason} {error.remedy}" if isinstance(error, PosternError) else str(error)
        raise Stuck(f"{what}: {said} {CLOSED}", "Then run: postern rollback --mend") from error


def _is_changed(site: Site, journal: Journal) -> bool:
    """Whether the database is not as it was. A rollback may have restored other rows under the same migrations."""
    return (journal.back and journal.state in SHUT) or count(site) != journal.before


def _schema_back(site: Site, journal: Journal, shut: Shut) -> None:
    from postern.ops.backups import restore

    if journal.back:
        # The program that runs here is the newer one: it knows the way up.
        if journal.state == "late":
            with site.step("Apply the migrations again"), site.context.pool.connection() as db:
                migrate.up(db, site.context.config.db_schema, migrate.read_files())
        else:
            with site.step("Restore the database from the backup"):
                restore.restore(site.context, journal.backup)
        return
    program = os.path.join(site.top, switch.BESIDE)
    steps = count(site) - journal.before
    try:
        with site.step(f"Take back {steps} migration(s)"):
            postern(site, program, "migrate", "down", str(steps), "--yes", "--no-backup", files=shut.files)
    except PosternError:
        if journal.state == "late":
            raise
        with site.step("That failed. Restore the database from the backup"):
            postern(site, program, "restore", journal.backup, "--yes", "--discard", files=shut.files)


def _stuck(site: Site, journal: Journal, shut: Shut, error: PosternError) -> None:
    """Late, mail may have come in since the backup: the new program stays, which fits the schema. Else nothing is let in."""
    if journal.state == "late":
        switch.turn(site.top, journal.entries, to_new=True)
        restart(site.top)
        site.note(journal, "opened")
        shut.stays = False
        raise Stuck(
            f"The schema does not go back: {error.reason}",
            f"So Postern {journal.new_version} stays in place. The database as it was before is in {journal.backup}.",
        ) from error
    raise Stuck(
        f"The schema does not go back: {error.reason} {error.remedy} {CLOSED}",
        f"Run: postern rollback --mend. If it fails again: postern restore {journal.backup} --into NAME, set "
        "POSTERN_DB_SCHEMA=NAME in .env, and run it once more.",
    ) from error


def env_back(home: str, journal: Journal) -> None:
    """Bring back .env, where the change took another one."""
    if journal.config:
        with open(os.path.join(journal.kept, ".env"), "rb") as file:
            journals.write_private(os.path.join(home, ".env"), file.read())


def settle(site: Site) -> None:
    """It is over, one way or the other: nothing is under way any more."""
    os.unlink(journals.path_in(site.home))
    sync_folder(site.home)
    switch.clear(site.top)


def finish(site: Site, journal: Journal) -> None:
    """The new program is in use: note where one can go back to, and tidy up."""
    then = kept.Kept(
        folder=journal.kept,
        version=journal.old_version,
        migration=journal.before,
        venv=journal.old_venv,
        backup=journal.backup,
        replaced_at=str(clock.now()),
    )
    if not journal.back:
        kept.note(then)
    settle(site)
    kept.prune(site.home, journal.kept)


def mend(site: Site) -> str:
    """Finish or undo what a killed run left; returns what was done."""
    journal = journals.read(site.home)
    with site.context.pool.gate.close(WAIT_SECONDS) as shut:
        if journal is None:
            switch.clear(site.top)
            return "Nothing was left half-done."
        if journal.state in UNDONE:
            go_back(site, journal, shut, "an earlier run was interrupted.")
            return f"Postern {journal.old_version} is back in place."
    finish(site, journal)
    return f"Postern {journal.new_version} was in place already; the rest was tidied up."
