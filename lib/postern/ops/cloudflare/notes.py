"""What stood at Cloudflare before `postern cloudflare apply`, so that `remove` can put it back: home/cloudflare.json.

For each domain a list of (kind, value), the first note of its kind counts: a second run must not take our own work for
what was there before. Written before a change is made. No secret is in it.
"""

from __future__ import annotations

import json
import os

from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FILE = "cloudflare.json"
MANY = ("mx", "record", "rule", "spf-made")
"""Kinds of which there are several."""


def read(home: str, domain: str) -> list[tuple[str, str]]:
    """What is noted of this domain."""
    return [(kind, value) for kind, value in _load(home).get(domain, [])]


def add(home: str, domain: str, new: Iterable[tuple[str, str]]) -> None:
    """Note more."""
    everything = _load(home)
    noted = everything.setdefault(domain, [])
    for kind, value in new:
        known = [one for one in noted if one[0] == kind and (kind not in MANY or one[1] == value)]
        noted += [] if known else [[kind, value]]
    _store(home, everything)


def forget(home: str, domain: str) -> None:
    """All of it is put back."""
    everything = _load(home)
    if everything.pop(domain, None) is not None:
        _store(home, everything)


def domains(home: str) -> list[str]:
    """Of which there is something."""
    return sorted(_load(home))


def _load(home: str) -> dict[str, list[list[str]]]:
    path = os.path.join(home, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, list[list[str]]] = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        raise ConfigError(
            f"{path} cannot be read.", "Move it away; `remove` then knows less of what was before."
        ) from None
    return found


def _store(home: str, everything: dict[str, list[list[str]]]) -> None:
    """Written beside and renamed: never half a file."""
    path = os.path.join(home, FILE)
    with open(
        f"{path}.new", "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)
    ) as file:
        json.dump(everything, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)
