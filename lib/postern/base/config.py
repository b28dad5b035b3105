"""Every setting, declared once: name, type, default, secret or not, help, and how to make it.

`env.example` and docs/settings.md are made from this file. A field `relay_port` is the variable POSTERN_RELAY_PORT, in
`home/.env` or in the environment; the environment wins. Nobody else reads either.

Not here: the format of the file (base/dotenv.py), the home itself (base/home.py), and what keys and secrets must look
like (base/keyring.py, mail/envelope.py).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field, fields

from postern.base import dotenv
from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

PREFIX = "POSTERN_"
REQUIRED = object()


def setting(
    default: object,
    text: str,
    *,
    secret: bool = False,
    choices: tuple[str, ...] = (),
    least: int = 0,
    make: str = "",
) -> Any:
    """One declaration. `default` REQUIRED: there is none, and the operator must give a value.

    `least` is the smallest number allowed; `make` is a command that prints a good value.
    """
    notes = {
        "text": text,
        "secret": secret,
        "choices": choices,
        "least": least,
        "make": make,
        "default": default,
    }
    return field(default="" if default is REQUIRED else default, repr=not secret, metadata=notes)


@dataclass(frozen=True)
class Config:
    """The settings of one instance. Secrets stay out of repr()."""

    url: str = setting(REQUIRED, "Public address of this site, with https:// and without a path.")

    db_host: str = setting(
        "/var/run/postgresql", "PostgreSQL: host name, or the folder of its Unix socket (begins with /)."
    )
    db_port: int = setting(5432, "PostgreSQL: port, also part of the socket's name.", least=1)
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
    relay_port: int = setting(587, "SMTP relay: port (465 implicit TLS, 587 or 2525 STARTTLS).", least=1)
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
        26_214_400, "Largest message taken (bytes). Cloudflare takes 25 MiB.", least=1024
    )
    retry_days: int = setting(5, "Days until a delivery that meets only passing trouble has failed.", least=1)
    keep_failed_days: int = setting(14, "Days that the mail of a failed delivery stays, sealed.")
    keep_sent_days: int = setting(30, "Days that rows about finished deliveries stay.", least=1)
    drain_seconds: int = setting(50, "A drain begins no new delivery after so long (seconds).", least=1)
    drain_batch: int = setting(20, "Deliveries claimed at a time.", least=1)
    lease_seconds: int = setting(900, "How long a drain may hold a delivery (seconds).", least=60)
    spool_max_bytes: int = setting(524_288_000, "Most bytes kept in the spool while the database is away.")
    disk_free_bytes: int = setting(
        52_428_800, "With less free disk, mail is asked to come back later (bytes)."
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
    given, wrong = _read_file(path)
    known = {name for name, _, _ in variables()} | {"POSTERN_HOME"}
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in known:
            wrong.append(f"{name} is no setting. Look it up in env.example, or take the line out.")
    given.update({name: value for name, value in environ.items() if name.startswith(PREFIX)})
    values: dict[str, Any] = {"home": home}
    for name, kind, notes in variables():
        try:
            values[name[len(PREFIX) :].lower()] = _value(name, kind, notes, given.get(name))
        except ConfigError as error:
            wrong.append(f"{error.reason} {error.remedy}")
    if not wrong:
        config = Config(**values)
        wrong = _cross_checks(config)
        if not wrong:
            _hide_secrets(config)
            return config
    raise ConfigError(
        "\n".join(f"- {line}" for line in wrong), f"Mend {path}, then try again; `postern env check` looks."
    )


def _value(name: str, kind: str, notes: Mapping[str, Any], text: str | None) -> str | int:
    if text is None or text == "":
        if notes["default"] is REQUIRED:
            hint = f"`{notes['make']}` prints one." if notes["make"] else str(notes["text"])
            raise ConfigError(f"{name} is missing.", hint)
        default: str | int = notes["default"]
        return default
    if kind == "int":
        if not (text.isascii() and text.isdigit()) or int(text) < notes["least"]:
            raise ConfigError(
                f"{name} must be a whole number of at least {notes['least']}.", str(notes["text"])
            )
        return int(text)
    if notes["choices"] and text not in notes["choices"]:
        raise ConfigError(f"{name} must be one of {', '.join(notes['choices'])}.", str(notes["text"]))
    return text


def _cross_checks(config: Config) -> list[str]:
    """What no setting can tell of itself."""
    wrong = []
    secure = config.url.startswith("https://") or is_local(
        config.url.split("//")[-1].split(":")[0].split("/")[0]
    )
    if "//" not in config.url or not secure or config.url.rstrip("/").count("/") != 2:
        wrong.append("POSTERN_URL must look like https://alias.example.org. Give scheme and host, no path.")
    if config.db_sslmode == "disable" and not is_local(config.db_host):
        wrong.append(
            "POSTERN_DB_SSLMODE=disable would send the password in clear. Set it to verify-full, or require."
        )
    if config.relay_tls == "none" and not is_local(config.relay_host):
        wrong.append(
            "POSTERN_RELAY_TLS=none would send mail and password in clear. Set it to starttls or implicit."
        )
    if not config.db_schema.replace("_", "a").isalnum() or config.db_schema != config.db_schema.lower():
        wrong.append(
            "POSTERN_DB_SCHEMA may hold lower-case letters, digits and _ only. The default is postern."
        )
    return wrong


def is_local(host: str) -> bool:
    """A Unix socket's folder, or this machine by name or loop-back address."""
    return host.startswith(("/", "127.")) or host in ("localhost", "::1", "[::1]")


def _hide_secrets(config: Config) -> None:
    """From here on no log line can show them."""
    from postern.base import redact

    for item in fields(Config):
        if item.metadata.get("secret"):
            for part in getattr(config, item.name).replace(",", " ").split():
                redact.register(part)


def _read_file(path: str) -> tuple[dict[str, str], list[str]]:
    """Variables of the file and what is wrong with it. No file: the environment may hold everything."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_IMODE(mode) & 0o077:
                return {}, [f"{path} can be read by others. Run: chmod 600 {path}"]
            text = file.read().decode("utf-8")
    except FileNotFoundError:
        return {}, []
    except PermissionError:
        return {}, [
            f"{path} cannot be read by this user. It must belong to the account that runs Postern, mode 600."
        ]
    except UnicodeDecodeError:
        return {}, [f"{path} is not UTF-8 text. Write it anew from env.example."]
    return dotenv.parse(text)


def example() -> str:
    """The text of env.example: every setting, what it means, its default, and how to make a secret."""
    lines = [
        "# Settings of Postern. Copy to ~/.postern/.env, chmod 600, and fill in what is marked REQUIRED.",
        "# Made by `postern env example`; a commented line shows the default.",
    ]
    for name, _, notes in variables():
        lines += ["", f"# {notes['text']}"]
        if notes["choices"]:
            lines.append(f"# One of: {', '.join(notes['choices'])}")
        if notes["make"]:
            lines.append(f"# Make it with: {notes['make']}")
        if notes["default"] is REQUIRED:
            lines += ["# REQUIRED", f"{name}="]
        else:
            lines.append(f"#{name}={notes['default']}")
    return "\n".join(lines) + "\n"


def table() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# Settings",
        "",
        "Variables of `~/.postern/.env` (mode 600) or of the environment, which wins.",
        "Made by `postern env table`; a test keeps it true.",
        "",
        "| variable | default | what it is |",
        "| --- | --- | --- |",
    ]
    for name, _, notes in variables():
        default = (
            "**required**"
            if notes["default"] is REQUIRED
            else f"`{notes['default']}`"
            if notes["default"] != ""
            else ""
        )
        text = notes["text"] + (f" One of: {', '.join(notes['choices'])}." if notes["choices"] else "")
        text += (" Secret." if notes["secret"] else "") + (
            f" Make it with `{notes['make']}`." if notes["make"] else ""
        )
        lines.append(f"| `{name}` | {default} | {text} |")
    return "\n".join(lines) + "\n"
