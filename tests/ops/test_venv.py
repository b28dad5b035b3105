"""install.sh and the shell functions that it shares with tests/run: which Python, which folder, whose environment."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import tiers

REAL = os.path.realpath(sys.executable)
FUNCTIONS = tiers.TOP / "lib" / "postern" / "ops" / "venv.sh"


def script(body: str, top: Path) -> list[str]:
    return ["/bin/sh", "-euc", f"top={shlex.quote(str(top))}\n. {shlex.quote(str(FUNCTIONS))}\n{body}"]


def shell(body: str, top: Path, **env: str) -> subprocess.CompletedProcess[str]:
    base = {name: value for name, value in os.environ.items() if not name.startswith(("POSTERN_", "XDG_"))}
    return subprocess.run(
        script(body, top),
        env={**base, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def program(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def works(path: Path) -> Path:
    return program(path, f'exec {shlex.quote(REAL)} "$@"')


def test_the_newest_python_that_answers_is_taken(tmp_path: Path) -> None:
    """pyenv leaves shims for Pythons that are not chosen; they only complain."""
    program(tmp_path / "shims" / "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    program(tmp_path / "shims" / "python3.12", "exit 127")
    works(tmp_path / "bin" / "python3.12")
    works(tmp_path / "bin" / "python3.10")
    works(tmp_path / "shims" / "python3")
    path = f"{tmp_path}/shims:{tmp_path}/bin"
    assert shell('find_python; echo "$python"', tmp_path, PATH=path).stdout.strip() not in ("", str(tmp_path))
    restricted = f"{tmp_path}/shims:{tmp_path}/bin"
    assert (
        shell('find_python; echo "$python"', tmp_path, PATH=restricted).stdout
        == f"{tmp_path}/bin/python3.12\n"
    )


@pytest.mark.parametrize("version", ["2.7.18", "3.8.20", "3.9.1", "3.15.0"])
def test_a_python_that_is_too_old_or_too_new_is_passed_over(tmp_path: Path, version: str) -> None:
    """A stand-in that gives its version to the question, whatever the question."""
    numbers = tuple(int(part) for part in version.split("."))
    fake = program(
        tmp_path / "python3",
        f"""exec {shlex.quote(REAL)} -c 'import sys; sys.version_info = {numbers}; exec(sys.argv[2])' "$1" "$3" """,
    )
    done = shell("find_python", tmp_path, POSTERN_PYTHON=str(fake))
    assert done.returncode == 78
    assert "3.9 to 3.14" in done.stderr


def test_a_machine_without_python_is_told_what_to_do(tmp_path: Path) -> None:
    program(tmp_path / "python3", "exit 127")
    for name in ("sed", "tr"):
        program(tmp_path / name, f'exec /usr/bin/{name} "$@"')
    done = shell("find_python", tmp_path, PATH=str(tmp_path))
    assert done.returncode == 69
    assert "No Python 3.9 to 3.14" in done.stderr
    assert "python3" in done.stderr.splitlines()[1]


def test_work_goes_into_the_clone_or_else_into_the_users_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    top = tmp_path / "clone"
    top.mkdir()
    done = shell('find_work .demo; echo "$work"', top, XDG_CACHE_HOME=str(cache))
    assert done.stdout == f"{top}/.demo\n"
    # A file in the way stands for a read-only clone: it stops root, too.
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / ".demo").write_text("")
    done = shell('find_work .demo; echo "$work"', blocked, XDG_CACHE_HOME=str(cache))
    assert done.stdout == f"{cache}/postern/demo\n"
    cache.chmod(0o700)
    (tmp_path / "file").write_text("")
    done = shell("find_work .demo", blocked, XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.returncode == 73
    assert "XDG_CACHE_HOME" in done.stderr


MAKE = 'python=$POSTERN_PYTHON; find_work .demo; make_venv "$top/it\'s pinned.txt"; echo "$venv"'


def clone(tmp_path: Path) -> Path:
    """A place with a name that shells stumble over, and pins that need no network."""
    top = tmp_path / "a 'clone'"
    top.mkdir()
    (top / "it's pinned.txt").write_text("# nothing\n")
    return top


def test_two_first_runs_at_once_share_one_environment(tmp_path: Path) -> None:
    top = clone(tmp_path)
    env = {**os.environ, "POSTERN_PYTHON": REAL}
    running = [
        subprocess.Popen(
            script(MAKE, top), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert [path.name for path in (top / ".demo" / "venv").iterdir()] == [Path(said[0][0].strip()).name]
    again = shell(MAKE, top, POSTERN_PYTHON=REAL)
    assert (again.stdout, again.stderr) == (said[0][0], "")
    version = subprocess.run(
        [Path(again.stdout.strip()) / "bin" / "python", "-c", "import sys; print(sys.prefix)"],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    assert version.stdout == again.stdout


def test_other_pins_make_another_environment_and_a_broken_one_is_made_anew(tmp_path: Path) -> None:
    top = clone(tmp_path)
    first = shell(MAKE, top, POSTERN_PYTHON=REAL).stdout.strip()
    (Path(first) / "bin" / "python").unlink()
    (Path(first) / "bin" / "python").symlink_to("/nonexistent/python")
    assert shell(MAKE, top, POSTERN_PYTHON=REAL).stdout.strip() == first
    assert subprocess.run([Path(first) / "bin" / "python", "-c", ""], check=False).returncode == 0
    (top / "it's pinned.txt").write_text("# nothing else\n")
    assert shell(MAKE, top, POSTERN_PYTHON=REAL).stdout.strip() != first


def test_an_interrupted_first_run_leaves_no_half_environment(tmp_path: Path) -> None:
    top = clone(tmp_path)
    interrupted = program(
        tmp_path / "python3",
        f"""case "$*" in *"-m venv"*) kill -TERM $PPID ;; esac
exec {shlex.quote(REAL)} "$@" """,
    )
    done = shell(MAKE, top, POSTERN_PYTHON=str(interrupted))
    assert done.returncode == 128 + signal.SIGTERM
    assert list((top / ".demo" / "venv").iterdir()) == []


def test_a_package_that_is_not_as_pinned_is_refused(tmp_path: Path) -> None:
    """The hash is checked even for a file at hand, so nothing unpinned gets in."""
    top = clone(tmp_path)
    wrong = "0" * 64
    (top / "it's pinned.txt").write_text(
        f"stray @ file://{tmp_path}/stray-1-py3-none-any.whl --hash=sha256:{wrong}\n"
    )
    (tmp_path / "stray-1-py3-none-any.whl").write_bytes(b"not what was pinned")
    done = shell(MAKE, top, POSTERN_PYTHON=REAL)
    assert done.returncode == 69
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert list((top / ".demo" / "venv").iterdir()) == []


def test_a_package_without_a_hash_is_refused(tmp_path: Path) -> None:
    top = clone(tmp_path)
    (top / "it's pinned.txt").write_text("pg8000==1.31.5\n")
    done = shell(MAKE, top, POSTERN_PYTHON=REAL)
    assert done.returncode == 69
    assert "Hashes are required" in done.stderr


def install(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tiers.TOP / "install.sh", *args],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("args", [(), ("help",), ("-h",), ("--help",)])
def test_the_installer_says_what_it_can_do(args: tuple[str, ...]) -> None:
    done = install(*args)
    assert done.returncode == 0
    assert "install.sh demo" in done.stdout


def test_a_verb_that_does_not_exist_yet_is_a_usage_error() -> None:
    done = install("upgrade")
    assert done.returncode == 64
    assert "knows no 'upgrade' yet" in done.stderr
    assert "install.sh demo" in done.stderr


def test_a_wrong_folder_of_postgresql_is_said_at_once(tmp_path: Path) -> None:
    done = install("demo", "--once", POSTERN_PG_BIN=str(tmp_path), POSTERN_PYTHON=REAL)
    assert done.returncode == 78
    assert "POSTERN_PG_BIN" in done.stderr
    assert "Traceback" not in done.stderr
