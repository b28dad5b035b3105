"""postern deps …"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.ops.dependencies import Package


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "deps", "the packages that Postern runs on")
    check = common.verb(
        verbs,
        "check",
        "say which pinned package is missing, behind or vulnerable; exit code 1 when one is vulnerable",
        "postern deps check --json",
    )
    common.json_flag(check)
    check.add_argument("--index", metavar="URL", default="", help="another package index; without: PyPI")
    check.set_defaults(run=check_deps)


def check_deps(args: argparse.Namespace) -> int:
    """postern deps check"""
    import os
    import sys

    from postern.base import home
    from postern.ops import dependencies, index, pins

    url = index.check_url(args.index or index.PYPI)
    here = pins.here()
    with open(os.path.join(home.program(), "requirements.txt"), encoding="utf-8") as file:
        wanted = pins.read_pins(file.read(), here)
    packages, trouble = dependencies.ask(dependencies.installed(wanted), url, here["python_full_version"])
    _show(packages, args.json)
    vulnerable = any(package.vulnerabilities for package in packages)
    if trouble is None:
        return int(vulnerable)
    if not vulnerable:
        raise trouble
    print(f"postern: {trouble.reason}\n  {trouble.remedy}", file=sys.stderr)
    return 1


def _show(packages: list[Package], as_json: bool) -> None:
    """A table, and below it each vulnerability with what mends it."""
    if as_json:
        from dataclasses import asdict

        common.show([{**asdict(package), "state": package.state} for package in packages], True, "")
        return
    rows: list[dict[str, object]] = [
        {
            "package": p.name,
            "installed": p.installed,
            "pinned": p.pinned,
            "newest": p.newest,
            "state": p.state,
        }
        for p in packages
    ]
    common.show(rows, False, "Nothing is pinned for this Python.")
    for package in packages:
        for one in package.vulnerabilities or ():
            names = ", ".join((one.id, *one.aliases))
            fixed = f"fixed in {', '.join(one.fixed_in)}" if one.fixed_in else "no fixed version yet"
            print(f"\n{package.name} {package.version}: {names}; {fixed}\n  {one.summary}")
