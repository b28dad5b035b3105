"""The relays of the settings in the order in which they are used: POSTERN_RELAY_…, then POSTERN_RELAY2_… to POSTERN_RELAY9_….

Apart from base/settings.py, for most requests ask for no relay. Reading and checking is in base/config.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.base.settings import Config


@dataclass(frozen=True)
class RelayPlace:
    """One relay. The fields are those of Config without `relay_`; `number` is 1 for the first."""

    number: int
    host: str
    port: int
    tls: str
    user: str
    password: str = field(repr=False)
    ca_file: str
    seconds: int
    connections: int
    per_hour: int
    per_day: int

    @property
    def name(self) -> str:
        """Its key in the database."""
        return f"{self.host}:{self.port}"


SUFFIXES = tuple(item.name for item in fields(RelayPlace) if item.name != "number")


def places(config: Config) -> tuple[RelayPlace, ...]:
    """Every relay, the one that is used first in front."""
    first = {name: getattr(config, f"relay_{name}") for name in SUFFIXES}
    return (RelayPlace(1, **first), *config.more_relays)
