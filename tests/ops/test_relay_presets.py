"""Presets of relays: each makes complete settings, and what is set by hand wins."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from postern.base import config, relay_presets
from postern.ops.install import settings

GIVEN = {
    "POSTERN_URL": "https://alias.example.org",
    **dict.fromkeys(("POSTERN_DB_NAME", "POSTERN_DB_USER", "POSTERN_SEAL_KEYS"), "x"),
    **dict.fromkeys(("POSTERN_INDEX_KEY", "POSTERN_WEBHOOK_SECRETS"), "x"),
}


@pytest.mark.parametrize("preset", relay_presets.PRESETS, ids=lambda preset: preset.name)
def test_each_preset_makes_settings_that_are_complete(preset: relay_presets.Preset) -> None:
    given = {**GIVEN, "POSTERN_RELAY_PRESET": preset.name}
    if not preset.host:
        made, wrong = config.build("", given)
        assert made is None and wrong[0].startswith("POSTERN_RELAY_HOST is missing")
        given["POSTERN_RELAY_HOST"] = "smtp.example.net"
    made, wrong = config.build("", given)
    assert made is not None, wrong
    assert made.relay_host == (preset.host or "smtp.example.net")
    assert (made.relay_port, made.relay_tls, made.relay_user) == (preset.port, preset.tls, preset.user)
    assert (made.relay_per_hour, made.relay_per_day) == (preset.per_hour, preset.per_day)


def test_what_is_set_wins_over_the_preset_and_an_unknown_one_is_named() -> None:
    given = {
        **GIVEN,
        "POSTERN_RELAY_PRESET": "sendgrid",
        "POSTERN_RELAY_PORT": "2525",
        "POSTERN_RELAY_TLS": "starttls",
    }
    made, _ = config.build("", {**given, "POSTERN_RELAY_PER_DAY": "40000", "POSTERN_RELAY_HOST": ""})
    assert made is not None
    assert (made.relay_host, made.relay_port, made.relay_tls) == ("smtp.sendgrid.net", 2525, "starttls")
    assert (made.relay_user, made.relay_per_day) == ("apikey", 40_000)
    _, wrong = config.build("", {**given, "POSTERN_RELAY_PRESET": "sendgird"})
    assert "POSTERN_RELAY_PRESET must be one of gmail," in wrong[0]


@pytest.mark.parametrize(
    ("preset", "asked"), [("", 5), ("resend", 2), ("ses", 4), ("gmail", 3), ("unknown", 5)]
)
def test_the_installer_asks_for_nothing_that_the_preset_knows(preset: str, asked: int) -> None:
    answers = SimpleNamespace(get={"POSTERN_RELAY_PRESET": preset}.get)
    assert len(settings._questions(SimpleNamespace(answers=answers))) == asked  # type: ignore[arg-type]
