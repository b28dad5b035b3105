"""Every command that a page shows is run by a test: here is which. And each `postern …` in the pages parses.

A block of commands is one marked ```sh. RUN names the test that runs the block's words as they stand in the page.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator

import pytest

import tiers
from postern.base.errors import BadInput
from postern.cli.commands import _walk
from postern.cli.main import build_parser

TOP = tiers.TOP
PAGES = sorted([TOP / "README.md", TOP / "CHANGELOG.md", *(TOP / "docs").rglob("*.md")])
PARSER = build_parser()
KNOWN = {name.split(" ", 1)[1] for name, _, _ in _walk(PARSER)}
GUIDES = "tests/host/test_guides.py"
SIGN = (
    "tests/flow/test_sign.py::test_a_key_signs_once_its_record_is_published_and_the_next_one_takes_its_place"
)
GUIDE = "tests/host/test_install_guide.py::test_the_guide_for_a_shell"
WHEELS = "tests/ops/test_venv.py::test_without_an_index_it_says_how_to_bring_the_wheels_and_that_works"

RUN = {
    "README.md": {
        "./install.sh demo": "tests/ops/test_demo.py::test_an_ordinary_user_sees_it_work_and_nothing_is_left_running",
        "tests/run": "",
        "sh install.sh": GUIDE,
    },
    "docs/CHECKLIST.md": {"postern doctor": f"{GUIDES}::test_doctor"},
    "docs/PERFORMANCE.md": {
        "postern bench": "tests/ops/test_bench.py::test_it_measures_every_row_and_leaves_no_schema_no_file_and_no_mail",
        "tests/bench/run": "",
    },
    "docs/backup.md": {
        "postern backup": f"{GUIDES}::test_backup",
        "postern restore": f"{GUIDES}::test_backup",
        "PGOPTIONS=": "",
    },
    "docs/cloudflare.md": {
        "~/.postern/bin/postern cloudflare plan": "tests/ops/test_cloudflare.py::test_the_command",
        "~/.postern/bin/postern cloudflare apply": "tests/ops/test_cloudflare.py::test_the_command",
        "~/.postern/bin/postern cloudflare remove": "tests/ops/test_cloudflare.py::test_the_command",
        "~/.postern/bin/postern send-test": GUIDE,
    },
    "docs/dependencies.md": {
        "postern deps check": f"{GUIDES}::test_dependencies",
        "python -m pip install uv": "",
    },
    "docs/dkim.md": {
        "postern dkim new alias.example.org\n": SIGN,
        "postern dkim check": SIGN,
        "postern dkim new alias.example.org --selector": SIGN,
    },
    "docs/https.md": {"postern doctor tls": f"{GUIDES}::test_https"},
    "docs/install.md": {
        "cd ~/public_html": GUIDE,
        "sh install.sh\n": GUIDE,
        "sh install.sh --check": GUIDE,
        "~/.postern/bin/postern alias": GUIDE,
        "~/.postern/bin/postern queue": GUIDE,
        "~/.postern/bin/postern completion": GUIDE,
    },
    "docs/keys.md": {
        "postern keys sheet": f"{GUIDES}::test_keys",
        "postern keys list": f"{GUIDES}::test_keys",
        "postern keys rotate  ": f"{GUIDES}::test_keys",
        "postern keys rotate --prepare": "",
        "postern keys rotate --webhook": "",
    },
    "docs/operations/cron.md": {
        "postern cron install": f"{GUIDES}::test_cron",
        "postern jobs": f"{GUIDES}::test_cron",
    },
    "docs/operations/logs.md": {
        "postern logs\n": f"{GUIDES}::test_logs_and_alerts",
        "postern logs --request": f"{GUIDES}::test_logs_and_alerts",
    },
    "docs/operations/monitoring.md": {
        "postern alerts test": f"{GUIDES}::test_logs_and_alerts",
        "postern alias add": f"{GUIDES}::test_logs_and_alerts",
    },
    "docs/passenger.md": {"mkdir -p tmp": f"{GUIDES}::test_passenger_and_permissions"},
    "docs/pipe.md": {
        "printf 'From:": "tests/host/test_exim.py::test_what_exim_pipes_is_forwarded_refused_or_waits"
    },
    "docs/python.md": {
        "POSTERN_PYTHON=": f"{GUIDES}::test_python",
        "cd ~ && tar": f"{GUIDES}::test_a_portable_python_lies_where_the_installer_looks",
        ". ~/.postern/venv": f"{GUIDES}::test_python",
        "python3 -m pip download": WHEELS,
        "sh install.sh --offline": f"{GUIDES}::test_python",
    },
    "docs/relays.md": {
        "postern relay test": "tests/ops/test_relay_walk.py::test_the_command_prints_the_steps_and_ends_with_the_remedy"
    },
    "docs/resident.md": {
        "postern resident status": "tests/resident/test_resident.py::test_new_settings_and_a_stop_end_it"
    },
    "docs/styles.md": {
        "lib/postern/web/styles/build": "tests/house/test_styles.py::test_a_stale_file_is_found_and_made_anew"
    },
    "docs/upgrade.md": {
        "postern upgrade": f"{GUIDES}::test_upgrade",
        "cd ~/.postern/releases": f"{GUIDES}::test_upgrade",
    },
    "docs/web-server.md": {"spawn-fcgi": "tests/host/test_nginx.py::test_pages_headers_and_static_files"},
}
"""The page -> how each of its blocks begins -> the test that runs it; none where NOT_RUN says why."""

NOT_RUN = {
    ("docs/PERFORMANCE.md", "tests/bench/run"): "it takes minutes and asks for a quiet machine",
    ("README.md", "tests/run"): "it is what runs this",
    ("docs/dependencies.md", "python -m pip install uv"): "it takes what the index has that day",
    (
        "docs/keys.md",
        "postern keys rotate --webhook",
    ): "it needs a zone there; tests of both commands run them",
    ("docs/keys.md", "postern keys rotate --prepare"): "two homes; tests of keys run it",
    ("docs/backup.md", "PGOPTIONS="): "pg_dump is no part of the package of PostgreSQL that the tests have",
}


def blocks() -> Iterator[tuple[str, str]]:
    """Each block of commands: (page, text)."""
    for page in PAGES:
        for text in re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL):
            yield page.relative_to(TOP).as_posix(), text


def test_every_block_of_commands_is_run_by_a_test() -> None:
    unknown = []
    left = {(page, beginning) for page, ways in RUN.items() for beginning in ways}
    for page, text in blocks():
        # The longest that fits: one may begin as another does.
        fits = sorted((one for one in RUN.get(page, {}) if text.startswith(one)), key=len)
        if fits:
            left.discard((page, fits[-1]))
        else:
            unknown.append((page, text))
    assert unknown == [], "write a test that runs it (tests/host/test_guides.py), and name it in RUN"
    assert left == set()


def test_the_tests_that_are_named_exist() -> None:
    for page, ways in RUN.items():
        for beginning, test in ways.items():
            assert bool(test) != ((page, beginning) in NOT_RUN), (page, beginning)
            if test:
                path, _, name = test.partition("::")
                tree = ast.parse((TOP / path).read_text())
                assert name in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)], test


def commands() -> Iterator[tuple[str, str]]:
    """Each `postern …` with a verb that is known: (page, command), without what the shell takes for itself."""
    for page, text in blocks():
        for line in text.splitlines():
            found = re.match(r"(?:~/\.postern/bin/)?(postern .*?)(?:  +#.*| >>? .*)?$", line)
            if found:
                yield page, found[1]
    for path in PAGES:
        for command in re.findall(r"`(postern [^`\n]+)`", path.read_text()):
            if any(command[len("postern ") :].startswith(known) for known in KNOWN):
                yield path.relative_to(TOP).as_posix(), re.sub(r" >>? .*", "", command)


def alternatives(command: str) -> list[list[str]]:
    """`postern noun a|b` is two: `noun a`, `noun b`."""
    ways: list[list[str]] = [[]]
    for word in shlex.split(command)[1:]:
        ways = [[*way, one] for way in ways for one in word.split("|")]
    return ways


def parses(command: str) -> bool:
    return all(takes(way) for way in alternatives(command))


def takes(words: list[str]) -> bool:
    """As it stands, or with a number for ID and N."""
    for given in (words, ["1" if word in ("ID", "N") else word for word in words]):
        try:
            PARSER.parse_args(given)
        except (SystemExit, BadInput):
            continue
        return True
    return False


def test_every_command_in_the_pages_parses(capsys: pytest.CaptureFixture[str]) -> None:
    # A command may be named by its first words alone: `postern user add`.
    found = [one for one in commands() if not {*map(" ".join, alternatives(one[1]))} <= KNOWN]
    assert len(found) > 100
    assert [one for one in found if not parses(one[1])] == []
    assert not parses("postern upgrade --sideways x.zip")
    assert not parses("postern completion bash|dos")
    capsys.readouterr()
