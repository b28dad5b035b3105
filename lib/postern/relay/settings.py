"""Where the relay is, how to sign in, and how long anything may take."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.base.errors import ConfigError

TIME_LIMIT = 300.0
"""Seconds for one message as a whole; 25 MB need 0.7 Mbit/s. To be less than the lease of a delivery."""


@dataclass(frozen=True)
class RelaySettings:
    """Where the relay is and how to sign in. No user: no login. No ca_file: the system's own certificates."""

    host: str
    port: int
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str | None = None
    timeout: float = 30.0
    helo: str = "localhost"
    time_limit: float = TIME_LIMIT

    def __post_init__(self) -> None:
        if self.tls not in ("starttls", "implicit", "none"):
            raise ConfigError("POSTERN_RELAY_TLS is unknown.", "Set it to starttls, implicit or none.")
        for name in (self.host, self.helo):
            if not name or " " in name or not name.isprintable():
                raise ConfigError(
                    "A host name has a blank in it, or is empty.",
                    "Look at POSTERN_RELAY_HOST and POSTERN_URL.",
                )
