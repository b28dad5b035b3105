"""The packages step: pg8000 and cryptography, as requirements.txt pins them, into home/venvs/, with home/venv leading there.

The work is done by install_packages of ops/venv.sh, which needs no more than a Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from postern.base import home as homes
from postern.ops.install.doors import python
from postern.ops.install.installation import Installation, Step, StepFailed


def _plan(site: Installation) -> str:
    where = f"from {site.offline}" if site.offline else "from the package index"
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    if os.path.isdir(os.path.join(site.home, "venv", "lib", f"python{version}", "site-packages", "pg8000")):
        return ""
    return f"install pg8000 and cryptography for Python {version} {where}"


def _do(site: Installation) -> str:
    argv = ["/usr/bin/env", f"POSTERN_PYTHON={python()}"]
    argv += ["/bin/sh", site.path("install.sh"), "--packages", site.home]
    argv += [os.path.abspath(site.offline)] if site.offline else []
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"install.sh --packages ended with {done.returncode}"]
        raise StepFailed("\n    ".join(said[:-1] or said), said[-1].strip())
    homes.use_packages(site.home)
    return os.path.join(site.home, "venv")


def _undo(site: Installation) -> str:
    link, folder = os.path.join(site.home, "venv"), os.path.join(site.home, "venvs")
    if os.path.islink(link):
        os.unlink(link)
    shutil.rmtree(folder, ignore_errors=True)
    return "removed"


PACKAGES = Step("Packages", _plan, _do, _undo)
