"""postern health"""

from __future__ import annotations

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.cli.main import Nouns


def register(nouns: Nouns) -> None:
    """The command."""
    health = common.verb(
        nouns, "health", "what /health would say; exit code 1 when something fails", "postern health"
    )
    common.json_flag(health)
    health.set_defaults(run=show_health)


def show_health(args: argparse.Namespace) -> int:
    """postern health"""
    from postern.web import health

    with common.instance() as context:
        checks = health.look(context)
    common.show(
        [{"check": c.name, "status": "ok" if c.ok else "fail", "detail": c.detail} for c in checks],
        args.json,
        "",
    )
    return 0 if all(check.ok for check in checks) else 1
