"""Every setting, declared once: name, type, default, secret or not, help, and how to make it.

`env.example` and docs/settings.md are made from this file (ops/settings_pages.py). A field `relay_port` is the variable
POSTERN_RELAY_PORT, in `home/.env` or in the environment; the environment wins. Nobody else reads either.

Not here: the format of the file (base/dotenv.py), the home itself (base/home.py), and what keys and secrets must look
like (base/keyring.py, mail/envelope.py).
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field, fields

from postern.base import dotenv
from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PREFIX = "POSTERN_"
INSTALL_PREFIX = "POSTERN_INSTALL_"
"""Answers for install.sh (ops/install/answers.py). They may stand in .env, too, and are no settings."""
REQUIRED = object()
MOST_PORT = 65535
MOST_BYTES = 10**15
SENDING_SECONDS = 420
"""What the last delivery that a drain begins may take: the relay's limit for one message (300), and recording (120)."""


def setting(
    default: object,
    text: str,
    *,
    secret: bool = False,
    choices: tuple[str, ...] = (),
    least: int = 0,
    most: int = 1_000_000,
    make: str = "",
) -> Any:
    """One declaration. `default` REQUIRED: there is none, and the operator must give a value.

    `least` and `most` are the numbers allowed (PostgreSQL and sockets take 31 bits); `make` is a command that prints a
    good value.
    """
    notes = {
        "text": text,
        "secret": secret,
        "choices": choices,
        "least": least,
        "most": most,
        "make": make,
        "default": default,
    }
    return field(default="" if default is REQUIRED else default, repr=not secret, metadata=notes)


@dataclass(frozen=True)
class Config:
    """The settings of one instance. Secrets stay out of repr()."""

    url: str = setting(REQUIRED, "Public address of this site, with https:// and without a path.")

    hsts: str = setting(
        "day",
        "How long browsers are told to use HTTPS only (HSTS): raise it stage by stage, then run install.sh again. "
        "docs/https.md says when.",
        choices=("off", "day", "month", "year", "preload"),
    )

    db_host: str = setting(
        "/var/run/postgresql", "PostgreSQL: host name, or the folder of its Unix socket (begins with /)."
    )
    db_port: int = setting(5432, "PostgreSQL: port, also part of the socket's name.", least=1, most=MOST_PORT)
    db_name: str = setting(REQUIRED, "PostgreSQL: database.")
    db_user: str = setting(REQUIRED, "PostgreSQL: user. An ordinary one is enough.")
    db_password: str = setting("", "PostgreSQL: password.", secret=True)
    db_sslmode: str = setting(
        "disable",
        "TLS to PostgreSQL. `disable` only for a Unix socket or this machine; `require` encrypts; "
        "`verify-full` also checks who answers.",
        choices=("disable", "require", "verify-full"),
    )
    db_sslrootcert: str = setting("", "CA certificates (PEM file) for verify-full; empty: the system's own.")
    db_schema: str = setting("postern", "Schema that holds Postern's tables.")
    db_statement_seconds: int = setting(10, "No statement may run longer (seconds).", least=1)
    db_pool: int = setting(4, "Connections that a process which lives on (Passenger) keeps at most.", least=1)

    seal_keys: str = setting(
        REQUIRED,
        "Keys that seal mail and addresses, `id:base64`, newest first, blanks between. Without them nothing opens again: "
        "keep a copy off this host.",
        secret=True,
        make="postern keys new",
    )
    index_key: str = setting(
        REQUIRED,
        "Key of the look-up hashes (base64, 32 bytes). It never changes.",
        secret=True,
        make="postern keys new",
    )
    webhook_secrets: str = setting(
        REQUIRED,
        "Secrets that the Worker signs with, `whsec_…`, blanks between; more than one while they are changed.",
        secret=True,
        make="postern keys new",
    )

    relay_host: str = setting(REQUIRED, "SMTP relay: host name.")
    relay_port: int = setting(
        587, "SMTP relay: port (465 implicit TLS, 587 or 2525 STARTTLS).", least=1, most=MOST_PORT
    )
    relay_tls: str = setting(
        "starttls",
        "SMTP relay: TLS. `none` only for a relay on this machine.",
        choices=("starttls", "implicit", "none"),
    )
    relay_user: str = setting("", "SMTP relay: user; empty: no login.")
    relay_password: str = setting("", "SMTP relay: password.", secret=True)
    relay_ca_file: str = setting("", "SMTP relay: CA certificates (PEM file); empty: the system's own.")
    relay_seconds: int = setting(30, "SMTP relay: longest wait for one answer (seconds).", least=1)
    relay_per_hour: int = setting(100, "SMTP relay: messages an hour at most; 0: no limit.")
    relay_per_day: int = setting(500, "SMTP relay: messages a day at most; 0: no limit.")

    max_message_bytes: int = setting(
        26_214_400,
        "Largest message taken (bytes). Cloudflare takes 25 MiB.",
        least=1024,
        most=MOST_BYTES,
    )
    retry_days: int = setting(5, "Days until a delivery that meets only passing trouble has failed.", least=1)
    keep_failed_days: int = setting(14, "Days that the mail of a failed delivery stays, sealed.")
    keep_sent_days: int = setting(30, "Days that rows about finished deliveries stay.", least=1)
    drain_seconds: int = setting(50, "A drain begins no new delivery after so long (seconds).", least=1)
    drain_batch: int = setting(20, "Deliveries claimed at a time.", least=1)
    lease_seconds: int = setting(
        900, "How long a drain may hold a delivery (seconds); more than it drains.", least=60
    )
    spool_max_bytes: int = setting(
        524_288_000, "Most bytes kept in the spool while the database is away.", most=MOST_BYTES
    )
    disk_free_bytes: int = setting(
        52_428_800, "With less free disk, mail is asked to come back later (bytes).", most=MOST_BYTES
    )
    health_queue_seconds: int = setting(
        1800, "/health fails when a delivery is due for longer (seconds).", least=60
    )
    health_drain_seconds: int = setting(
        1800, "/health fails when the last drain is longer ago (seconds).", least=60
    )

    log_level: str = setting("info", "What goes to the log.", choices=("debug", "info", "warning", "error"))
    log_days: int = setting(14, "Days that log files stay.", least=1)

    home: str = field(default="", metadata={})


def variables() -> list[tuple[str, str, Mapping[str, Any]]]:
    """(variable, type name, notes) of every setting, in order."""
    return [(PREFIX + f.name.upper(), str(f.type), f.metadata) for f in fields(Config) if f.metadata]


def load(home: str, environ: Mapping[str, str]) -> Config:
    """Read home/.env and the environment. All that is missing or wrong is in one ConfigError."""
    path = os.path.join(home, ".env")
    given, wrong = read_file(path)
    known = {name for name, _, _ in variables()} | {"POSTERN_HOME"}
    for name in sorted(given):
        if name.startswith(PREFIX) and not name.startswith(INSTALL_PREFIX) and name not in known:
            wrong.append(f"{name} is no setting. Look it up in env.example, or take the line out.")
    given.update({name: value for name, value in environ.items() if name.startswith(PREFIX)})
    config, more = build(home, given)
    if config is None or wrong:
        raise ConfigError(
            "\n".join(f"- {line}" for line in wrong + more),
            f"Mend {path}, then try again; `postern env check` looks.",
        )
    _hide_secrets(config)
    return config


def build(home: str, given: Mapping[str, str]) -> tuple[Config | None, list[str]]:
    """The settings that these variables make, or None and a line for each that is missing or wrong."""
    wrong = []
    values: dict[str, Any] = {"home": home}
    for name, kind, notes in variables():
        try:
            values[name[len(PREFIX) :].lower()] = _value(name, kind, notes, given.get(name))
        except ConfigError as error:
            wrong.append(f"{error.reason} {error.remedy}")
    if wrong:
        return None, wrong
    config = Config(**values)
    wrong = _cross_checks(config)
    return (None, wrong) if wrong else (config, [])


def _value(name: str, kind: str, notes: Mapping[str, Any], text: str | None) -> str | int:
    if text is None or text == "":
        if notes["default"] is REQUIRED:
            hint = f"`{notes['make']}` prints one." if notes["make"] else str(notes["text"])
            raise ConfigError(f"{name} is missing.", hint)
        default: str | int = notes["default"]
        return default
    if kind == "int":
        is_number = text.isascii() and text.isdigit() and len(text) <= 16
        if not is_number or not notes["least"] <= int(text) <= notes["most"]:
            raise ConfigError(
                f"{name} must be a whole number from {notes['least']} to {notes['most']}.", str(notes["text"])
            )
        return int(text)
    if notes["choices"] and text not in notes["choices"]:
        raise ConfigError(f"{name} must be one of {', '.join(notes['choices'])}.", str(notes["text"]))
    return text


def _cross_checks(config: Config) -> list[str]:
    """What no setting can tell of itself."""
    wrong = []
    url = re.fullmatch(r"(https?)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?/?", config.url)
    if url is None or (url[1] == "http" and not is_local(url[2])):
        wrong.append("POSTERN_URL must look like https://alias.example.org. Give scheme and host, no path.")
    if config.db_sslmode == "disable" and not is_local(config.db_host):
        wrong.append(
            "POSTERN_DB_SSLMODE=disable would send the password in clear. Set it to verify-full, or require."
        )
    if config.relay_tls == "none" and not is_local(config.relay_host):
        wrong.append(
            "POSTERN_RELAY_TLS=none would send mail and password in clear. Set it to starttls or implicit."
        )
    held = config.drain_seconds + SENDING_SECONDS
    if config.lease_seconds < held:
        wrong.append(
            f"POSTERN_LEASE_SECONDS must be at least {held} with this POSTERN_DRAIN_SECONDS, or mail doubles."
        )
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", config.db_schema):
        wrong.append(
            "POSTERN_DB_SCHEMA may hold lower-case letters, digits and _, no digit first, no pg_. The default is postern."
        )
    return wrong


def is_local(host: str) -> bool:
    """A Unix socket's folder, or this machine by name or loop-back address."""
    return bool(re.fullmatch(r"/.*|127(\.\d{1,3}){3}|localhost|::1|\[::1\]", host, re.DOTALL))


def _hide_secrets(config: Config) -> None:
    """From here on no log line can show them."""
    from postern.base import redact

    for item in fields(Config):
        value = getattr(config, item.name)
        if item.metadata.get("secret") and value:
            redact.register(value)
    for part in (config.seal_keys + " " + config.webhook_secrets).replace(",", " ").split():
        redact.register(part)


def read_file(path: str) -> tuple[dict[str, str], list[str]]:
    """Variables of the file and what is wrong with it. No file: the environment may hold everything."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                return {}, [f"{path} can be read by others. Run: chmod 600 {path}"]
            text = file.read().decode("utf-8-sig")
    except FileNotFoundError:
        return {}, []
    except OSError:
        return {}, [
            f"{path} cannot be read by this user. It must belong to the account that runs Postern, mode 600."
        ]
    except UnicodeDecodeError:
        return {}, [f"{path} is not UTF-8 text. Write it anew from env.example."]
    return dotenv.parse(text)
