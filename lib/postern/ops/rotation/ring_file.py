"""The keys and secrets of home/.env: a new one comes in front, and what is no longer needed leaves.

The file is written beside and renamed, so a run that is killed leaves the old one or the new one. Processes that live on are
told to start anew (Passenger); one that began before a change ends within SETTLED_SECONDS. Until then it seals under the key of
before, and finds the new one in the file when it meets what is under it (base/keyring.py).

Not here: sealing anew (reseal.py).
"""

from __future__ import annotations

import base64
import os

from postern.base import clock, home
from postern.base.errors import Busy, ConfigError, Conflict, NotFound
from postern.base.keyring import new_key, parse_keys
from postern.base.lock import FileLock
from postern.mail.envelope import parse_secrets
from postern.ops.install import passenger
from postern.ops.install.env_file import EnvFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.flow.context import Context
    from postern.ops.rotation.census import Census

RING, WEBHOOK = "POSTERN_SEAL_KEYS", "POSTERN_WEBHOOK_SECRETS"

SETTLED_SECONDS = 900
"""No process lives longer with the settings that it began with: a CGI 300 s, a drain 470 s, Passenger till its next request."""


def lock(context: Context) -> FileLock:
    """Held by who changes keys or seals anew on this home."""
    return FileLock(os.path.join(context.config.home, "run", "keys.lock"))


def put_in_front(context: Context, key_id: str = "") -> str:
    """Let another key seal from now on: a fresh one, or one that is in the ring already. Returns its id."""
    words = _words(context, RING)
    if key_id:
        chosen = [word for word in words if word.partition(":")[0] == key_id]
        if not chosen:
            raise NotFound(f"There is no key {key_id} in {RING}.", "See: postern keys list")
    else:
        chosen = [new_key()]
    _write(context, RING, chosen + [word for word in words if word not in chosen])
    return chosen[0].partition(":")[0]


def put_behind(context: Context) -> str:
    """Add a fresh key that only opens as yet, to be copied to other homes of this database first. Returns its id."""
    made = new_key()
    _write(context, RING, [*_words(context, RING), made])
    return made.partition(":")[0]


def take_out(context: Context, key_id: str, census: Census) -> None:
    """Retire a key. Refuses the newest, one that is in use, and while a process may still seal under it."""
    words = _words(context, RING)
    ids = [word.partition(":")[0] for word in words]
    if key_id not in ids:
        raise NotFound(f"There is no key {key_id} in {RING}.", "See: postern keys list")
    if key_id == ids[0]:
        raise Conflict(f"{key_id} is the newest key: it seals.", "Run: postern keys rotate")
    if census.left(key_id):
        raise Conflict(
            f"{census.rows.get(key_id, 0)} rows and {census.files.get(key_id, 0)} files of the spool are under {key_id}.",
            "Run: postern keys rotate. Files of the spool go with the next drain; those in spool/kept are yours to look at.",
        )
    _check_backup(key_id, census)
    _check_settled(context)
    _write(context, RING, [word for word in words if word.partition(":")[0] != key_id])


def new_secret(context: Context) -> str:
    """A fresh webhook secret in front of the others, all of which count; returns it: the Worker needs it."""
    words = _words(context, WEBHOOK)
    made = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    _write(context, WEBHOOK, [made, *words])
    return made


def drop_old_secrets(context: Context) -> int:
    """Let the newest webhook secret alone count; returns how many went."""
    words = _words(context, WEBHOOK)
    if len(words) > 1:
        _write(context, WEBHOOK, words[:1])
    return len(words) - 1


def _words(context: Context, name: str) -> list[str]:
    """The setting's parts, as they stand in the file. ConfigError when it is not the file that counts."""
    in_file = EnvFile(context.config.home).values().get(name, "")
    in_use = context.config.seal_keys if name == RING else context.config.webhook_secrets
    if in_file != in_use:
        raise ConfigError(
            f"{name} in home/.env is not the one in use: it comes from the environment, or was changed just now.",
            "Change it where it comes from, or run the command again.",
        )
    return in_file.replace(",", " ").split()


def _write(context: Context, name: str, words: list[str]) -> None:
    """Only what can be read again replaces what is there."""
    text = " ".join(words)
    if name == RING:
        parse_keys(text)
    else:
        parse_secrets(text)
    EnvFile(context.config.home).replace(name, text)
    if os.path.isdir(os.path.join(home.program(), "tmp")):
        passenger.restart(home.program())


def _check_backup(key_id: str, census: Census) -> None:
    """There must be a backup that opens without it."""
    needing = set(census.backups.get(key_id, []))
    every = {name for names in census.backups.values() for name in names}
    if needing and max(every) in needing:
        raise Conflict(
            f"The newest backup opens only with key {key_id}.", "Make one without it: postern backup"
        )


def _check_settled(context: Context) -> None:
    path = os.path.join(context.config.home, ".env")
    left = SETTLED_SECONDS - (clock.now() - os.stat(path).st_mtime)
    if left > 0:
        raise Busy(
            "The settings were changed just now: a process that began before may still seal under the older key.",
            f"Try again in {int(left / 60) + 1} minutes.",
        )
