"""Environments of packages, in home/venvs: home/venv leads to the one in use, and an upgrade makes the next beside it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile

from postern.base.spool import sync_folder
from postern.ops.releases.site import StepFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.releases.site import Site


def requirements(folder: str) -> bytes:
    """What a program asks for; other bytes are another environment."""
    try:
        with open(os.path.join(folder, "requirements.txt"), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def install(site: Site, program: str, offline: str) -> str:
    """By the new release's install.sh; returns where home/venv is to lead. The link stays: another home is shown to it."""
    from postern.ops.install.doors import python

    venvs = os.path.join(site.home, "venvs")
    os.makedirs(venvs, 0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packages-", dir=os.path.join(site.home, "run")) as folder:
        os.symlink(venvs, os.path.join(folder, "venvs"))
        argv = ["/bin/sh", os.path.join(program, "install.sh"), "--packages", folder]
        argv += [os.path.abspath(offline)] if offline else []
        done = subprocess.run(
            argv,
            env={**site.environ, "POSTERN_PYTHON": python()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr.strip() or f"install.sh --packages ended with {done.returncode}").split("\n")
            raise StepFailed("\n    ".join(said[:-1] or said), said[-1].strip())
        return os.path.join("venvs", os.path.basename(os.path.realpath(os.path.join(folder, "venv"))))


def folder_of(home: str, venv: str) -> str:
    """The folder to import from, of an environment; empty where there is none."""
    lib = os.path.join(home, venv, "lib")
    found = sorted(os.listdir(lib)) if venv and os.path.isdir(lib) else []
    return os.path.join(lib, found[0], "site-packages") if found else ""


def lead(home: str, target: str) -> None:
    """Let home/venv lead to this environment; nothing where there is none."""
    link = os.path.join(home, "venv")
    if target and (not os.path.islink(link) or os.readlink(link) != target):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{link}.new")
        os.symlink(target, f"{link}.new")
        os.replace(f"{link}.new", link)
        sync_folder(home)
