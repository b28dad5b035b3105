"""postern doctor …"""

from __future__ import annotations

from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns
    from postern.ops.doctor.check import Check


def register(nouns: Nouns) -> None:
    """The noun and its verbs."""
    verbs = common.noun(nouns, "doctor", "look at this instance and say what to mend")
    tls = common.verb(
        verbs,
        "tls",
        "look at the site's certificate, redirect, HSTS and pages from outside; exit code 1 when something fails",
        "postern doctor tls --json",
    )
    common.json_flag(tls)
    tls.add_argument(
        "--connect", metavar="HOST:PORT", type=_place, help="look at this server; without: the name's"
    )
    tls.add_argument(
        "--http-port", metavar="PORT", type=_port, default=0, help="where plain HTTP is; without: 80"
    )
    tls.add_argument("--ca-file", metavar="PEM", default="", help="trust these CAs; without: the system's")
    tls.set_defaults(run=doctor_tls)


def doctor_tls(args: argparse.Namespace) -> int:
    """postern doctor tls"""
    import os

    from postern.base import clock
    from postern.ops.doctor import check, tls
    from postern.web.routes import ROUTES

    with common.instance() as context:
        config = context.config
    try:
        since = os.stat(os.path.join(config.home, ".env")).st_mtime
    except FileNotFoundError:
        since = clock.now()  # all settings are in the environment; their age is not known
    paths = tuple(path for method, path in ROUTES if method == "GET")
    target = tls.Target(config.url, config.hsts, since, paths, args.connect, args.http_port, args.ca_file)
    checks = tls.look(target, clock.now())
    _show(checks, args.json)
    return check.exit_code(checks)


def _show(checks: list[Check], as_json: bool) -> None:
    """A table, and below it what to do."""
    if as_json:
        from dataclasses import asdict

        common.show([asdict(one) for one in checks], True, "")
        return
    common.show([{"check": c.name, "status": c.status, "detail": c.detail} for c in checks], False, "")
    for one in checks:
        if one.remedy:
            print(f"\n{one.name}: {one.remedy}")


def _port(text: str) -> int:
    port = common.whole_number(text)
    if not 1 <= port <= 65535:
        raise BadInput(f"{text} is no port.", "Ports go from 1 to 65535.")
    return port


def _place(text: str) -> tuple[str, int]:
    """HOST:PORT; an IPv6 address stands in brackets."""
    host, _, port = text.rpartition(":")
    if not host:
        raise BadInput(f"{text!r} is no HOST:PORT.", "For instance: --connect 203.0.113.7:443")
    return host.strip("[]"), _port(port)
