"""The settings: all that is wrong is told at once and by name, the file is private, secrets stay out of sight.

Covered: what is missing, each kind of wrong value, what two settings say together, the file (mode, owner, text), the
environment over the file. Not here: the format of the file (test_dotenv.py), the exit code (tests/cli), the 503 page
(tests/web), the texts made from the declarations (tests/house/test_docs.py).
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from postern.base import config, redact
from postern.base.config import is_local, load
from postern.base.errors import ConfigError
from postern.base.settings import REQUIRED, Config

GIVEN = {
    "POSTERN_URL": "https://alias.example.org",
    "POSTERN_DB_NAME": "account_postern",
    "POSTERN_DB_USER": "account_postern",
    "POSTERN_SEAL_KEYS": "k1:c2VhbC1rZXktb2YtdGhlLWNvbmZpZy10ZXN0cw==",
    "POSTERN_INDEX_KEY": "aW5kZXgta2V5LW9mLXRoZS1jb25maWctdGVzdHM=",
    "POSTERN_WEBHOOK_SECRETS": "whsec_d2ViaG9vay1zZWNyZXQtb2YtdGVzdHM=",
    "POSTERN_RELAY_HOST": "smtp.relay.example",
}
"""The least that an operator must say."""

SECRETS = [name for name, _, notes in config.variables() if notes["secret"]]
NAMES = [name for name, _, _ in config.variables()]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty .env. What the log learns to hide is forgotten after the test."""
    monkeypatch.setattr(redact, "_known", redact._known)
    path = tmp_path / ".env"
    path.touch(0o600)
    return path


def write(path: Path, **settings: str) -> str:
    """A .env with these settings over the required ones; returns the home."""
    path.write_text("".join(f"{name}={value}\n" for name, value in {**GIVEN, **settings}.items()))
    return str(path.parent)


def wrong(home: str, environ: dict[str, str] | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(home, environ or {})
    return caught.value


def test_the_required_settings_are_enough_and_the_rest_has_its_default(env: Path):
    found = load(write(env), {})
    assert found.home == str(env.parent)
    for name, _, notes in config.variables():
        value = getattr(found, name[len("POSTERN_") :].lower())
        assert value == (GIVEN[name] if notes["default"] is REQUIRED else notes["default"])


def test_the_environment_alone_is_enough(tmp_path: Path):
    assert load(str(tmp_path / "no-home"), GIVEN).db_name == "account_postern"


def test_all_that_is_missing_is_told_at_once_by_name(env: Path):
    error = wrong(str(env.parent))
    assert error.exit_code == 78
    assert error.http_status == 503
    lines = error.reason.split("\n")
    assert len(lines) == len(GIVEN)
    for name in GIVEN:
        (line,) = [line for line in lines if f" {name} " in line]
        assert "is missing" in line
    for name in ("POSTERN_SEAL_KEYS", "POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS"):
        assert "`postern keys new`" in next(line for line in lines if name in line)
    assert str(env) in error.remedy


@pytest.mark.parametrize("name", GIVEN)
def test_an_empty_value_counts_as_missing(env: Path, name: str):
    assert f"{name} is missing" in wrong(write(env, **{name: ""})).reason


WRONG = {
    "POSTERN_DB_PORT": ("0", "65536", "-1", "5432.0", "５４３２", "1e3", "9" * 5000, "0x10", "5 432"),
    "POSTERN_DB_SSLMODE": ("prefer", "REQUIRE", "on"),
    "POSTERN_DB_STATEMENT_SECONDS": ("0", "3000000", "10s"),
    "POSTERN_DB_POOL": ("0", "many"),
    "POSTERN_RELAY_PORT": ("0", "70000"),
    "POSTERN_RELAY_TLS": ("yes",),
    "POSTERN_RELAY_PER_HOUR": ("-1", "none"),
    "POSTERN_MAX_MESSAGE_BYTES": ("1023", "25MB", str(10**16)),
    "POSTERN_LEASE_SECONDS": ("59",),
    "POSTERN_KEEP_SENT_DAYS": ("0", "3000000000"),
    "POSTERN_LOG_LEVEL": ("verbose",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in WRONG for value in WRONG[name]])
def test_a_wrong_value_is_told_by_name(env: Path, name: str, value: str):
    error = wrong(write(env, **{name: value}))
    assert error.reason.startswith(f"- {name} must be ")
    assert "\n" not in error.reason


def test_everything_wrong_is_told_in_one_error(env: Path):
    text = "".join(f"{name}={values[0]}\n" for name, values in WRONG.items())
    env.write_text(text + "this line makes no sense\nPOSTERN_RELAY_PROT=25\n")
    lines = wrong(str(env.parent)).reason.split("\n")
    for name in (*WRONG, *GIVEN, "POSTERN_RELAY_PROT"):
        assert len([line for line in lines if f"- {name} " in line]) == 1, name
    assert f"- Line {len(WRONG) + 1} of .env makes no sense" in "\n".join(lines)
    assert len(lines) == len(WRONG) + len(GIVEN) + 2


TOGETHER = (
    ("POSTERN_URL", {"POSTERN_URL": "alias.example.org"}),
    ("POSTERN_URL", {"POSTERN_URL": "http://alias.example.org"}),
    ("POSTERN_URL", {"POSTERN_URL": "https://alias.example.org/postern"}),
    ("POSTERN_URL", {"POSTERN_URL": "https://alias.example.org?x=1"}),
    ("POSTERN_URL", {"POSTERN_URL": "https://jane:pw@alias.example.org"}),
    ("POSTERN_URL", {"POSTERN_URL": "https://alias.example.org\\nX: 1"}),
    ("POSTERN_URL", {"POSTERN_URL": "https://"}),
    ("POSTERN_URL", {"POSTERN_URL": "ftp://localhost"}),
    ("POSTERN_URL", {"POSTERN_URL": "http://localhost.example.org"}),
    ("POSTERN_DB_SSLMODE", {"POSTERN_DB_HOST": "db.example.net"}),
    ("POSTERN_DB_SSLMODE", {"POSTERN_DB_HOST": "10.0.0.5"}),
    ("POSTERN_DB_SSLMODE", {"POSTERN_DB_HOST": "127.example.net"}),
    ("POSTERN_RELAY_TLS", {"POSTERN_RELAY_TLS": "none"}),
    ("POSTERN_LEASE_SECONDS", {"POSTERN_LEASE_SECONDS": "469"}),
    ("POSTERN_LEASE_SECONDS", {"POSTERN_DRAIN_SECONDS": "481"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "Postern"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "1postern"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "pg_postern"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "x; DROP SCHEMA public"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": 'x"y'}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "é"}),
    ("POSTERN_DB_SCHEMA", {"POSTERN_DB_SCHEMA": "a" * 64}),
)


@pytest.mark.parametrize(("name", "settings"), TOGETHER)
def test_what_cannot_go_together_is_told(env: Path, name: str, settings: dict[str, str]):
    error = wrong(
        write(env, **{key: f'"{value}"' if '"' not in value else value for key, value in settings.items()})
    )
    assert error.reason.startswith(f"- {name}")
    assert "\n" not in error.reason


FINE = (
    {"POSTERN_URL": "https://alias.example.org/"},
    {"POSTERN_URL": "https://alias.example.org:8443"},
    {"POSTERN_URL": "http://localhost:8025"},
    {"POSTERN_URL": "http://127.0.0.1"},
    {"POSTERN_URL": "http://[::1]:8025"},
    {"POSTERN_DB_HOST": "localhost"},
    {"POSTERN_DB_HOST": "db.example.net", "POSTERN_DB_SSLMODE": "require"},
    {"POSTERN_DB_HOST": "db.example.net", "POSTERN_DB_SSLMODE": "verify-full"},
    {"POSTERN_RELAY_TLS": "none", "POSTERN_RELAY_HOST": "127.0.0.1"},
    {"POSTERN_RELAY_PER_HOUR": "0"},
    {"POSTERN_LEASE_SECONDS": "470"},
    {"POSTERN_LEASE_SECONDS": "3600", "POSTERN_DRAIN_SECONDS": "3180"},
    {"POSTERN_DB_SCHEMA": "user"},
    {"POSTERN_SPOOL_MAX_BYTES": "100000000000"},
)


@pytest.mark.parametrize("settings", FINE)
def test_what_goes_together_is_taken(env: Path, settings: dict[str, str]):
    found = load(write(env, **settings), {})
    for name, value in settings.items():
        assert str(getattr(found, name[len("POSTERN_") :].lower())) == value


LOCAL = ("/run/postgresql", "localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]")
FAR = (
    "",
    "db.example.net",
    "127.example.net",
    "localhost.example.net",
    "10.0.0.1",
    "::",
    "0.0.0.0",
    "127.0.0.1.nip.io",
)


@pytest.mark.parametrize(("host", "expected"), [(h, True) for h in LOCAL] + [(h, False) for h in FAR])
def test_this_machine_is_told_from_others(host: str, expected: bool):
    assert is_local(host) is expected


def test_the_environment_wins_over_the_file(env: Path):
    home = write(env, POSTERN_RELAY_PORT="25", POSTERN_LOG_DAYS="3")
    found = load(home, {"POSTERN_RELAY_PORT": "465", "POSTERN_URL": "https://other.example", "PATH": "/bin"})
    assert (found.relay_port, found.log_days, found.url) == (465, 3, "https://other.example")


def test_a_misspelt_setting_in_the_file_is_told_and_other_programs_variables_are_not(env: Path):
    home = write(env, POSTERN_RELAY_PASWORD="x", PATH="/bin", POSTERN_HOME="/elsewhere")
    error = wrong(home)
    assert error.reason.startswith("- POSTERN_RELAY_PASWORD is no setting.")
    assert "\n" not in error.reason
    write(env, PATH="/bin", POSTERN_HOME="/elsewhere")
    assert load(home, {"POSTERN_UNKNOWN": "of another program"}).home == home


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o602, 0o610, 0o601, 0o777])
def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(env: Path, mode: int):
    home = write(env)
    env.chmod(mode)
    error = wrong(home)
    assert f"{env} can be read by others. Run: chmod 600 {env}" in error.reason


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_private_file_is_taken(env: Path, mode: int):
    home = write(env)
    env.chmod(mode)
    assert load(home, {}).db_name == "account_postern"


def test_a_file_of_somebody_else_is_told(env: Path):
    home = write(env)
    if os.geteuid() != 0:
        env.chmod(0)
        assert "cannot be read by this user" in wrong(home).reason
        return
    os.seteuid(65534)
    try:
        error = wrong(home)
    finally:
        os.seteuid(0)
    assert "cannot be read by this user" in error.reason


def test_a_folder_in_the_files_place_is_told(tmp_path: Path):
    (tmp_path / ".env").mkdir(0o700)
    assert "cannot be read" in wrong(str(tmp_path)).reason


def test_a_file_that_is_not_utf_8_is_told(env: Path):
    env.write_bytes(b"POSTERN_DB_PASSWORD=caf\xe9\n")
    assert "is not UTF-8 text" in wrong(str(env.parent)).reason


def test_a_byte_order_mark_from_a_windows_editor_is_no_harm(env: Path):
    home = write(env)
    env.write_bytes(b"\xef\xbb\xbf" + env.read_bytes().replace(b"\n", b"\r\n"))
    assert load(home, {}).url == GIVEN["POSTERN_URL"]


def test_secrets_are_not_shown_by_repr_and_not_by_the_log_afterwards(env: Path):
    values = {name: GIVEN.get(name, f"sesame-{name.lower()}") for name in SECRETS}
    found = load(write(env, **values), {})
    assert len(values) >= 5
    for name, value in values.items():
        assert getattr(found, name[len("POSTERN_") :].lower()) == value
        for shown in (repr(found), str(found), f"{found}", redact.clean(f"trouble with {value} here")):
            assert value not in shown


@pytest.mark.parametrize("name", SECRETS)
def test_no_error_shows_a_secret(env: Path, name: str):
    home = write(env, **{name: "sesame-open", "POSTERN_DB_PORT": "x", "POSTERN_LOG_LEVEL": "x"})
    env.write_text(f"{env.read_text()}{name}='sesame-open\n{name} sesame-open\n")
    error = wrong(home)
    assert "sesame" not in f"{error}{error!r}{error.args}"


def test_settings_cannot_be_changed_once_read(env: Path):
    found = load(write(env), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.url = "x"  # type: ignore[misc]


def test_each_variable_is_declared_once_with_a_help_and_a_type_that_is_read():
    assert len(set(NAMES)) == len(NAMES) == len(dataclasses.fields(Config)) - 2
    for name, kind, notes in config.variables():
        assert kind in ("str", "int"), name
        assert notes["text"].endswith("."), name
        assert notes["default"] is REQUIRED or kind == type(notes["default"]).__name__, name
        assert not notes["secret"] or notes["default"] in ("", REQUIRED), f"{name}: a secret has no default"
        assert not notes["choices"] or notes["default"] in notes["choices"], name
        assert (
            kind == "str"
            or notes["default"] is REQUIRED
            or notes["least"] <= notes["default"] <= notes["most"]
        )
