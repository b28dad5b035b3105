"""What every flow needs: opened once at a door and passed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from postern.base import config as settings
from postern.base import home
from postern.base.errors import ConfigError
from postern.base.keyring import KeyRing, parse_index_key, parse_keys
from postern.base.limiter import Limiter
from postern.base.log import Log
from postern.base.pool import Pool
from postern.base.spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postern.base.keyring import Key
    from postern.base.settings import Config


@dataclass(frozen=True)
class Context:
    """One instance as a process sees it."""

    config: Config
    ring: KeyRing
    log: Log
    pool: Pool
    spool: Spool
    limiter: Limiter


def open_context(environ: Mapping[str, str], component: str, lean: bool = False, place: str = "") -> Context:
    """Read the settings, make the home's folders, connect to nothing yet. ConfigError names all that is wrong.

    `lean`: this process does one piece of work, and should begin quickly (base/driver.py). `place`: another home than this
    process's own.
    """
    place = place or home.find()
    config = settings.load(place, environ)
    ring = KeyRing(
        parse_keys(config.seal_keys), parse_index_key(config.index_key), partial(_keys_now, place, environ)
    )
    home.make(place)
    log = Log(f"{place}/logs", component, config.log_level, config.log_days)
    pool = Pool(config, lean=lean)
    spool = Spool(place, config.spool_max_bytes, config.disk_free_bytes)
    return Context(config, ring, log, pool, spool, Limiter(f"{place}/run/limits", config.rate_percent, log))


def _keys_now(place: str, environ: Mapping[str, str]) -> Sequence[Key]:
    """The ring as the settings have it by now: another process may have rotated it."""
    try:
        return parse_keys(settings.load(place, environ).seal_keys)
    except ConfigError:
        return ()
