"""The fingerprinted copies of static/: made at install and upgrade, so that browsers may keep what they fetched for a year.

The plain files stay as they are. A copy that is no longer current stays for a month, for pages that are still open somewhere.
Not here: how a copy is called (base/stamp.py) and who links to it (web/assets.py).
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from postern.base import clock, stamp
from postern.base.errors import ConfigError

KEEP_SECONDS = 30 * 86400
PLAIN_ONLY = (".html", ".txt")
"""Asked for by their own names, by the web server and by robots."""

_UNFINISHED = ".new-"


def publish(top: str) -> list[str]:
    """Make the copies that are missing, drop the old ones. Returns the names of those made. Two at once do no harm."""
    folder = os.path.join(top, "static")
    try:
        return _publish(folder)
    except OSError as error:
        raise ConfigError(
            f"The copies of {folder} cannot be made: {error.strerror}.",
            "Make the folder writable for your account, or free some space; then run ./install.sh again.",
        ) from None


def _publish(folder: str) -> list[str]:
    made, current = [], set()
    for name in sorted(filter(_is_published, os.listdir(folder))):
        with open(os.path.join(folder, name), "rb") as file:
            data = file.read()
        copy = stamp.copy_name(name, data)
        current.add(copy)
        if _put(os.path.join(folder, copy), data):
            made.append(copy)
    _drop_old(folder, current)
    return made


def _is_published(name: str) -> bool:
    return not name.startswith(".") and not name.endswith(PLAIN_ONLY) and not stamp.original(name)


def _put(path: str, data: bytes) -> bool:
    """Whether it had to be written. Its time is when it was last current."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as file:
        if file.read() == data:
            with contextlib.suppress(OSError):  # where nothing may be written, nothing is dropped either
                os.utime(path)
            return False
    handle, unfinished = tempfile.mkstemp(prefix=_UNFINISHED, dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            # The web server reads it as another user.
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        os.rename(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
    return True


def _drop_old(folder: str, current: set[str]) -> None:
    """Copies that nobody links to any more, and what a killed run left."""
    before = clock.now() - KEEP_SECONDS
    for name in os.listdir(folder):
        ours = stamp.original(name) or name.startswith(_UNFINISHED)
        path = os.path.join(folder, name)
        with contextlib.suppress(FileNotFoundError):  # another run was quicker
            if ours and name not in current and os.path.getmtime(path) < before:
                os.unlink(path)
