"""The settings and the private home."""

from __future__ import annotations

import os
import stat

from postern.base import home
from postern.ops.doctor.item import CRITICAL, Item, fail, judged, ok

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene


def _settings(scene: Scene) -> Check:
    return ok(f"complete, for {scene.config.url}")


FILES = ("doctor.json", "cloudflare.json", "dkim.json")
"""What commands write into the home."""


def _private(scene: Scene) -> Check:
    """Everything in the home is its owner's; what others may read is named."""
    wrong = []
    for name in ("", ".env", "logs", "spool", "backups", "run", *FILES):
        path = os.path.join(scene.home, name) if name else scene.home
        try:
            found = os.stat(path)
        except FileNotFoundError:
            continue
        if stat.S_IMODE(found.st_mode) & 0o077:
            wrong.append(f"{path} has mode {stat.S_IMODE(found.st_mode):o}")
        if found.st_uid != os.getuid():
            wrong.append(f"{path} belongs to another user")
    return judged("; ".join(wrong), f"{scene.home} is its owner's alone")


def _apart(scene: Scene) -> Check:
    top = os.path.realpath(home.program())
    inside = os.path.realpath(scene.home).startswith(f"{top}{os.sep}")
    return judged(f"{scene.home} lies below {top}" if inside else "", f"not below {top}")


def _leftover(_: Scene) -> Check:
    """A .env beside the program is what other tutorials tell people to make."""
    found = [
        name
        for name in (".env", "env", ".env.local", ".env.bak")
        if os.path.exists(os.path.join(home.program(), name))
    ]
    return judged(f"{', '.join(found)} in {home.program()}" if found else "", "none")


def _https(scene: Scene) -> Check:
    if scene.url.startswith("https://"):
        return ok(scene.url)
    return fail(f"{scene.url} is for this machine only")


CHECKS = (
    Item(
        "env.settings",
        "SH-05",
        CRITICAL,
        "Every required setting is there and makes sense",
        "See: postern env check",
        "docs/settings.md",
        _settings,
        symptom="A command, or the site, says that settings are missing or wrong",
    ),
    Item(
        "env.private",
        "SH-05",
        CRITICAL,
        "Nobody but its owner can read the home",
        "Run: chmod 700 on the folder, chmod 600 on the file",
        "docs/install.md",
        _private,
        audit=True,
        symptom="A command says that .env can be read by others",
    ),
    Item(
        "env.apart",
        "SH-12",
        CRITICAL,
        "The home does not lie below the document root",
        "Move it, write its new path into .postern-home beside lib/, and run: sh install.sh",
        "docs/install.md",
        _apart,
        audit=True,
    ),
    Item(
        "env.leftover",
        "SH-12",
        CRITICAL,
        "No file with settings lies beside the program",
        "Move what it holds into home/.env, delete it, and change every secret that stood in it.",
        "docs/install.md",
        _leftover,
        audit=True,
    ),
    Item(
        "env.https",
        "SH-11",
        CRITICAL,
        "POSTERN_URL begins with https://",
        "Get a certificate, and set POSTERN_URL to the https:// address.",
        "docs/https.md",
        _https,
        needs=("env.settings",),
        audit=True,
    ),
)
