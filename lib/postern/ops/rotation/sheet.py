"""The recovery sheet: the keys on paper, and what is lost without them. It is itself a piece of a .env.

Each secret has four letters beside it that tell a mistyped one. Never logged; written 0600, or shown on a terminal.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from dataclasses import dataclass

from postern.base import clock, dotenv
from postern.base.errors import BadInput, Conflict, NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.settings import Config

_TEXT = """\
# Postern: recovery sheet of {url}
# Written {day} (UTC).
#
# WITHOUT THESE KEYS ALL OF THIS IS LOST, AND NOBODY CAN BRING IT BACK:
#   - every backup: none opens
#   - the mail that waits or is kept
#   - users' real addresses, their contacts' addresses and names
# WHO HAS THEM, and the database or one backup, CAN READ ALL OF IT.
#
# Keep this sheet away from the host, and apart from the backups: on paper in a safe, or in a password manager.
# Write a new one after each `postern keys rotate`, and keep the older ones as long as backups of their time.
#
# To start again on a new host: install Postern with these lines in home/.env, then `postern restore FILE`.
# A key is one word. The four letters behind # are its check: `postern keys compare FILE` tells what was mistyped.

{lines}"""

_CHECK = re.compile(r"^\s*#\s+([^\s:]+): check ([0-9a-f]{4})\s*$", re.MULTILINE)

SECRETS = ("POSTERN_SEAL_KEYS", "POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS")


def text(config: Config) -> str:
    """The sheet."""
    lines = []
    for name in SECRETS:
        value = _value(config, name)
        lines += [f"# {label}: check {_check(word)}\n" for label, word in _words(name, value)]
        lines.append(dotenv.line(name, value) + "\n")
    day = time.strftime("%Y-%m-%d %H:%M", time.gmtime(clock.now()))
    return _TEXT.format(url=config.url, day=day, lines="".join(lines).rstrip("\n") + "\n")


def write(config: Config, path: str) -> None:
    """Into a new file that only its owner reads. Conflict when there is one; BadInput when it cannot be written."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Conflict(f"{path} is there already.", "Name a file that does not exist.") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be written ({error.strerror}).", "Name another place.") from None
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text(config))
        file.flush()
        os.fsync(file.fileno())


@dataclass(frozen=True)
class Compared:
    """A secret of ours, and what the file says of it: same, missing, or mistyped."""

    setting: str
    name: str
    found: str


def compare(config: Config, path: str) -> list[Compared]:
    """Whether a copy of the keys (a sheet that was typed in, an .env) holds each of ours. Shows none of them."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            copy = file.read()
    except (OSError, UnicodeDecodeError):
        raise NotFound(f"{path} cannot be read.", "Name a sheet, or a copy of home/.env.") from None
    there, wrong = dotenv.parse(copy)
    if wrong:
        raise BadInput(" ".join(wrong), "Mend that line of the copy.")
    checks = dict(_CHECK.findall(copy))
    found = []
    for name in SECRETS:
        words = dict(_words(name, there.get(name, "")))
        for label, word in _words(name, _value(config, name)):
            state = "same" if words.get(label) == word else "missing"
            if state == "missing" and checks.get(label) == _check(word):
                state = "mistyped"
            found.append(Compared(name, label, state))
    return found


def _value(config: Config, name: str) -> str:
    value: str = getattr(config, name[len("POSTERN_") :].lower())
    return value


def _words(name: str, value: str) -> list[tuple[str, str]]:
    """(what it is called, the secret itself) of each."""
    words = value.replace(",", " ").split()
    if name == "POSTERN_SEAL_KEYS":
        return [("key-" + word.partition(":")[0], word) for word in words]
    short = name[len("POSTERN_") :].lower().replace("_", "-").rstrip("s")
    return [(f"{short}-{number}", word) for number, word in enumerate(words, 1)]


def _check(word: str) -> str:
    return hashlib.sha256(b"postern sheet " + word.encode()).hexdigest()[:4]
