"""The Python and the packages that Postern runs on."""

from __future__ import annotations

import sys
from importlib import import_module

from postern.base import home
from postern.ops.doctor.item import ADVICE, CRITICAL, IMPORTANT, Item, fail, judged, ok, unknown, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.ops.doctor.check import Check
    from postern.ops.doctor.scene import Scene

OLDEST, RECOMMENDED = (3, 9), (3, 10)
NEEDED = ("ssl", "zlib", "hashlib", "ctypes", "fcntl")
"""What a Python that somebody compiled on a host most often lacks."""


def _version(_: Scene) -> Check:
    here, told = sys.version_info[:2], ".".join(map(str, sys.version_info[:3]))
    if here < OLDEST:
        return fail(f"Python {told}")
    if here < RECOMMENDED:
        return warn(f"Python {told}: it works, and its makers mend it no more")
    return ok(f"Python {told}, {sys.executable}")


def _modules(_: Scene) -> Check:
    missing = []
    for name in NEEDED:
        try:
            import_module(name)
        except ImportError:
            missing.append(name)
    return judged(f"without {', '.join(missing)}" if missing else "", "all modules are there")


def _pins() -> list[tuple[str, str]]:
    import os

    from postern.ops import pins

    with open(os.path.join(home.program(), "requirements.txt"), encoding="utf-8") as file:
        return pins.read_pins(file.read(), pins.here())


def _packages(scene: Scene) -> Check:
    home.check_packages(scene.home)
    from postern.ops import dependencies

    found = dependencies.installed(_pins())
    missing = [one.name for one in found if not one.installed]
    other = [
        f"{one.name} {one.installed} in place of {one.pinned}" for one in found if one.state == "differs"
    ]
    if missing:
        return fail(f"not installed: {', '.join(missing)}")
    return warn("; ".join(other)) if other else ok(f"{len(found)} packages, as they are pinned")


def _vulnerable(_: Scene) -> Check:
    from postern.ops import dependencies, index, pins

    found, trouble = dependencies.ask(
        dependencies.installed(_pins()), index.PYPI, pins.here()["python_full_version"]
    )
    weak = [f"{one.name} {one.version}: {one.vulnerabilities[0].id}" for one in found if one.vulnerabilities]
    if weak:
        return fail("; ".join(weak))
    if trouble:
        return unknown(trouble.reason, trouble.remedy)
    behind = [f"{one.name} {one.newest}" for one in found if one.state == "behind"]
    return ok("no vulnerability is known" + (f"; newer: {', '.join(behind)}" if behind else ""))


CHECKS = (
    Item(
        "python.version",
        "SH-01",
        CRITICAL,
        "Python is 3.9 or newer; 3.10 or newer is better",
        "Find a newer one in the panel (Setup Python App), and run: POSTERN_PYTHON=/path/to/python3 sh install.sh",
        "docs/python.md",
        _version,
    ),
    Item(
        "python.modules",
        "SH-01",
        CRITICAL,
        "This Python was built with TLS and compression",
        "Take another Python of the host; docs/python.md names the usual places.",
        "docs/python.md",
        _modules,
    ),
    Item(
        "python.packages",
        "SH-01",
        CRITICAL,
        "The two packages, and what they bring, are installed as pinned",
        "Run: sh install.sh",
        "docs/dependencies.md",
        _packages,
        needs=("python.version",),
        symptom="The site says 503, or the command line asks for packages",
    ),
    Item(
        "python.vulnerabilities",
        "SH-19",
        IMPORTANT,
        "No vulnerability of an installed package is known to PyPI",
        "See: postern deps check. Take the next release of Postern, which pins the mended version.",
        "docs/dependencies.md",
        _vulnerable,
        needs=("python.packages",),
        audit=True,
    ),
    Item(
        "python.updates",
        "SH-19",
        ADVICE,
        "Somebody learns of new releases",
        "Watch the releases of Postern, and run `postern deps check` each month.",
        "docs/upgrade.md",
        question="Does somebody watch for new releases of Postern, and look at `postern deps check` each month?",
    ),
)
