"""The installer's settings: where answers come from, what is written to .env, and what is never overwritten."""

from __future__ import annotations

import io
import os
import pathlib
import stat

import pytest

from postern.base import config, dotenv
from postern.base.errors import ConfigError
from postern.ops.install.answers import Answers, Question
from postern.ops.install.env_file import EnvFile
from postern.ops.install.installation import Installation
from postern.ops.install.settings import SETTINGS
from postern.ops.install.talk import Talk

GIVEN = {"POSTERN_URL": "https://alias.example.org", "POSTERN_RELAY_HOST": "smtp.example.net"}


def made(home: pathlib.Path, environ: dict[str, str]) -> Installation:
    home.mkdir(exist_ok=True)
    env, talk = EnvFile(str(home)), Talk(io.StringIO(), interactive=False)
    return Installation(str(home.parent), str(home), Answers(environ, env, talk), env, talk)


def written(home: pathlib.Path) -> dict[str, str]:
    values, wrong = dotenv.parse((home / ".env").read_text())
    assert wrong == []
    return {name: value for name, value in values.items() if value}


def test_a_new_env_is_the_example_filled_in(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    site = made(home, {**GIVEN, "POSTERN_RELAY_PASSWORD": 'it\'s "$5" \\ a #day', "POSTERN_LOG_DAYS": "7"})
    assert SETTINGS.plan(site).startswith("write POSTERN_URL, POSTERN_RELAY_HOST and make POSTERN_SEAL_KEYS")
    SETTINGS.do(site)
    assert stat.S_IMODE(os.stat(home / ".env").st_mode) == 0o600
    text = (home / ".env").read_text()
    assert "# Public address of this site" in text
    values = written(home)
    assert values["POSTERN_RELAY_PASSWORD"] == 'it\'s "$5" \\ a #day'
    assert (values["POSTERN_LOG_DAYS"], text.count("POSTERN_LOG_DAYS=")) == ("7", 1)
    found, wrong = config.build(str(home), {**values, "POSTERN_DB_NAME": "d", "POSTERN_DB_USER": "u"})
    assert wrong == []
    assert found is not None
    assert found.url == GIVEN["POSTERN_URL"]
    assert any("Keep a copy" in line for line in site.next_steps)


def test_a_second_run_changes_nothing(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    SETTINGS.do(made(home, GIVEN))
    before = (home / ".env").read_bytes()
    again = made(home, {**GIVEN, "POSTERN_URL": "https://other.example"})
    assert SETTINGS.plan(again) == ""
    assert "nothing was changed" in SETTINGS.do(again)
    assert (home / ".env").read_bytes() == before
    assert "POSTERN_URL in the environment is another" in again.talk.out.getvalue()  # type: ignore[attr-defined]


def test_what_the_operator_wrote_stays_and_only_what_is_missing_is_added(tmp_path: pathlib.Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine = "# mine\r\nPOSTERN_URL = https://mine.example\r\nPOSTERN_RELAY_HOST=\r\nPOSTERN_INSTALL_USER=joe"
    (home / ".env").write_bytes(mine.encode())
    (home / ".env").chmod(0o644)
    SETTINGS.do(made(home, GIVEN))
    text = (home / ".env").read_bytes().decode()
    assert text.startswith(
        "# mine\r\nPOSTERN_URL = https://mine.example\r\nPOSTERN_RELAY_HOST=smtp.example.net\n"
    )
    assert "POSTERN_INSTALL_USER=joe\n" in text
    assert written(home)["POSTERN_URL"] == "https://mine.example"
    assert stat.S_IMODE(os.stat(home / ".env").st_mode) == 0o600


def test_all_missing_answers_are_named_at_once_and_nothing_is_written(tmp_path: pathlib.Path) -> None:
    site = made(tmp_path / "home", {})
    with pytest.raises(ConfigError) as caught:
        SETTINGS.do(site)
    assert "POSTERN_URL" in caught.value.reason
    assert "POSTERN_RELAY_HOST" in caught.value.reason
    assert "POSTERN_RELAY_PASSWORD" not in caught.value.reason
    assert not (tmp_path / "home" / ".env").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTERN_URL", "http://alias.example.org"),
        ("POSTERN_RELAY_PORT", "smtp"),
        ("POSTERN_HSTS", "forever"),
    ],
)
def test_a_wrong_answer_is_refused_before_anything_is_written(
    tmp_path: pathlib.Path, name: str, value: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        SETTINGS.do(made(tmp_path / "home", {**GIVEN, name: value}))
    assert name in caught.value.reason
    assert not (tmp_path / "home" / ".env").exists()


def test_a_home_that_was_in_use_gets_no_new_keys(tmp_path: pathlib.Path) -> None:
    """They would not open what is in its database."""
    home = tmp_path / "home"
    SETTINGS.do(made(home, GIVEN))
    (home / "install.json").write_text("{}")
    (home / ".env").write_text("".join(f"{name}={value}\n" for name, value in GIVEN.items()))
    with pytest.raises(ConfigError, match="holds no keys"):
        SETTINGS.do(made(home, {}))


def test_somebody_at_a_terminal_is_asked_for_what_is_missing_only(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt.strip())
        return "typed" if "name" in prompt else ""

    monkeypatch.setattr("builtins.input", answer)
    env, talk = EnvFile(str(tmp_path)), Talk(io.StringIO(), interactive=True)
    answers = Answers({"A": "given"}, env, talk)
    questions = [
        Question("A", "a"),
        Question("B", "a name"),
        Question("C", "a port", "587"),
        Question("D", "x", optional=True),
    ]
    assert answers.settle(questions) == {"A": "given", "B": "typed", "C": "587"}
    assert asked == ["a name:", "a port [587]:", "x:"]
    assert answers.get("B") == "typed"
