"""The journal of an upgrade or a rollback, home/upgrade.json: what is under way, and how far it came (change.py)."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field

from postern.base.spool import sync_folder


@dataclass(frozen=True)
class Entry:
    """A file or folder that changes places. File numbers; 0 where that side has none."""

    name: str
    old: int
    new: int


@dataclass
class Journal:
    """What is under way. `before`: number of migrations; `kept`: the copy of the release that ran; `back`: it is a rollback;
    `config`: which takes .env back as well."""

    state: str
    top: str
    kept: str
    old_version: str
    new_version: str
    back: bool = False
    before: int = -1
    backup: str = ""
    config: bool = False
    old_venv: str = ""
    new_venv: str = ""
    entries: list[Entry] = field(default_factory=list)


def path_in(home: str) -> str:
    """Where the journal of this home is while something is under way."""
    return os.path.join(home, "upgrade.json")


def write(home: str, journal: Journal) -> None:
    """Note it, for good, before it is done."""
    write_private(path_in(home), json.dumps(asdict(journal), indent=2).encode())


def read(home: str) -> Journal | None:
    """What an earlier run left unfinished; None when nothing is."""
    try:
        with open(path_in(home), encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return None
    entries = [Entry(**entry) for entry in found.pop("entries")]
    return Journal(**found, entries=entries)


def write_private(path: str, data: bytes) -> None:
    """A whole file or none, 0600, on the disk when this returns."""
    beside = f"{path}.new"
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    sync_folder(os.path.dirname(path))
