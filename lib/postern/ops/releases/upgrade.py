"""Upgrade and rollback, from the source that the operator names to the note of what can be gone back to.

What can fail without anybody noticing comes first: unpacking, checking, packages, byte code, and whether the new program starts
at all. Only then is the gate shut (change.py). The process runs from a copy of the program (kept.py): the folder that
it came from changes under it.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile

from postern.base import home as homes
from postern.base.errors import Busy, Conflict
from postern.base.lock import FileLock
from postern.ops import byte_code, migrate
from postern.ops.releases import change, kept, release, switch, venvs
from postern.ops.releases import journal as journals
from postern.ops.releases.go_back import finish, mend
from postern.ops.releases.journal import Journal
from postern.ops.releases.release import BadRelease, Release
from postern.ops.releases.site import Site, StepFailed, postern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.gate import Shut
    from postern.ops.releases.kept import Kept


@contextlib.contextmanager
def alone(home: str) -> Iterator[None]:
    """One upgrade or rollback at a time."""
    lock = FileLock(os.path.join(home, "run", "upgrade.lock"))
    if not lock.acquire():
        raise Busy("Another upgrade or rollback is at work.", "Wait until it has ended.")
    with lock:
        yield


def upgrade(site: Site, source: str, *, offline: str = "", force: bool = False) -> str:
    """Put the release `source` (an archive, or a folder) in place of the running one; returns its version."""
    with alone(site.home), _unpacked(site, source) as new:
        _check_order(site, new.version, force)
        journal = _prepare(site, new, offline)

        def migrate_up(shut: Shut) -> None:
            with site.step("Migrate the database"):
                postern(
                    site,
                    _beside(site),
                    "migrate",
                    "up",
                    "--no-backup",
                    files=shut.files,
                    packages=venvs.folder_of(site.home, journal.new_venv),
                )

        _change(site, journal, migrate_up)
    return new.version


def rollback(
    site: Site, then: Kept, *, restore: bool = False, config: bool = False, offline: str = ""
) -> str:
    """Put a kept release back in place, with the schema of then; returns its version."""
    if restore:
        _examine(site, then)
    old = Release(then.folder, then.version, tuple(release.files(then.folder)))
    with alone(site.home):
        journal = _prepare(site, old, offline, then.venv)
        journal.back, journal.config = True, config

        def migrate_down(_: Shut) -> None:
            with site.step("Restore the backup of then" if restore else "Take migrations back"):
                _schema_of(site, then, restore)
            _env_of(site, then, journal)

        _change(site, journal, migrate_down)
        kept.forget(then)
    return then.version


def take_up(site: Site) -> str:
    """Finish or undo what a killed run left; returns what was done."""
    with alone(site.home):
        return mend(site)


def losses(site: Site, then: Kept) -> list[str]:
    """What the database loses on the way back, as the down migrations say it."""
    with site.context.pool.connection() as db:
        states = migrate.status(db, migrate.read_files())
    applied = [state.number for state in states if state.applied_at]
    gone = [one for one in migrate.read_files() if then.migration < one.number <= max(applied, default=0)]
    pattern = re.compile(r"\bDROP\s+(TABLE|COLUMN)\s+(?:IF\s+EXISTS\s+)?(\w+)", re.IGNORECASE)
    return [
        f"{found[1].lower()} {found[2]} (migration {one.number:04}_{one.name})"
        for one in gone
        for found in pattern.finditer(one.down)
    ]


def _change(site: Site, journal: Journal, move: change.Move) -> None:
    before = change.look(site)
    try:
        change.carry_out(site, journal, move, before)
    except BaseException:
        if journals.read(site.home) is None:
            switch.clear(site.top)
        raise
    finish(site, journal)
    _deliver(site)


@contextlib.contextmanager
def _unpacked(site: Site, source: str) -> Iterator[Release]:
    """The source as a checked folder that goes afterwards. A clone is packed first, by its own program."""
    # What failed runs left takes the room that this one needs.
    kept.prune(site.home, homes.program())
    with tempfile.TemporaryDirectory(prefix=".source-", dir=os.path.join(site.home, "releases")) as folder:
        archive = source
        with site.step(f"Check {os.path.basename(source.rstrip('/'))}"):
            if os.path.isdir(source) and not release.has_manifest(source):
                postern(site, source, "pack", folder)
                archive = os.path.join(folder, f"postern-{release.version(source)}.zip")
            place = source
            if os.path.isfile(archive):
                place = os.path.join(folder, "program")
                release.unpack(archive, place)
            elif not os.path.isdir(source):
                raise BadRelease(
                    f"There is nothing at {source}.", "Name a release archive, or the folder of a clone."
                )
            new = release.check(place)
        yield new


def _check_order(site: Site, version: str, force: bool) -> None:
    running = release.version(site.top)
    if release.order(version) < release.order(running) and not force:
        raise Conflict(
            f"Postern {version} is older than the running {running}.",
            "To go back: postern rollback. To do it anyway: --force.",
        )
    word = " (the same version)" if version == running else ""
    site.tell(f"From Postern {running} to {version}{word}.")


def _prepare(site: Site, new: Release, offline: str, venv: str = "") -> Journal:
    """All that can be done while everything runs; its failure changes nothing."""
    link = os.path.join(site.home, "venv")
    journal = Journal(
        state="staged",
        top=site.top,
        kept=homes.program(),
        old_version=release.version(site.top),
        new_version=new.version,
        old_venv=os.readlink(link) if os.path.islink(link) else "",
    )
    is_there = venv != "" and os.path.isdir(os.path.join(site.home, venv))
    journal.new_venv = venv if is_there else journal.old_venv
    if not is_there and venvs.requirements(new.folder) != venvs.requirements(site.top):
        with site.step("Install the packages that it needs"):
            journal.new_venv = venvs.install(site, new.folder, offline)
    with site.step("Lay it beside the running one"):
        journal.entries = switch.stage(new, site.top)
    try:
        with site.step("Try whether it starts here"):
            _try(site, new, journal.new_venv)
    except BaseException:
        switch.clear(site.top)
        raise
    return journal


def _try(site: Site, new: Release, venv: str) -> None:
    """Its code compiles under this Python, and its command line starts."""
    beside = _beside(site)
    for folder in ("lib", "cron"):
        path = os.path.join(beside, folder)
        if not byte_code.compile_folder(path, stripdir=beside, prependdir=site.top):
            release.check_code(new)
            # compileall does not tell one failure from another.
            raise StepFailed(
                f"The byte code of {path} cannot be written.",
                "Its folder must belong to this account, on a disk with room.",
            )
    said = postern(site, beside, "--version", packages=venvs.folder_of(site.home, venv)).split()
    if said[-1:] != [new.version]:
        raise BadRelease(
            f"The program calls itself {' '.join(said)}, not {new.version}.", "Download it again."
        )


def _beside(site: Site) -> str:
    return os.path.join(site.top, switch.BESIDE)


def _schema_of(site: Site, then: Kept, restore: bool) -> None:
    if restore:
        from postern.ops.backups.restore import restore as restore_backup

        restore_backup(site.context, then.backup)
        return
    with site.context.pool.connection() as db:
        states = migrate.status(db, migrate.read_files())
        have = sum(state.applied_at is not None for state in states)
        migrate.down(db, migrate.read_files(), max(0, have - then.migration))


def _examine(site: Site, then: Kept) -> None:
    """While everything runs: a backup that is gone or broken changes nothing."""
    from postern.ops.backups import restore

    with site.step("Read the backup of then"):
        restore.examine(site.context.ring, then.backup)


def _env_of(site: Site, then: Kept, journal: Journal) -> None:
    """The .env of then is laid beside the one in use, or takes its place; that one holds keys, and is laid beside then."""
    if not os.path.exists(os.path.join(then.folder, ".env")):
        return
    running = os.path.basename(journal.kept)
    if journal.config:
        _lay_env(site, journal.kept, f".env.{running}")
    _lay_env(site, then.folder, ".env" if journal.config else f".env.{then.name}")


def _lay_env(site: Site, folder: str, name: str) -> None:
    with open(os.path.join(folder, ".env"), "rb") as file:
        journals.write_private(os.path.join(site.home, name), file.read())


def _deliver(site: Site) -> None:
    """What waited in the spool need not wait for cron."""
    script = os.path.join(site.top, "cron", "deliver.py")
    null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    environ = {**site.environ, "POSTERN_HOME": site.home}
    with contextlib.suppress(OSError):
        os.posix_spawn(site.python, [site.python, script, "--woken"], environ, file_actions=null)
