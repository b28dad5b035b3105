"""The documents are true: what the program prints is what stands there, and what they name exists.

Covered: env.example, docs/settings.md and docs/cli.md against the program; every command, setting and file named in README,
docs/ and in the program's own words.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiers
from postern.base import config, dotenv, errors
from postern.base.config import load
from postern.base.settings import REQUIRED
from postern.cli.commands import _walk
from postern.cli.main import build_parser
from postern.ops import settings_pages
from postern.ops.install import answers

TOP = tiers.TOP
PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").rglob("*.md")])
NAMES = [name for name, _, _ in config.variables()]

PRINTED = {
    "env.example": ("env", "example"),
    "docs/settings.md": ("env", "table"),
    "docs/cli.md": ("commands",),
    "docs/api.md": ("api", "page"),
}
"""File -> the command that prints it."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(TOP).as_posix())


@pytest.mark.parametrize("name", PRINTED)
def test_a_printed_page_is_as_the_program_prints_it(name: str, tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "postern", *PRINTED[name]],
        env={"PYTHONPATH": str(TOP / "lib"), "POSTERN_HOME": str(tmp_path), "COLUMNS": "80"},
        capture_output=True,
        check=True,
    )
    assert (TOP / name).read_bytes() == done.stdout, f"run: postern {' '.join(PRINTED[name])} > {name}"
    assert b"\r" not in done.stdout
    assert not any(line.endswith(b" ") for line in done.stdout.split(b"\n"))


# env.example and docs/settings.md.


def test_the_example_names_every_setting_once_and_leaves_open_just_the_required():
    lines = settings_pages.example().split("\n")
    for name in NAMES:
        assert len([line for line in lines if line.lstrip("#").partition("=")[0] == name]) == 1, name
    found, trouble = dotenv.parse(settings_pages.example())
    assert trouble == []
    assert found == {name: "" for name, _, notes in config.variables() if notes["default"] is REQUIRED}


def test_the_example_with_its_comments_taken_off_is_the_default(tmp_path: Path):
    given = {name: "x" for name, _, notes in config.variables() if notes["default"] is REQUIRED}
    given["POSTERN_URL"] = "https://alias.example.org"
    text = settings_pages.example()
    for name, value in given.items():
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    path = tmp_path / ".env"
    path.touch(0o600)
    path.write_text(text.replace("\n#POSTERN_", "\nPOSTERN_"))
    everything, _ = dotenv.parse(path.read_text())
    assert list(everything) == NAMES
    from_file = load(str(tmp_path), {})
    path.unlink()
    assert from_file == load(str(tmp_path), given)


def test_the_example_says_how_to_make_each_key():
    text = settings_pages.example()
    for name, _, notes in config.variables():
        if notes["make"]:
            assert re.search(rf"# Make it with: {notes['make']}\n# REQUIRED\n{name}=", text)


def test_the_table_has_a_row_for_every_setting():
    rows = [line for line in settings_pages.table().split("\n") if line.startswith("| `POSTERN_")]
    assert [row.split("`")[1] for row in rows] == NAMES
    for row, (name, _, notes) in zip(rows, config.variables()):
        assert row.count("|") == 4, name
        assert ("**required**" in row) is (notes["default"] is REQUIRED)
        assert (" Secret." in row) is notes["secret"]


# docs/cli.md.


def test_the_page_of_commands_has_each_with_its_words_and_an_example():
    page = (TOP / "docs" / "cli.md").read_text()
    for name, text, example in _walk(build_parser()):
        assert text, name
        assert example.startswith(name), name
        assert f"| `{name}` | {text} | `{example}` |" in page


def test_the_page_of_commands_names_every_exit_code():
    page = (TOP / "docs" / "cli.md").read_text()
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.PosternError)
    ]
    assert len(kinds) > 5
    for kind in kinds:
        assert re.search(rf"\b{kind.exit_code} ", page), f"{kind.__name__}: {kind.exit_code}"


def test_the_page_about_relays_has_the_presets_as_the_program_prints_them(
    capsys: pytest.CaptureFixture[str],
):
    build_parser().parse_args(["relay", "table"]).run(None)
    assert capsys.readouterr().out in (TOP / "docs" / "relays.md").read_text()


def test_the_page_about_cron_has_the_table_of_jobs_as_the_program_prints_it(
    capsys: pytest.CaptureFixture[str],
):
    build_parser().parse_args(["jobs", "table"]).run(None)
    assert capsys.readouterr().out in (TOP / "docs" / "operations" / "cron.md").read_text()


def test_the_page_about_performance_is_made_of_the_figures_that_were_saved(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(TOP / "tests" / "bench"))
    import everything  # what measures them still finds what it measures

    for path, text in everything.page.made().items():
        assert path.read_text(encoding="utf-8") == text, "run: tests/bench/run"


# What is named exists.


KNOWN_COMMANDS = {name.split(" ", 1)[1] for name, _, _ in _walk(build_parser())}
NOUNS = {name.split()[0] for name in KNOWN_COMMANDS}


def strings(path: Path) -> Iterator[str]:
    """String literals of a Python file, docstrings too; an f-string's holes are told as X."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def texts() -> Iterator[tuple[str, str]]:
    """Everything that people read: (place, text)."""
    for page in PAGES:
        yield page.relative_to(TOP).as_posix(), page.read_text(encoding="utf-8")
    for path in sorted((TOP / "lib").rglob("*.py")):
        for text in strings(path):
            yield path.relative_to(TOP).as_posix(), text
    yield "install.sh", (TOP / "install.sh").read_text()
    for path in sorted((TOP / "schema").glob("*.sql")):
        yield path.name, path.read_text()


COMMAND = re.compile(r"(?:`|: |^|\| )postern ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")


def commands_named(text: str) -> Iterator[str]:
    """Commands as they are written: `postern …`, or after "See: " and at the start of an example."""
    for noun, verb in COMMAND.findall(text):
        if noun in NOUNS or verb:
            yield noun if noun in KNOWN_COMMANDS else f"{noun} {verb}".strip()


def test_every_command_that_is_named_exists():
    named = [(place, command) for place, text in texts() for command in commands_named(text)]
    assert len(named) > 40
    wrong = [(place, command) for place, command in named if command not in KNOWN_COMMANDS | NOUNS]
    assert wrong == []


def test_that_check_itself_sees():
    assert list(commands_named("Run: postern usr add")) == ["usr add"]
    assert list(commands_named("`postern user ad jane`")) == ["user ad"]
    assert list(commands_named("See: postern health, and more")) == ["health"]
    assert list(commands_named("postern is a small back gate")) == ["is a"]


SCRIPTS = {
    "./install.sh": ("", "demo", "demo --once", "help", "--check", "--uninstall", "--pack"),
    "tests/run": ("", "--all", "-k drain", "ARGS…"),
}
"""The two commands, and what may stand behind them."""


@every_page
def test_the_scripts_that_a_page_names_exist_with_those_arguments(page: Path):
    for script, allowed in SCRIPTS.items():
        assert os.access(TOP / script, os.X_OK)
        for arguments in re.findall(rf"`{re.escape(script)}([^`\n]*)`", page.read_text()):
            assert arguments.strip() in allowed, f"{script}{arguments}"


def test_the_readme_shows_the_two_commands_on_its_first_screen():
    first = (TOP / "README.md").read_text().split("\n")[:40]
    assert "./install.sh demo" in first
    assert "tests/run" in first


OTHERS = {
    **dict.fromkeys(answers.HELP, "ops/install/answers.py"),
    "POSTERN_HOME": "base/home.py",
    "POSTERN_PG_BIN": "ops/local/binaries.py",
    "POSTERN_PYTHON": "ops/python.sh",
}
"""Variables that are no settings, and who reads them."""


def test_every_setting_that_is_named_exists():
    further = {name.replace("RELAY_", f"RELAY{number}_") for name in NAMES for number in range(2, 10)}
    known = {*NAMES, *OTHERS, *further}
    named = [
        (place, name)
        for place, text in texts()
        for name in re.findall(r"POSTERN_[A-Z0-9_]*[A-Z0-9]\b(?!_)", text)
    ]
    assert len(named) > 50
    assert [one for one in named if one[1] not in known and not one[1].startswith("POSTERN_TESTS_")] == []


def test_the_other_variables_are_read_where_it_is_said():
    for name, where in OTHERS.items():
        assert name in (TOP / "lib" / "postern" / where).read_text()


@every_page
def test_every_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), target


FILE = re.compile(
    r"(?<![\w/.-])((?:lib/postern|base|mail|relay|store|flow|web|ops|cli|cron|cgi-bin|schema|docs|tests|static)/[\w./-]*\w)"
)


@every_page
def test_every_file_that_a_page_names_exists(page: Path):
    for name in FILE.findall(page.read_text()):
        places = [TOP / name, TOP / "lib" / "postern" / name]
        assert any(list(place.parent.glob(f"{place.name}*")) for place in places), name
