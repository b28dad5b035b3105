"""Byte code after a full disk: what Python left half-written is found and made anew, and what does not fit is said."""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

import tiers
from postern.ops import byte_code

SCRIPT = tiers.TOP / "lib" / "postern" / "ops" / "byte_code.py"


@pytest.fixture
def program(tmp_path: pathlib.Path) -> pathlib.Path:
    """A package with a small module and a large one."""
    folder = tmp_path / "program"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "small.py").write_text("WORDS = 1\n")
    (folder / "large.py").write_text("".join(f"name_{n} = 'text of {n}'\n" for n in range(2000)))
    return folder


def compiled(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(folder.rglob("*.pyc"))


def imports(folder: pathlib.Path) -> bool:
    argv = [
        sys.executable,
        "-IBc",
        f"import sys; sys.path.insert(0, {str(folder)!r}); import large, deep.small",
    ]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("left", [0, 7, 16, 100, -1])
def test_what_was_cut_off_is_made_anew(program: pathlib.Path, left: int) -> None:
    assert byte_code.compile_folder(str(program))
    whole = {path: path.read_bytes() for path in compiled(program)}
    assert len(whole) == 2
    for path, text in whole.items():
        path.write_bytes(text[:left])
    # Python itself makes a file anew that has no whole header, and believes all others.
    assert imports(program) == (left in range(byte_code.HEADER))
    assert byte_code.compile_folder(str(program))
    assert {path: path.read_bytes() for path in compiled(program)} == whole
    assert imports(program)


def test_the_script_removes_it_so_that_the_source_is_taken(program: pathlib.Path) -> None:
    byte_code.compile_folder(str(program))
    of_another = program / "__pycache__" / "large.cpython-26.pyc"
    of_another.write_bytes(b"\xd1\xf2\r\n" + bytes(20))
    script = [sys.executable, "-IB", str(SCRIPT), str(program)]
    assert subprocess.run(script, capture_output=True, check=False).returncode == 0
    (large, *_) = (path for path in compiled(program) if path.name.startswith("large") and path != of_another)
    large.write_bytes(large.read_bytes()[:5000])
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, "No space left" in done.stderr) == (1, True)
    assert not large.exists()
    assert of_another.exists()
    assert imports(program)


FULL = """
import resource, sys
sys.path.insert(0, {lib!r})
from postern.ops import byte_code
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
print(byte_code.compile_folder({folder!r}))
"""
"""No file over 20 KB: a write comes back short, as it does when the disk becomes full."""


def test_what_does_not_fit_is_said_and_not_left(program: pathlib.Path) -> None:
    text = FULL.format(lib=str(tiers.TOP / "lib"), folder=str(program))
    done = subprocess.run([sys.executable, "-IBc", text], capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr
    assert [path.name.split(".")[0] for path in compiled(program)] == ["small"]
    assert imports(program)
    assert byte_code.compile_folder(str(program))
    assert len(compiled(program)) == 2
