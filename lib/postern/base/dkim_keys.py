"""The keys that Postern signs mail with, and which of them it uses: the file home/dkim.json, 0600.

They lie beside `.env`, as the keys of the seal do, and not in the database: a copy of that must not let anybody write in the
name of its domains. A lost one is replaced (`postern dkim new`), so no backup holds them. The file is read by each drain and
written by `postern dkim` alone: beside it and renamed, so it is never half a file.
Not here: what a key is (mail/signing_key.py), and when one may be used (ops/own_dkim.py).
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import asdict, dataclass, field

from postern.base.errors import Busy, ConfigError
from postern.base.lock import of_job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.base.lock import FileLock

FILE = "dkim.json"


@dataclass(frozen=True)
class KeptKey:
    """One key. `made` and `signs_since` are Unix times; the latter is 0 while its record was not seen right."""

    domain: str
    selector: str
    kind: str
    made: int
    signs_since: int
    pem: str = field(repr=False)


def read(home: str) -> list[KeptKey]:
    """All keys in the order of the file, which is the newest first, whatever the clock said when each was made.

    ConfigError when the file is there and cannot be used.
    """
    path = os.path.join(home, FILE)
    try:
        with open(path, encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                raise ConfigError(f"{path} can be read by others.", f"Run: chmod 600 {path}")
            return [KeptKey(**one) for one in json.load(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise ConfigError(
            f"{path} cannot be read.",
            "Bring it back, or move it away: mail then goes out without Postern's own signature. "
            "Then make new keys: postern dkim new DOMAIN",
        ) from None


def write(home: str, keys: Iterable[KeptKey]) -> None:
    """These, and no others. Under lock()."""
    path = os.path.join(home, FILE)
    with open(
        f"{path}.new", "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)
    ) as file:
        json.dump([asdict(one) for one in keys], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.new", path)


def lock(home: str) -> FileLock:
    """Held by who reads, changes and writes, until it is released. Busy when another does."""
    held = of_job(home, "dkim")
    if not held.acquire():
        raise Busy("The keys are being changed by another command.", "Wait for it, then try again.")
    return held


def in_use(keys: Iterable[KeptKey]) -> list[KeptKey]:
    """Those that sign: of each domain and kind the newest one that may. `keys`: the newest first."""
    found: dict[tuple[str, str], KeptKey] = {}
    for key in keys:
        if key.signs_since:
            found.setdefault((key.domain, key.kind), key)
    return list(found.values())
