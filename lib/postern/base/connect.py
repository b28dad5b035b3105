"""Opening a connection to PostgreSQL: by Unix socket or TCP, with TLS as the settings ask; each failure with its remedy.

pg8000's own default verifies no certificate and leaves Nagle's algorithm on: the socket and the TLS context are made here.
"""

from __future__ import annotations

import contextlib

from postern.base import driver
from postern.base.database import Database
from postern.base.errors import ConfigError, DatabaseUnavailable, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.base.settings import Config

CONNECT_SECONDS = 10
"""How long a host may take to answer; also what a statement's answer may take beyond its own time limit."""


def connect(config: Config, lean: bool = False) -> Database:
    """Open a connection as the settings say. DatabaseUnavailable or ConfigError with the remedy.

    `lean`: this process knows no other database, and wants to begin quickly (base/driver.py).
    """
    road: dict[str, Any] = {}
    try:
        road.update(_road(config))
        with driver.lean() if lean and not road["ssl_context"] else contextlib.nullcontext():
            from postern.base.round_trip import Quick

            connection = Quick(
                config.db_user,
                database=config.db_name,
                password=config.db_password,
                timeout=config.db_statement_seconds + CONNECT_SECONDS,
                application_name="postern",
                **road,
            )
    except ConfigError:
        raise
    except Exception as error:  # noqa: BLE001
        # What is no PostgreSQL is met by pg8000 with a KeyError, a UnicodeDecodeError, a struct.error, …
        if "sock" in road:
            road["sock"].close()
        fields = _said_by_server(error)
        raise (_unreachable(config, error) if fields is None else _refused(config, fields)) from None
    return Database(connection, config.db_schema, config.db_statement_seconds)


def _said_by_server(error: BaseException | None) -> dict[str, str] | None:
    """The server's own words. pg8000 may end with what went wrong when it took leave; then they stand behind that."""
    while error is not None:
        if error.args and isinstance(error.args[0], dict):
            return error.args[0]
        error = error.__context__
    return None


def _road(config: Config) -> dict[str, Any]:
    """How to get there. ssl_context=False on a Unix socket: None would build a TLS context for nothing (23 ms)."""
    if config.db_host.startswith("/"):
        return {"unix_sock": f"{config.db_host}/.s.PGSQL.{config.db_port}", "ssl_context": False}
    import socket

    tls = _tls(config)
    sock = socket.create_connection((config.db_host, config.db_port), CONNECT_SECONDS)
    # pg8000 writes a message in pieces; with Nagle's algorithm each waits 40 ms for an acknowledgement.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.settimeout(config.db_statement_seconds + CONNECT_SECONDS)
    return {"sock": sock, "host": config.db_host, "ssl_context": tls}


def _tls(config: Config) -> Any:
    if config.db_sslmode == "disable":
        return False
    import ssl

    try:
        context = ssl.create_default_context(cafile=config.db_sslrootcert or None)
    except OSError:
        raise ConfigError(
            "POSTERN_DB_SSLROOTCERT cannot be read as a PEM file.",
            "Name the file with the database's CA certificate.",
        ) from None
    if config.db_sslmode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refused(config: Config, fields: dict[str, str]) -> PosternError:
    """The server answered, and said no."""
    code, text = fields.get("C", ""), fields.get("M", "")
    if code == "28000" and ("no encryption" in text or "SSL off" in text):
        return ConfigError(
            "The database takes only TLS connections.", "Set POSTERN_DB_SSLMODE=verify-full (or require)."
        )
    if code in ("28P01", "28000"):
        return ConfigError(
            f"The database refused the user {config.db_user} ({text}).",
            "Check POSTERN_DB_USER and POSTERN_DB_PASSWORD.",
        )
    if code == "3D000":
        return ConfigError(
            f"There is no database named {config.db_name}.",
            "Make it in the host's panel, or mend POSTERN_DB_NAME.",
        )
    if code == "53300":
        return DatabaseUnavailable(
            "The database has no free connection.",
            "Wait, or lower POSTERN_DB_POOL; it is tried again by itself.",
        )
    return DatabaseUnavailable(
        f"The database refused the connection ({code}: {text}).", "It is tried again by itself."
    )


def _unreachable(config: Config, error: Exception) -> PosternError:
    """No answer of a PostgreSQL server at all."""
    where = f"{config.db_host}, port {config.db_port}"
    cause: BaseException = error.__cause__ or error
    if "refuses SSL" in str(error):
        return ConfigError(
            f"The database at {where} offers no TLS.", "Set POSTERN_DB_SSLMODE=disable only on this machine."
        )
    if type(cause).__name__ == "SSLCertVerificationError":
        return ConfigError(
            f"The certificate of the database at {where} does not verify.",
            "Set POSTERN_DB_SSLROOTCERT to its CA file, and POSTERN_DB_HOST to the name in the certificate.",
        )
    return DatabaseUnavailable(
        f"The database at {where} cannot be reached ({type(cause).__name__}).",
        "Check POSTERN_DB_HOST and POSTERN_DB_PORT, and that the server runs.",
    )
