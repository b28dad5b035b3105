"""The database steps: one that answers (given, or made through cPanel's uapi), and the schema of this program in it."""

from __future__ import annotations

import contextlib
import hashlib

from postern.base import home as homes
from postern.base.errors import ConfigError, DatabaseUnavailable, PosternError
from postern.ops.install import cpanel
from postern.ops.install.answers import Question
from postern.ops.install.installation import Installation, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.ops.migrate import State

QUESTIONS = [
    Question("POSTERN_DB_NAME", "PostgreSQL: database"),
    Question("POSTERN_DB_USER", "PostgreSQL: user"),
    Question("POSTERN_DB_PASSWORD", "PostgreSQL: password", secret=True, optional=True),
]
BY_HAND = (
    "Make a database and a user in the panel (cPanel: PostgreSQL Databases; give the user all privileges on it), "
    "or use a managed PostgreSQL; docs/hosts.md says where to click."
)


def _plan(site: Installation) -> str:
    if site.answers.get("POSTERN_DB_NAME"):
        return ""
    if cpanel.available():
        return "make a database and a user through cPanel's uapi"
    return "ask for a PostgreSQL database"


def _do(site: Installation) -> str:
    made = ""
    if not site.answers.get("POSTERN_DB_NAME") and cpanel.available():
        made = _make(site)
    try:
        found = site.answers.settle(QUESTIONS)
    except ConfigError as error:
        raise ConfigError(error.reason, f"{BY_HAND} {error.remedy}") from None
    found["POSTERN_DB_HOST"] = site.answers.get("POSTERN_DB_HOST") or _host(site, found)
    site.env.add(found)
    with contextlib.closing(site.context().pool) as pool, pool.connection():
        pass
    return f"{made}{found['POSTERN_DB_NAME']} answers at {found['POSTERN_DB_HOST']}"


def _make(site: Installation) -> str:
    """Through cPanel. Where it has no PostgreSQL, the person is asked, or told what to do."""
    host, port = (site.answers.get(name) for name in ("POSTERN_DB_HOST", "POSTERN_DB_PORT"))
    try:
        made = cpanel.make_database(
            _name(site), (host,) if host else cpanel.PLACES, int(port) if port.isdigit() else cpanel.PORT
        )
    except cpanel.CpanelRefused as error:
        site.talk.say(f"\n    cPanel made no database: {error.reason} {error.remedy}")
        return ""
    site.env.add(
        {
            "POSTERN_DB_HOST": made.host,
            "POSTERN_DB_PORT": str(made.port),
            "POSTERN_DB_NAME": made.name,
            "POSTERN_DB_USER": made.user,
            "POSTERN_DB_PASSWORD": made.password,
        }
    )
    return "made through cPanel; "


def _name(site: Installation) -> str:
    """Another one for each home of an account."""
    if site.home == homes.default():
        return "postern"
    return f"postern_{hashlib.sha256(site.home.encode()).hexdigest()[:6]}"


def _host(site: Installation, found: dict[str, str]) -> str:
    """The first place where a PostgreSQL answers, whatever it says to our password."""
    from postern.base import config
    from postern.base.connect import connect

    for host in cpanel.PLACES:
        settings, wrong = config.build(site.home, {**site.env.values(), **found, "POSTERN_DB_HOST": host})
        if settings is None:
            raise ConfigError("\n".join(wrong), f"Mend {site.env.path}.")
        try:
            connect(settings).close()
        except DatabaseUnavailable:
            continue
        except PosternError:
            pass
        return host
    raise DatabaseUnavailable(
        f"No PostgreSQL answers at {', '.join(cpanel.PLACES)}.",
        f"Give its host as POSTERN_DB_HOST. {BY_HAND}",
    )


def _schema_plan(site: Installation) -> str:
    from postern.ops import migrate

    try:
        with contextlib.closing(site.context().pool) as pool, pool.connection() as db:
            missing = [one for one in migrate.status(db, migrate.read_files()) if one.applied_at is None]
    except (ImportError, PosternError):
        return "bring the database to this program's schema"
    return f"apply {len(missing)} migrations" if missing else ""


def _schema(site: Installation) -> str:
    from postern.ops import migrate

    context, files = site.context(), migrate.read_files()
    with contextlib.closing(context.pool):
        with context.pool.connection() as db:
            states = migrate.status(db, files)
        saved = _back_up(context, states)
        with context.pool.connection() as db:
            done = migrate.up(db, context.config.db_schema, files)
    if not done:
        return "up to date"
    return f"applied {', '.join(done)}{saved}"


def _back_up(context: Context, states: list[State]) -> str:
    """Before a schema with data in it changes."""
    from postern.ops.backups import backup

    if all(one.applied_at is not None for one in states):
        return ""
    path = backup.write_if_filled(context, backup.default_folder(context.config))
    return f", after a backup to {path}" if path else ""


DATABASE = Step("Database", _plan, _do)
SCHEMA = Step("Schema", _schema_plan, _schema)
