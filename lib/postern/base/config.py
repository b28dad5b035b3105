"""The settings of one instance, read and checked. A field `relay_port` of Config is the variable POSTERN_RELAY_PORT, in
`home/.env` or in the environment; the environment wins. Nobody else reads either.

Not here: the declarations (base/settings.py), the format of the file (base/dotenv.py), the home itself (base/home.py), and
what keys and secrets must look like (base/keyring.py, mail/envelope.py).
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import fields

from postern.base import dotenv
from postern.base.errors import ConfigError
from postern.base.settings import REQUIRED, Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from postern.base.relay_place import RelayPlace

PREFIX = "POSTERN_"
INSTALL_PREFIX = "POSTERN_INSTALL_"
"""Answers for install.sh (ops/install/answers.py). They may stand in .env, too, and are no settings."""
SENDING_SECONDS = 420
"""What the last delivery that a drain begins may take: the relay's limit for one message (300), and recording (120)."""


_FURTHER = re.compile(rf"^({PREFIX}RELAY)[2-9](?=_)")
"""What further relays' variables have more than those of the first."""


def variables() -> list[tuple[str, str, Mapping[str, Any]]]:
    """(variable, type name, notes) of every setting, in order."""
    return [(PREFIX + f.name.upper(), str(f.type), f.metadata) for f in fields(Config) if f.metadata]


def load(home: str, environ: Mapping[str, str]) -> Config:
    """Read home/.env and the environment. All that is missing or wrong is in one ConfigError."""
    path = os.path.join(home, ".env")
    given, wrong = read_file(path)
    known = {name for name, _, _ in variables()} | {"POSTERN_HOME"}
    for name in sorted(given):
        if (
            name.startswith(PREFIX)
            and not name.startswith(INSTALL_PREFIX)
            and _FURTHER.sub(r"\1", name) not in known
        ):
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
    given, wrong = _with_preset(given, "RELAY_")
    values: dict[str, Any] = {"home": home}
    for name, kind, notes in variables():
        try:
            values[name[len(PREFIX) :].lower()] = _value(name, kind, notes, given.get(name))
        except ConfigError as error:
            wrong.append(f"{error.reason} {error.remedy}")
    more, more_wrong = _more_relays(given)
    wrong += more_wrong
    if wrong:
        return None, wrong
    config = Config(**values, more_relays=more)
    wrong = _cross_checks(config)
    return (None, wrong) if wrong else (config, [])


def _with_preset(given: Mapping[str, str], relay: str) -> tuple[Mapping[str, str], list[str]]:
    """What is given, and below it what the preset of this relay (RELAY_, RELAY2_) says; and what is wrong with its name."""
    setting = f"{PREFIX}{relay}PRESET"
    name = given.get(setting, "")
    if not name:
        return given, []
    from postern.base import relay_presets

    preset = relay_presets.find(name)
    if preset is None:
        known = ", ".join(one.name for one in relay_presets.PRESETS)
        return given, [f"{setting} must be one of {known}. Or leave it empty, and set {PREFIX}{relay}HOST."]
    return {
        **{f"{PREFIX}{relay}{what}": value for what, value in preset.settings()},
        **{variable: value for variable, value in given.items() if value},
    }, []


def _more_relays(given: Mapping[str, str]) -> tuple[tuple[RelayPlace, ...], list[str]]:
    """The relays after the first, and what is wrong with them."""
    numbers = sorted({int(name[13]) for name, value in given.items() if value and _FURTHER.match(name)})
    if not numbers:
        return (), []
    from postern.base import relay_place

    notes = {name: (kind, what) for name, kind, what in variables()}
    more, wrong = [], []
    for number in numbers:
        have, unknown = _with_preset(given, f"RELAY{number}_")
        wrong += unknown
        values: dict[str, Any] = {}
        for suffix in relay_place.SUFFIXES:
            kind, what = notes[f"{PREFIX}RELAY_{suffix.upper()}"]
            name = f"{PREFIX}RELAY{number}_{suffix.upper()}"
            try:
                values[suffix] = _value(name, kind, what, have.get(name))
            except ConfigError as error:
                wrong.append(f"{error.reason} {error.remedy}")
        if not wrong:
            more.append(relay_place.RelayPlace(number, **values))
    return tuple(more), wrong


def _relay_checks(config: Config) -> list[str]:
    """Nothing goes in clear over a network, and no two share a row, and so a budget."""
    places = [("", config.relay_tls, config.relay_host, config.relay_port)]
    places += [(str(one.number), one.tls, one.host, one.port) for one in config.more_relays]
    wrong, seen = [], set()
    for number, tls, host, port in places:
        relay = f"{PREFIX}RELAY{number}"
        if tls == "none" and not is_local(host):
            wrong.append(
                f"{relay}_TLS=none would send mail and password in clear. Set it to starttls or implicit."
            )
        if (host.lower(), port) in seen:
            wrong.append(
                f"{relay}_HOST and its port are those of a relay before it. Give another relay, or take it out."
            )
        seen.add((host.lower(), port))
    return wrong


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
    wrong += _relay_checks(config)
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
    for relay in config.more_relays:
        if relay.password:
            redact.register(relay.password)
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
