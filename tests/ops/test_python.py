"""Which Python the installer takes, and what it says where there is none: stand-ins in a folder of the test."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import tiers

REAL = os.path.realpath(sys.executable)
FUNCTIONS = tiers.TOP / "lib" / "postern" / "ops" / "python.sh"
TOOLS = ("sed", "tr", "cat", "uname")


def find(*patterns: str | Path, path: str, **env: str) -> subprocess.CompletedProcess[str]:
    """find_python with these patterns, and with just `path` as PATH."""
    words = " ".join(shlex.quote(str(pattern)) for pattern in patterns)
    script = f'. {shlex.quote(str(FUNCTIONS))}\nfind_python {words}\necho "$python"'
    return subprocess.run(
        ["/bin/sh", "-euc", script],
        env={"PATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def works(path: Path, prelude: str = "", version: str = "") -> Path:
    """A Python: our own, which runs `prelude` before what it is asked and says that it is `version`."""
    if version:
        prelude += f"; sys.version_info = {tuple(int(part) for part in version.split('.'))}"
    code = f"import sys; {prelude.lstrip('; ')}\nexec(sys.argv.pop(1))"
    said = f"echo Python {version}" if version else f"{shlex.quote(REAL)} -V"
    return program(
        path,
        f'if [ "$1" = -V ]; then {said}; exit; fi\n[ "$1" = -I ] || exit 2\nshift 2\n'
        f'exec {shlex.quote(REAL)} -I -c {shlex.quote(code)} "$@"',
    )


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """The few programs that the search uses, and no Python."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        program(folder / name, f'exec /usr/bin/env -i PATH=/usr/bin:/bin {name} "$@"')
    return folder


NEW, OLD = "3.12.1", "3.9.18"


def test_the_newest_that_answers_is_taken_not_the_first(tmp_path: Path, tools: Path):
    """pyenv leaves shims for Pythons that are not chosen; they only complain."""
    program(tmp_path / "shims" / "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    program(tmp_path / "shims" / "python3.12", "exit 127")
    works(tmp_path / "bin" / "python3.12", version=NEW)
    works(tmp_path / "bin" / "python3.10", version="3.10.4")
    works(tmp_path / "shims" / "python3", version="3.10.4")
    found = find("/nonexistent", path=f"{tools}:{tmp_path}/shims:{tmp_path}/bin")
    assert found.stdout == f"{tmp_path}/bin/python3.12\n"
    assert found.stderr == ""


def test_places_of_hosts_are_searched_beside_path(tmp_path: Path, tools: Path):
    works(tmp_path / "bin" / "python3", version=OLD)
    works(tmp_path / "opt" / "alt" / "python310" / "bin" / "python3.10", version="3.10.4")
    works(tmp_path / "opt" / "alt" / "python312" / "bin" / "python3.12", version=NEW)
    path = f"{tools}:{tmp_path}/bin"
    assert (
        find(tmp_path / "opt/alt/python3*/bin", path=path).stdout
        == f"{tmp_path}/opt/alt/python312/bin/python3.12\n"
    )
    assert find("/nonexistent/*", path=path).stdout == f"{tmp_path}/bin/python3\n"


def test_one_on_path_that_is_new_enough_comes_before_newer_ones_elsewhere(tmp_path: Path, tools: Path):
    """It is what the host or the person chose."""
    works(tmp_path / "bin" / "python3.12", version=NEW)
    works(tmp_path / "opt" / "python3.13", version="3.13.1")
    assert find(tmp_path / "opt", path=f"{tools}:{tmp_path}/bin").stdout == f"{tmp_path}/bin/python3.12\n"


def test_3_9_is_taken_only_where_there_is_nothing_newer(tmp_path: Path, tools: Path):
    works(tmp_path / "a" / "python3.9", version=OLD)
    works(tmp_path / "a" / "python3", version=OLD)
    assert find("/nonexistent", path=f"{tools}:{tmp_path}/a").stdout == f"{tmp_path}/a/python3\n"
    works(tmp_path / "b" / "python3", version="3.10.1")
    assert find("/nonexistent", path=f"{tools}:{tmp_path}/a:{tmp_path}/b").stdout == f"{tmp_path}/b/python3\n"


PLACES = (
    ".local/bin",
    "python/bin",
    ".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu/bin",
    ".pyenv/versions/3.12.1/bin",
    "virtualenv/app/3.12/bin",
    "virtualenv/sites/app/3.12/bin",
)


@pytest.mark.parametrize("place", PLACES)
def test_the_places_in_a_home_are_known_whatever_the_home_is_called(tmp_path: Path, tools: Path, place: str):
    """No pattern given: the real ones. 3.14 is asked for, lest a Python of this machine be in front."""
    home = tmp_path / "it's a home"
    made = works(home / place / "python3.14", version="3.14.0")
    found = find(path=str(tools), HOME=str(home))
    assert found.stdout == f"{made}\n"


def test_a_virtual_environment_counts(tmp_path: Path, tools: Path):
    subprocess.run([REAL, "-m", "venv", "--without-pip", tmp_path / "app"], check=True)
    assert find(tmp_path / "*/bin", path=str(tools)).stdout.startswith(f"{tmp_path}/app/bin/python3")
    for link in (tmp_path / "app" / "bin").glob("python*"):
        link.unlink()
        link.symlink_to(tmp_path / "gone")
    assert find(tmp_path / "app/bin", path=str(tools)).returncode == 69


UNFIT = {
    "Python 2.7.18, too old": ("python3", "echo Python 2.7.18 >&2; [ $1 = -V ]"),
    "Python 3.6.8, too old": ("python3.6", {"version": "3.6.8"}),
    "Python 3.8.20, too old": ("python3.8", {"version": "3.8.20"}),
    "Python 3.9.1, too old": ("python3.9", {"version": "3.9.1"}),
    "Python 3.15.0, too new": ("python3", {"version": "3.15.0"}),
    "Python 3.12.1, it lacks the module ssl": (
        "python3.12",
        {"version": NEW, "prelude": "sys.modules['ssl'] = None"},
    ),
    "Python 3.12.1, it lacks the module venv": (
        "python3.12",
        {"version": NEW, "prelude": "sys.modules['venv'] = None"},
    ),
    "Python 3.12.1, it is no CPython": (
        "python3.12",
        {"version": NEW, "prelude": "sys.implementation.name = 'pypy'"},
    ),
    "Python 3.12.1, the Python that this virtual environment was made from cannot be run": (
        "python3.12",
        {"version": NEW, "prelude": "sys._base_executable = '/nonexistent'"},
    ),
    "does not run (pyenv: python3.12: command not found)": (
        "python3.12",
        "echo 'pyenv: python3.12: command not found' >&2; echo 'Note: more' >&2; exit 127",
    ),
}


@pytest.mark.parametrize("reason", UNFIT)
def test_each_that_does_not_do_is_named_with_its_reason(tmp_path: Path, tools: Path, reason: str):
    name, kind = UNFIT[reason]
    made = (
        program(tmp_path / "bin" / name, kind)
        if isinstance(kind, str)
        else works(tmp_path / "bin" / name, **kind)
    )
    found = find(tmp_path / "bin", path=str(tools))
    assert found.returncode == 69
    assert f"  {made}: {reason}\n" in found.stderr
    assert found.stdout == ""
    named = find(path=str(tools), POSTERN_PYTHON=str(made))
    assert named.returncode == 78
    assert f"no working Python 3.9 to 3.14: {reason}." in named.stderr


def test_a_machine_without_python_is_told_what_to_do(tmp_path: Path, tools: Path):
    found = find("/nonexistent", path=str(tools))
    assert found.returncode == 69
    assert "No Python 3.9 to 3.14" in found.stderr
    assert "install_only.tar.gz" in found.stderr
    assert "Your own machine: " in found.stderr
    assert "docs/python.md" in found.stderr
    assert "ask the host" not in found.stderr


@pytest.mark.parametrize(
    ("tool", "words"),
    [("uapi", "ask the host for the package ea-python311"), ("cloudlinux-selector", "Setup Python App")],
)
def test_the_advice_is_that_of_the_kind_of_host(tools: Path, tool: str, words: str):
    assert words not in find("/nonexistent", path=str(tools)).stderr
    program(tools / tool, "exit 0")
    assert words in find("/nonexistent", path=str(tools)).stderr


def test_a_python_named_by_hand_is_taken_without_a_search(tmp_path: Path, tools: Path):
    works(tmp_path / "bin" / "python3.14", version="3.14.0")
    made = works(tmp_path / "elsewhere" / "old", version=OLD)
    assert find(tmp_path / "bin", path=str(tools), POSTERN_PYTHON=str(made)).stdout == f"{made}\n"
