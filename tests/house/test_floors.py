"""The house keeps its shape: imports go down, and each thing that is easy to get wrong is done in one room.

FLOORS and PLACES are the whole rule. A room is a folder of lib/postern or a file beside them; the files outside lib/ that
start the program are doors.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import tiers

LIB = tiers.TOP / "lib"

FLOORS = (
    ("base",),
    ("mail", "relay", "webauthn", "dns"),
    ("store",),
    ("flow",),
    ("web", "ops"),
    ("resident",),
    ("cli",),
    ("doors", "__main__"),
    ("outside",),
)
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}

MAY_ALSO = {
    "ops/demo.py": "web",  # it shows the web app at work
}
"""File -> the one room on its own floor that it may use, with the reason."""

LONGEST_FILE = 300
LONGEST_FUNCTION = 60


def files() -> list[Path]:
    outside = [
        tiers.TOP / "passenger_wsgi.py",
        *(tiers.TOP / "cgi-bin").glob("*.cgi"),
        *(tiers.TOP / "cron").glob("*.py"),
    ]
    return sorted([*LIB.rglob("*.py"), *outside])


def short(path: Path) -> str:
    """As the tables name it: from lib/postern on, else from the top."""
    inside = LIB / "postern"
    return path.relative_to(inside if inside in path.parents else tiers.TOP).as_posix()


def room(path: Path) -> str:
    inside = LIB / "postern"
    return path.relative_to(inside).with_suffix("").parts[0] if inside in path.parents else "outside"


def tree(path: Path) -> ast.Module:
    return parsed(path.read_text(encoding="utf-8"))


@cache
def parsed(source: str) -> ast.Module:
    """By the text, not by the path: temporary folders come back under an old name."""
    return ast.parse(source)


def modules(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_used(path: Path) -> set[str]:
    found = [name.split(".") for name in modules(path)]
    return {parts[1] for parts in found if parts[0] == "postern" and len(parts) > 1 and parts[1] in HEIGHT}


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """String literals, with the fixed parts of f-strings; docstrings and bare strings are prose and left out."""
    prose = {id(node.value) for node in ast.walk(tree(path)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


IDS = [short(path) for path in files()]
every_file = pytest.mark.parametrize("path", files(), ids=IDS)


def test_the_house_is_found() -> None:
    assert len(files()) > 50
    assert {room(path) for path in files()} - set(HEIGHT) == {"__init__"}


@every_file
def test_imports_only_go_down(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        assert not rooms_used(path)
        return
    for there in rooms_used(path) - {here, MAY_ALSO.get(short(path), here)}:
        assert HEIGHT[there] < HEIGHT[here], f"{short(path)} ({here}) imports from {there}"


def test_no_exception_outlives_its_reason() -> None:
    for name, there in MAY_ALSO.items():
        assert there in rooms_used(LIB / "postern" / name), (
            f"{name} no longer needs {there}: take it out of MAY_ALSO"
        )


@every_file
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{short(path)}: {node.name} is too long"


@every_file
def test_every_module_says_what_it_owns(path: Path) -> None:
    assert ast.get_docstring(tree(path)), f"{short(path)} has no docstring"


SQL = re.compile(
    r"^\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|WITH \w+ AS|COPY \w+|CREATE|ALTER|DROP|GRANT|REVOKE|TRUNCATE"
    r"|LOCK TABLE|SET LOCAL|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|START TRANSACTION)\b(?![\w-])"
)

PLACES = {
    "SQL": (
        {"base/database.py", "ops/local/superuser.py"},
        ("store/",),
        "base/database.py opens and ends transactions; ops/local/superuser.py makes roles and databases",
    ),
    "os.environ": (
        {
            "base/home.py",  # POSTERN_HOME
            "cli/common.py",  # hands it to base/config
            "cli/install.py",  # hands it to ops/install/answers
            "cli/upgrade.py",  # becomes the same command, run from a copy
            "doors.py",  # hands it to base/config
            "resident/knock.py",  # CGI's variables, for the resident
            "web/app.py",  # hands it to base/config
            "flow/wake.py",  # what a started process may inherit
            "ops/local/binaries.py",  # POSTERN_PG_BIN and PATH
            "ops/local/scratch.py",  # what a started process may inherit
            "ops/demo.py",  # a demo must not see the settings of a real instance
        },
        (),
        "settings are read by base/config.py, from what a door hands it",
    ),
    "print": ({"ops/demo.py", "ops/local/sink.py"}, ("cli/",), "only a command line talks to a terminal"),
    "smtplib": (set(), ("relay/",), "mail leaves through relay/ alone"),
}
"""What -> the files, the folders, and why only there."""


def uses(path: Path, what: str) -> list[int]:
    """Line numbers."""
    if what == "SQL":
        return [line for line, text in strings(path) if SQL.match(text)]
    if what == "smtplib":
        return [1 for name in modules(path) if name.split(".")[0] == "smtplib"]
    found = []
    for node in ast.walk(tree(path)):
        is_environ = isinstance(node, ast.Attribute) and node.attr in (
            "environ",
            "environb",
            "getenv",
            "putenv",
        )
        if what == "os.environ" and is_environ and ast.unparse(node).startswith(("os.", "posix.")):
            found.append(node.lineno)
        if what == "print" and isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            found.append(node.lineno)
    return found


@pytest.mark.parametrize("what", PLACES)
def test_each_thing_is_done_in_its_room(what: str) -> None:
    named, folders, why = PLACES[what]
    for path in files():
        if short(path) not in named and not short(path).startswith(folders or ("\0",)):
            assert not uses(path, what), (
                f"{short(path)}, line {uses(path, what)}: {what} has no place here ({why})"
            )


@pytest.mark.parametrize("what", PLACES)
def test_no_place_outlives_its_reason(what: str) -> None:
    named, folders, _ = PLACES[what]
    for name in named:
        assert uses(LIB / "postern" / name, what), f"{name} no longer uses {what}: take it out of PLACES"
    for folder in folders:
        assert any(uses(path, what) for path in files() if short(path).startswith(folder))


CAUGHT = (
    ("SQL", 'run("SELECT 1")', 1),
    ("SQL", 'run(f"UPDATE t SET n = {n}")', 1),
    ("SQL", '_Q = """\nWITH x AS (SELECT 1)\n"""', 1),
    ("SQL", 'say("Update the file.")', 0),
    ("SQL", '"""SELECT in a docstring."""', 0),
    ("os.environ", "import os\nos.environ['A']", 1),
    ("os.environ", "import os\nos.getenv('A')", 1),
    ("os.environ", "environ['A']", 0),
    ("print", "print(1)", 1),
    ("print", "file.print(1)", 0),
    ("smtplib", "def f():\n    import smtplib", 1),
    ("smtplib", "from smtplib import SMTP", 1),
)


@pytest.mark.parametrize(("what", "source", "expected"), CAUGHT)
def test_the_check_itself_sees(tmp_path: Path, what: str, source: str, expected: int) -> None:
    path = tmp_path / "sample.py"
    path.write_text(source)
    assert len(uses(path, what)) == expected


def test_the_check_of_floors_itself_sees(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        "from postern import web\ndef f():\n    import postern.flow.receive\n    from postern.base import log\n"
    )
    assert rooms_used(path) == {"web", "flow", "base"}
