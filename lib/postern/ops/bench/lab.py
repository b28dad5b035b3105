"""A whole instance of its own beside the real one: its home, its tables, its relay, keys that nobody else has.

So no real mail moves and no real table is touched. The home is a folder that goes when this process goes, however it goes
(ops/local/scratch.py). The tables are in a schema of the real database; its name is noted in home/bench before it is made, and
whoever comes next drops what a killed run has left. The relay is ops/local/sink.py, which counts and keeps nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import fields, replace

from postern.base import dotenv, home
from postern.base.config import PREFIX
from postern.base.connect import connect
from postern.base.database import SYSTEM
from postern.base.errors import ConfigError, PosternError
from postern.base.lock import of_job
from postern.flow.context import open_context
from postern.ops import keys, migrate
from postern.ops.backups import restore
from postern.ops.bench.result import LeftOut
from postern.ops.local import tether
from postern.ops.local.scratch import Scratch
from postern.store import aliases, domains, mailboxes, migrations, tables, users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.base.settings import Config
    from postern.flow.context import Context

FOLDER = "bench"
"""Below the home."""

LEFT = "left"
"""In it: the name of the schema that is to be dropped."""

ALIAS, MAILBOX, SENDER = "shop@bench.example", "jane@mailbox.example", "bounce@shop.example"

PREFIX_OF_HOMES = "lab-"

_NEEDED_BYTES = 500 << 20
"""Free disk: 25 MB lie there as a message, sealed in a file and in the database, some times each."""


class Lab:
    """The instance while it lives. `context` is it inside this process; `environ` is for programs that work in it."""

    def __init__(self, folder: str, context: Context) -> None:
        self.home = folder
        self.context = context
        self.environ = environ(folder)
        self.drains = of_job(folder, "deliver")
        """Held except while a drain is weighed: a receipt wakes one, which would be weighed with it."""

    def path(self, *names: str) -> str:
        """A path in its home."""
        return os.path.join(self.home, *names)


def environ(folder: str) -> dict[str, str]:
    """What a program of Postern needs to work in this home; no setting of the real one."""
    return {"POSTERN_HOME": folder, "PATH": os.defpath, "PYTHONPATH": os.path.join(home.program(), "lib")}


@contextlib.contextmanager
def opened(real: Config) -> Iterator[Lab]:
    """Make it, and take everything back. LeftOut where this account may not, or has no room."""
    _check_room(real.home)
    with contextlib.ExitStack() as stack:
        scratch = Scratch(PREFIX_OF_HOMES, near=os.path.join(real.home, FOLDER))
        stack.callback(scratch.remove)
        home.make(scratch.folder)
        link_packages(scratch.folder)
        schema = tables.SCRATCH_PREFIX + os.urandom(6).hex()
        stack.enter_context(_schema(replace(real, db_schema=schema)))
        port = stack.enter_context(_relay(scratch.path("relay")))
        _write_settings(scratch, real, schema, port)
        context = open_context({}, "bench", place=scratch.folder)
        stack.callback(context.pool.close)
        _people(context)
        lab = Lab(scratch.folder, context)
        lab.drains.acquire()
        stack.callback(lab.drains.release)
        yield lab


def _check_room(place: str) -> None:
    found = os.statvfs(place)
    if found.f_bavail * found.f_frsize < _NEEDED_BYTES:
        raise LeftOut(f"there are not {_NEEDED_BYTES >> 20} MB of free disk")


def link_packages(folder: str) -> None:
    """Let the programs that run in this home import what this process imports."""
    import pg8000

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    above = os.path.join(folder, "venv", "lib", version)
    os.makedirs(above)
    os.symlink(os.path.dirname(os.path.dirname(os.path.abspath(pg8000.__file__))), f"{above}/site-packages")


@contextlib.contextmanager
def _schema(config: Config) -> Iterator[None]:
    """The tables, until the end. All of them in one transaction."""
    note = os.path.join(config.home, FOLDER, LEFT)
    if os.path.exists(note):
        raise LeftOut(f"what an earlier run has left could not be dropped: see {note}")
    _write_note(note, config.db_schema)
    try:
        with contextlib.closing(connect(config)) as db, db.transaction(SYSTEM):
            restore.make_schema(db, config.db_schema)
            migrations.lock(db)
            for one in migrate.read_files():
                migrations.record(db, one.number, one.name, one.checksum)
                db.run(one.up)
        yield
    except ConfigError as error:
        raise LeftOut(f"this account may make no tables beside the real ones ({error.reason})") from None
    finally:
        clean_up(config)


def clean_up(config: Config) -> None:
    """Drop the schema that a run has left, this one or one that was killed. Nothing to do is fine."""
    note = os.path.join(config.home, FOLDER, LEFT)
    try:
        with open(note, encoding="ascii") as file:
            schema = file.read().strip()
    except OSError:
        return
    patient = replace(config, db_statement_seconds=600)
    with contextlib.closing(connect(patient)) as db, db.transaction(SYSTEM):
        tables.drop_scratch(db, schema)
    os.unlink(note)


def remove_homes(place: str) -> None:
    """Those of runs that were killed: they go by themselves, unless something was still at work in one, and made it anew."""
    folder = os.path.join(place, FOLDER)
    for name in os.listdir(folder):
        if name.startswith(PREFIX_OF_HOMES):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def _write_note(path: str, schema: str) -> None:
    with open(path, "w", encoding="ascii", opener=_private) as file:
        file.write(schema)
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def _relay(folder: str) -> Iterator[int]:
    """The null relay in a process of its own; yields its port."""
    argv = [sys.executable, "-m", "postern.ops.local.sink", "--folder", folder, "--count-only"]
    env = environ(folder)
    env["PYTHONPATH"] += os.pathsep + os.pathsep.join(filter(None, sys.path))
    child = subprocess.Popen(tether.command(argv), env=env, stdout=subprocess.PIPE, text=True)
    assert child.stdout
    try:
        told = child.stdout.readline()
        if not told:
            raise LeftOut("the relay of the lab did not start")
        yield int(told.rpartition(":")[2])
    finally:
        child.terminate()
        child.wait()
        child.stdout.close()


def _write_settings(scratch: Scratch, real: Config, schema: str, port: int) -> None:
    given = {
        PREFIX + one.name.upper(): str(getattr(real, one.name))
        for one in fields(real)
        if one.name.startswith("db_")
    }
    given.update(
        POSTERN_URL="http://localhost",
        POSTERN_DB_SCHEMA=schema,
        POSTERN_RELAY_HOST="127.0.0.1",
        POSTERN_RELAY_PORT=str(port),
        POSTERN_RELAY_CA_FILE=scratch.path("relay", "tls", "ca.pem"),
        POSTERN_RELAY_PER_HOUR="0",
        POSTERN_RELAY_PER_DAY="0",
        POSTERN_RATE_PERCENT="0",
        POSTERN_USER_MESSAGES_DAY="1000000",
        POSTERN_USER_BYTES_DAY="100000000000",
        **keys.fresh(),
    )
    with open(scratch.path(".env"), "w", encoding="utf-8", opener=_private) as file:
        file.writelines(dotenv.line(name, value) for name, value in given.items() if value)


def _people(context: Context) -> None:
    """A user, his mailbox and his alias."""
    local, _, name = ALIAS.partition("@")
    with context.pool.connection() as db, db.transaction(SYSTEM):
        user = users.add(db, "bench")
        mailbox = mailboxes.add(db, context.ring, user.id, MAILBOX, verified=True)
        domain = domains.add(db, name, None)
        aliases.forward_to(db, aliases.add(db, user.id, domain.id, local), mailbox.id)


def why(error: PosternError) -> str:
    """An error as the reason for which a row is left out."""
    return f"{error.reason} {error.remedy}"
