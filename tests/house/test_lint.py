"""The linters find nothing: they are tests, so that they are counted and nobody needs to remember them."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import tiers

pytestmark = pytest.mark.tier("lint")


def run(*argv: str) -> None:
    done = subprocess.run(
        argv, cwd=tiers.TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(argv)}\n{done.stdout}"


def shell_scripts() -> list[str]:
    """By their first line, for they have no suffix."""
    places = [tiers.TOP / "install.sh", *(tiers.TOP / ".ci").iterdir(), *(tiers.TOP / "tests").iterdir()]
    places += (tiers.TOP / "docs" / "docker").iterdir()
    places += [*(tiers.TOP / "lib").rglob("*.sh"), tiers.TOP / "lib/postern/web/styles/build"]
    found = [
        path for path in places if path.is_file() and path.read_bytes().startswith((b"#!/bin/sh", b"# shell"))
    ]
    return sorted(str(path.relative_to(tiers.TOP)) for path in found)


def test_ruff_finds_nothing() -> None:
    run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")


def test_every_file_is_formatted() -> None:
    run(sys.executable, "-m", "ruff", "format", "--check", "--no-cache", ".")


def test_types_hold_in_the_library() -> None:
    # mypy 2 forgot Python 3.9; the run of the tests under Python 3.9 has a mypy that knows it.
    oldest = "3.9" if importlib.metadata.version("mypy").startswith("1.") else "3.10"
    cache = str(tiers.WORK / "mypy_cache")
    run(sys.executable, "-m", "mypy", "--strict", "--python-version", oldest, "--cache-dir", cache, "lib")


def test_shell_scripts_are_clean() -> None:
    scripts = shell_scripts()
    assert {"install.sh", "tests/run", ".ci/run", "lib/postern/ops/venv.sh", "docs/docker/start"} <= set(
        scripts
    )
    run(tiers.program("shellcheck") or "shellcheck", "-x", *scripts)
