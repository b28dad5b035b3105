"""What a backup says of itself, as it stands sealed at the end of its file: JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from postern.store.tables import Counter


@dataclass(frozen=True)
class Entry:
    """One table in a backup. `columns` with their types; `size` and `sha256` are of its rows as COPY gave them."""

    name: str
    columns: list[str]
    rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Step:
    """A migration that the database had."""

    number: int
    name: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself. `created` is UTC, ISO 8601; `server` is PostgreSQL's version as it counts (100023).

    `keys`: ids of those that its rows are sealed under; older backups do not tell.
    """

    created: str
    program: str
    server: int
    schema: str
    migrations: list[Step]
    tables: list[Entry]
    counters: list[Counter]
    keys: list[str] = field(default_factory=list)

    @property
    def number(self) -> int:
        """The last migration: the version of the schema."""
        return len(self.migrations)

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(entry.rows for entry in self.tables)


def read(text: bytes) -> Manifest:
    """From its JSON."""
    found = json.loads(text)
    found["migrations"] = [Step(**one) for one in found["migrations"]]
    found["tables"] = [Entry(**one) for one in found["tables"]]
    found["counters"] = [Counter(**one) for one in found["counters"]]
    return Manifest(**found)


def write(manifest: Manifest) -> bytes:
    """As JSON."""
    return json.dumps(asdict(manifest)).encode()
