"""Where the home is: named by a variable, by the pointer beside the program, or ~/.postern."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import stat
import subprocess
import sys

import tiers
from postern.base import home

ASK = "from postern.base import home; print(home.find(), home.program())"


def find(program: pathlib.Path, **environ: str) -> str:
    """What a door of the program in this folder finds."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", ASK],
        env={"PYTHONPATH": str(program / "lib"), **environ},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found, top = done.stdout.split()
    assert top == str(program)
    return found


def test_the_variable_comes_before_the_pointer_and_that_before_the_account(tmp_path: pathlib.Path) -> None:
    base = tmp_path / "lib" / "postern" / "base"
    base.mkdir(parents=True)
    for name in ("__init__.py", "base/__init__.py", "base/home.py"):
        shutil.copy(tiers.TOP / "lib" / "postern" / name, tmp_path / "lib" / "postern" / name)
    account = os.path.join(pwd.getpwuid(os.getuid()).pw_dir, ".postern")
    assert find(tmp_path) == find(tmp_path, HOME="/elsewhere") == account
    (tmp_path / home.POINTER).write_text("/srv/second\n")
    assert find(tmp_path) == "/srv/second"
    assert find(tmp_path, POSTERN_HOME="/srv/third") == "/srv/third"


def test_every_folder_is_private(tmp_path: pathlib.Path) -> None:
    before = os.umask(0)
    try:
        home.make(str(tmp_path / "home"))
    finally:
        os.umask(before)
    for name in ("", *home.FOLDERS):
        assert stat.S_IMODE(os.stat(tmp_path / "home" / name).st_mode) == 0o700, name
