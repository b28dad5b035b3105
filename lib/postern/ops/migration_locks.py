"""Which tables a migration locks, read out of its statements: the plan that `postern migrate up` shows, and takes first.

Reads the SQL of schema/, not SQL at large: a test runs every migration and holds what it really locked against this. What
each statement locks: PostgreSQL manual, 13.3.1. A table that is made or gone by then is nobody's loss.
"""

from __future__ import annotations

import contextlib
import random
import re
import time
from dataclasses import dataclass

from postern.base.database import SYSTEM, LockTimeout, SerializationFailure
from postern.base.errors import DatabaseUnavailable
from postern.store import table_locks
from postern.store.table_locks import MODES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from postern.base.database import Database
    from postern.store.table_locks import ForeignKey, Table

    T = TypeVar("T")

_COMMENT = re.compile(r"--[^\n]*")
_QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_DROPS_TABLE = re.compile(r"\bDROP TABLE (?:IF EXISTS )?(\w+)")
_DROPS_PART = re.compile(r"\bDROP (?:COLUMN|CONSTRAINT) (?:IF EXISTS )?(\w+)")
_RULES = (
    (re.compile(r"\bALTER TABLE (?:ONLY )?(\w+)"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\bDROP TABLE (?:IF EXISTS )?(\w+)"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\bDROP INDEX (?:IF EXISTS )?(\w+)"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\b(?:CREATE|DROP|ALTER) POLICY \w+ ON (\w+)"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\bDROP TRIGGER \w+ ON (\w+)"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\bLOCK TABLE ([\w, ]+?) IN ACCESS EXCLUSIVE"), "ACCESS EXCLUSIVE"),
    (re.compile(r"\bCREATE TRIGGER \w+ .*? ON (\w+)"), "SHARE ROW EXCLUSIVE"),
    (re.compile(r"REFERENCES (\w+)"), "SHARE ROW EXCLUSIVE"),
    (re.compile(r"\bCREATE (?:UNIQUE )?INDEX \w+ ON (\w+)"), "SHARE"),
    (re.compile(r"\bCOMMENT ON (?:TABLE|COLUMN) (\w+)"), "SHARE UPDATE EXCLUSIVE"),
    (re.compile(r"^(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)"), "ROW EXCLUSIVE"),
)


TRIES = 60
PAUSE_SECONDS = 1
"""Between two tries, about: mail goes on in it."""


class TablesInUse(DatabaseUnavailable):
    """Others hold tables that a migration needs (EX_TEMPFAIL)."""


@dataclass(frozen=True)
class Lock:
    """A table that others use, and how it is locked. `waits`: who waits meanwhile, in words; empty: nobody."""

    table: Table
    mode: str

    @property
    def waits(self) -> str:
        """Whom it stops."""
        if self.mode == MODES[-1]:
            return "readers and writers"
        return "writers" if MODES.index(self.mode) >= table_locks.STOPS_WRITERS else ""


def of(db: Database, *scripts: str) -> list[Lock]:
    """The locks of these scripts on tables that are there, by name."""
    tables, indexes = table_locks.tables(db), table_locks.indexes(db)
    keys = table_locks.foreign_keys(db)
    wanted: dict[str, str] = {}
    for script in scripts:
        for statement in _statements(script):
            for name, mode in _named(statement):
                table = indexes.get(name, name)
                if table in tables:
                    _strengthen(wanted, table, mode)
            for key in keys:
                if _drops(statement, key):
                    _strengthen(wanted, key.table, MODES[-1])
                    _strengthen(wanted, key.points_to, MODES[-1])
    return [Lock(tables[name], mode) for name, mode in sorted(wanted.items())]


def _drops(statement: str, key: ForeignKey) -> bool:
    """Whether the foreign key goes with it: with either table, by name, or with a column."""
    match = _DROPS_TABLE.match(statement)
    if match:
        return match[1] in (key.table, key.points_to)
    gone = _DROPS_PART.findall(statement) if re.match(rf"\bALTER TABLE {key.table}\b", statement) else []
    return key.name in gone or any(column in gone for column in key.columns)


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """A lock that is not to be had, or that two waited for in a circle, becomes TablesInUse."""
    try:
        yield
    except (LockTimeout, SerializationFailure):
        raise TablesInUse(
            f"Others held a table for {table_locks.MOST_SECONDS} s and longer.",
            "The database is as it was. Try again when less is going on.",
        ) from None


def take(db: Database, *scripts: str) -> None:
    """Lock now, shortly or not at all, what they will lock against writers. TablesInUse."""
    with in_use():
        table_locks.take(db, {lock.table.name: lock.mode for lock in of(db, *scripts) if lock.waits})


def nobody(said: str) -> None:
    """Nobody listens."""


def patiently(db: Database, work: Callable[[], T], told: Callable[[str], None]) -> T:
    """Do it in a transaction; where take() was in vain, let mail through and try again, for some minutes."""
    for left in range(TRIES - 1, -1, -1):
        try:
            with db.transaction(SYSTEM):
                return work()
        except TablesInUse as error:
            if not left:
                raise
            told(f"{error.reason} Trying again, up to {left} times.")
            time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))
    raise AssertionError("the last try returns or raises")


def _statements(script: str) -> list[str]:
    return [" ".join(raw.split()) for raw in _QUOTED.sub("''", _COMMENT.sub("", script)).split(";")]


def _named(statement: str) -> Iterator[tuple[str, str]]:
    for rule, mode in _RULES:
        for match in rule.finditer(statement):
            for name in match[1].split(","):
                yield name.strip(), mode


def _strengthen(wanted: dict[str, str], table: str, mode: str) -> None:
    if MODES.index(mode) > MODES.index(wanted.get(table, MODES[0])) or table not in wanted:
        wanted[table] = mode


def summary(script: str) -> str:
    """What its first comment says, up to the first full stop."""
    lines = []
    for line in script.split("\n"):
        if not line.startswith("--"):
            break
        lines.append(line[2:].strip())
    return re.split(r"[.:](?:\s|$)", " ".join(lines))[0]
