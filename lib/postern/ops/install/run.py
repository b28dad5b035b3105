"""The installer's runs: install, check, uninstall. Steps in order; the first that fails ends the run.

Nothing is kept of how far a run came: every step looks at what is there and does what is missing, so a run that was
killed, or that failed, is mended by the next. home/install.json says that this home was in use (settings.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil

from postern import __version__
from postern.base import home as homes
from postern.base.errors import Busy, ConfigError, DatabaseUnavailable, PosternError
from postern.base.lock import FileLock
from postern.ops.install import places
from postern.ops.install.cron import CRON
from postern.ops.install.database import DATABASE, SCHEMA
from postern.ops.install.doors import DOORS
from postern.ops.install.installation import Installation, write_file
from postern.ops.install.packages import PACKAGES
from postern.ops.install.passenger_step import PASSENGER
from postern.ops.install.people import USER
from postern.ops.install.places import HOME, MODES
from postern.ops.install.self_check import SELF_CHECK, is_unreachable
from postern.ops.install.settings import SETTINGS
from postern.ops.install.web_server import WEB_SERVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

STEPS = (
    HOME,
    SETTINGS,
    MODES,
    WEB_SERVER,
    PACKAGES,
    DATABASE,
    SCHEMA,
    DOORS,
    PASSENGER,
    USER,
    CRON,
    SELF_CHECK,
)
"""In this order: what may refuse to go on (the web server that shows files) comes before there is anything to show."""

PASSING = (".env.new", "bin", "monitor.json", "run", "upgrade.json", "venv", "venvs")
"""What an uninstallation takes from the home."""

DATA = (
    "backups",
    "cloudflare.json",
    "dkim.json",
    "doctor.json",
    "install.json",
    "logs",
    "releases",
    "spool",
    ".env",
)
"""What it takes only when told so, the keys last. Anything else in the home is not ours and stays."""


def install(site: Installation) -> int:
    """Every step, shown as it runs. Returns the exit code; a failure is raised after the next steps are told."""
    places.check_account(site.top, site.home)
    site.talk.say(f"Postern {__version__}: installing {site.top}")
    with _alone(site):
        try:
            unreachable = _run(site)
        except PosternError as error:
            _tell(site)
            error.remedy += "\n  Then run install.sh again: what is done stays, and is not done twice."
            raise
    _tell(site)
    return unreachable.exit_code if unreachable else 0


def _run(site: Installation) -> PosternError | None:
    """All steps. A site that does not answer yet is no failure of the installation: it is returned."""
    for number, step in enumerate(STEPS, 1):
        site.talk.begin(f"{number}/{len(STEPS)} {step.title}")
        try:
            said = step.do(site)
        except PosternError as error:
            site.talk.say("failed" if not is_unreachable(error) else "not yet")
            if not is_unreachable(error):
                raise
            site.next_steps.insert(0, f"{error.reason} {error.remedy} Run install.sh again when it does.")
            return error
        except OSError as error:
            site.talk.say("failed")
            raise PosternError(
                f"{error.filename or step.title}: {error.strerror or error}.",
                "Is the disk full, or not writable?",
            ) from None
        site.talk.say(said)
        if step is USER:
            _note(site)
    return None


def _note(site: Installation) -> None:
    """From here on there is data under this home's keys."""
    text = json.dumps({"version": __version__, "top": site.top}, indent=2) + "\n"
    write_file(site.note, text, 0o600)


def _tell(site: Installation) -> None:
    if site.next_steps:
        site.talk.say("\nNext:")
    for line in site.next_steps:
        site.talk.say("  - " + line.replace("\n", "\n      "))


@contextlib.contextmanager
def _alone(site: Installation) -> Iterator[None]:
    """One installer a home. The lock's folder may be the first thing that is made."""
    try:
        os.makedirs(site.home, mode=0o700, exist_ok=True)
        os.chmod(site.home, 0o700)
        os.makedirs(os.path.join(site.home, "run"), mode=0o700, exist_ok=True)
        lock = FileLock(os.path.join(site.home, "run", "install.lock"))
        got = lock.acquire()
    except OSError as error:
        raise PosternError(
            f"{site.home} cannot be made or written to ({error.strerror}).",
            "See that the disk has room, or set POSTERN_HOME to another folder of this account.",
        ) from None
    if not got:
        raise Busy("Another install.sh is at work on this home.", "Wait until it has ended.")
    with lock:
        yield


def check(site: Installation) -> int:
    """Say what a run would do; change nothing. Exit code 0 when there is nothing to do, 1 otherwise."""
    places.check_account(site.top, site.home)
    site.talk.say(f"Postern {__version__}: looking at {site.top}; nothing is changed")
    missing = 0
    for number, step in enumerate(STEPS, 1):
        try:
            said = step.plan(site)
        except (PosternError, OSError) as error:
            said = f"stop here: {error}"
        site.talk.say(f"  {number}/{len(STEPS)} {step.title}: {f'would {said}' if said else 'as it must be'}")
        missing += bool(said) and step is not SELF_CHECK
    return 1 if missing else 0


def uninstall(site: Installation, *, delete_data: bool) -> int:
    """Take back what was done, newest first. Mail, settings, keys, backups and the database stay unless told otherwise."""
    places.check_account(site.top, site.home)
    if delete_data and not site.talk.agrees(
        f"All mail, users and keys in {site.home} and in the database will be gone for good."
    ):
        raise PosternError("Nothing was taken back.", "Answer yes at a terminal, or give --yes.")
    try:
        with _alone(site):
            _take_back(site, delete_data=delete_data)
            _empty_home(site, PASSING + (DATA if delete_data else ()))
    except PosternError as error:
        error.remedy += "\n  Then run install.sh --uninstall again: it goes on where it stopped."
        raise
    _tell(site)
    left = os.listdir(site.home) if os.path.isdir(site.home) else []
    site.talk.say(
        f"The program in {site.top} is shut; delete the folder when you like."
        + (f" In {site.home} there stay {', '.join(sorted(left))}." if left else "")
        + ("" if delete_data else " The database stays as it is.")
    )
    return 0


def _take_back(site: Installation, *, delete_data: bool) -> None:
    if delete_data:
        site.talk.begin("Database")
        site.talk.say(_empty_database(site))
    for step in reversed(STEPS):
        if step.undo:
            site.talk.begin(step.title)
            site.talk.say(step.undo(site))


def _empty_database(site: Installation) -> str:
    """No table is left."""
    if not site.env.values().get("POSTERN_DB_NAME"):
        return f"{site.env.path} names none"
    try:
        # An earlier uninstallation may have taken them.
        PACKAGES.do(site)
        return _take_back_migrations(site)
    except (ConfigError, DatabaseUnavailable) as error:
        error.remedy += (
            f" If it is gone for good, take POSTERN_DB_NAME out of {site.env.path}: then the rest goes."
        )
        raise


def _take_back_migrations(site: Installation) -> str:
    from postern.ops import migrate

    context = site.context()
    with contextlib.closing(context.pool), context.pool.connection() as db:
        done = migrate.down(db, migrate.read_files(), len(migrate.read_files()), give_up=True)
    return f"took back {len(done)} migrations; the empty database itself is deleted in the panel"


def _empty_home(site: Installation, names: tuple[str, ...]) -> None:
    for name in names:
        path = os.path.join(site.home, name)
        try:
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
        except OSError as error:
            raise PosternError(
                f"{error.filename or path} cannot be removed ({error.strerror}).",
                "It must belong to this account, on a disk that can be written to.",
            ) from None
    with contextlib.suppress(OSError):  # something is left in it
        os.rmdir(site.home)
        os.unlink(site.path(homes.POINTER))
