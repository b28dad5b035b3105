"""POSTERN_RELAY2_… to POSTERN_RELAY9_…: read as the first relay's settings are, checked as they are, and kept secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from postern.base import config, redact
from postern.base.errors import ConfigError
from postern.base.relay_place import places

GIVEN = {
    "POSTERN_URL": "https://alias.example.org",
    **dict.fromkeys(("POSTERN_DB_NAME", "POSTERN_DB_USER", "POSTERN_SEAL_KEYS"), "x"),
    **dict.fromkeys(("POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS"), "x"),
    "POSTERN_RELAY_HOST": "one.example",
}


def test_the_relays_come_in_the_order_of_their_numbers_with_their_own_settings() -> None:
    made, wrong = config.build(
        "",
        {
            **GIVEN,
            "POSTERN_RELAY9_PRESET": "postmark",
            "POSTERN_RELAY3_HOST": "three.example",
            "POSTERN_RELAY3_PORT": "2525",
            "POSTERN_RELAY3_PASSWORD": "pass three",
            "POSTERN_RELAY3_PER_DAY": "7",
            "POSTERN_RELAY4_HOST": "",
        },
    )
    assert made is not None, wrong
    found = places(made)
    assert [(one.number, one.name) for one in found] == [
        (1, "one.example:587"),
        (3, "three.example:2525"),
        (9, "smtp.postmarkapp.com:587"),
    ]
    assert (found[1].per_hour, found[1].per_day, found[1].tls) == (100, 7, "starttls")
    assert found[2].per_day == 100
    assert "pass three" not in repr(made)


WRONG = {
    "no host": ({"POSTERN_RELAY2_USER": "me"}, "POSTERN_RELAY2_HOST is missing"),
    "a number": (
        {"POSTERN_RELAY2_HOST": "two.example", "POSTERN_RELAY2_PORT": "x"},
        "POSTERN_RELAY2_PORT must be",
    ),
    "a preset": ({"POSTERN_RELAY2_PRESET": "x"}, "POSTERN_RELAY2_PRESET must be one of"),
    "in clear": (
        {"POSTERN_RELAY2_HOST": "two.example", "POSTERN_RELAY2_TLS": "none"},
        "POSTERN_RELAY2_TLS=none",
    ),
    "the same": (
        {"POSTERN_RELAY2_HOST": "ONE.example"},
        "POSTERN_RELAY2_HOST and its port are those of a relay before",
    ),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_further_relay_is_named_with_its_number(
    given: dict[str, str], said: str
) -> None:
    made, wrong = config.build("", {**GIVEN, **given})
    assert made is None
    assert any(line.startswith(said) for line in wrong), wrong


def test_unknown_names_are_refused_and_the_password_reaches_no_log(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.touch(0o600)
    lines = [f"{name}={value}" for name, value in GIVEN.items()]
    path.write_text(
        "\n".join([*lines, "POSTERN_RELAY2_HOST=two.example", "POSTERN_RELAY2_PASSWORD=second-pass"])
    )
    config.load(str(tmp_path), {})
    assert "second-pass" not in redact.clean("they said second-pass")
    for name in (
        "POSTERN_RELAY1_HOST",
        "POSTERN_RELAY10_HOST",
        "POSTERN_RELAY2_HOTS",
        "POSTERN_RELAY2_SECRET",
    ):
        path.write_text("\n".join([*lines, f"{name}=x"]))
        with pytest.raises(ConfigError, match=f"{name} is no setting"):
            config.load(str(tmp_path), {})
