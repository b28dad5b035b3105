"""Releases that ran before, in home/releases: where `postern rollback` goes back to, and where an upgrade runs from.

home/releases/VERSION-YYYYMMDD-HHMMSS/ holds the program as it lay in its folder, the .env of then (0600), and, once another
release was put in its place, note.json. Without that note it is the copy of a change that did not come about.
An upgrade runs from the copy, because the program's own folder changes under it.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass

from postern.base import clock
from postern.base.errors import NotFound
from postern.base.spool import sync_folder
from postern.ops.releases import journal as journals
from postern.ops.releases import release

MOST = 3
"""Releases that stay; older ones are removed after an upgrade."""


@dataclass(frozen=True)
class Kept:
    """One that was replaced. `migration`: how many its database had; `venv`: where home/venv led; `backup`: made then."""

    folder: str
    version: str
    migration: int
    venv: str
    backup: str
    replaced_at: str

    @property
    def name(self) -> str:
        """As the operator names it."""
        return os.path.basename(self.folder)


def keep(home: str, top: str) -> str:
    """Copy the program in `top`, and .env; returns the copy's folder."""
    folder = os.path.join(home, "releases", f"{release.version(top)}-{_stamp()}")
    unfinished = f"{folder}.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        os.mkdir(unfinished, 0o700)
        release.copy(top, unfinished)
        env = os.path.join(home, ".env")
        if os.path.exists(env):
            with open(env, "rb") as file:
                journals.write_private(os.path.join(unfinished, ".env"), file.read())
        os.rename(unfinished, folder)
    except BaseException as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if isinstance(error, OSError):
            # copyfile names the file that it reads.
            raise release.Unwritable(unfinished, OSError(error.errno, error.strerror)) from None
        raise
    sync_folder(os.path.dirname(folder))
    return folder


def _stamp() -> str:
    from datetime import datetime, timezone

    return datetime.fromtimestamp(clock.now(), timezone.utc).strftime("%Y%m%d-%H%M%S.%f")


def note(kept: Kept) -> None:
    """Another release is in its place now: one can go back to it."""
    journals.write_private(
        os.path.join(kept.folder, "note.json"), json.dumps(asdict(kept), indent=2).encode()
    )


def listing(home: str) -> list[Kept]:
    """Where one can go back to, newest first."""
    found = []
    for name in _names(home):
        folder = os.path.join(home, "releases", name)
        try:
            with open(os.path.join(folder, "note.json"), encoding="utf-8") as file:
                found.append(Kept(**{**json.load(file), "folder": folder}))
        except FileNotFoundError:
            continue
    return sorted(found, key=lambda kept: kept.replaced_at, reverse=True)


def find(home: str, name: str) -> Kept:
    """The one of that name or version; the newest when none is named."""
    known = listing(home)
    for kept in known:
        if name in ("", kept.name, kept.version):
            return kept
    raise NotFound(
        f"There is no kept release {name}".rstrip() + ".",
        "Kept are: " + (", ".join(kept.name for kept in known) or "none"),
    )


def forget(kept: Kept) -> None:
    """It runs again, so it is nothing to go back to."""
    os.unlink(os.path.join(kept.folder, "note.json"))


def prune(home: str, needed: str) -> None:
    """Remove all but the newest, and the copies of changes that did not come about; `needed` stays."""
    stay = {kept.name for kept in listing(home)[:MOST]} | {os.path.basename(needed)}
    for name in _names(home):
        if name not in stay:
            shutil.rmtree(os.path.join(home, "releases", name), ignore_errors=True)


def _names(home: str) -> list[str]:
    return sorted(os.listdir(os.path.join(home, "releases")))
