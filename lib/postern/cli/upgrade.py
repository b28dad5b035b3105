"""postern upgrade, postern rollback

Both make a copy of the running program first and go on from there: the folder that this file lies in changes under them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys

from postern.base import clock, home
from postern.base.errors import BadInput
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.cli.main import Nouns
    from postern.ops.releases.site import Site


def register(nouns: Nouns) -> None:
    """The two commands."""
    up = common.verb(
        nouns,
        "upgrade",
        "put another release in place; goes back by itself when it does not do well",
        "postern upgrade postern-1.2.0.zip",
    )
    up.add_argument("source", metavar="ARCHIVE|FOLDER")
    up.add_argument("--offline", metavar="DIR", default="", help="take packages from wheels in this folder")
    up.add_argument("--force", action="store_true", help="even when it is older than the running one")
    up.set_defaults(run=upgrade_program)
    back = common.verb(nouns, "rollback", "go back to the release that ran before", "postern rollback --yes")
    back.add_argument("release", metavar="RELEASE", nargs="?", default="", help="else the last one")
    back.add_argument("--list", action="store_true", help="show where one can go back to")
    common.json_flag(back)
    back.add_argument("--mend", action="store_true", help="only take up what an interrupted run left")
    back.add_argument(
        "--restore",
        action="store_true",
        help="the database as it was before that upgrade; what came later is gone",
    )
    back.add_argument("--config", action="store_true", help="take the settings of then as well")
    back.add_argument("--offline", metavar="DIR", default="", help="take packages from wheels in this folder")
    back.add_argument("--yes", action="store_true", help="do not ask")
    back.set_defaults(run=roll_back)
    for command in (up, back):
        # Given by the command to itself, when it goes on from the copy.
        command.add_argument("--of", metavar="TOP", default="", help=argparse.SUPPRESS)


def upgrade_program(args: argparse.Namespace) -> None:
    """postern upgrade"""
    if not args.of:
        _go_on_from_copy("upgrade", os.path.abspath(args.source), *_flags(args, "force"))
    from postern.ops.releases import upgrade

    with _site(args.of) as site:
        version = upgrade.upgrade(site, args.source, offline=args.offline, force=args.force)
    print(
        f"Postern {version} is in place.\nNext: sh {args.of}/install.sh --check says whether the new release wants more "
        "(web server rules, cron); postern rollback goes back."
    )


def roll_back(args: argparse.Namespace) -> None:
    """postern rollback"""
    from postern.ops.releases import kept

    place = home.find()
    if args.list:
        rows: list[dict[str, object]] = [
            {"release": one.name, "version": one.version, "migration": one.migration, "backup": one.backup}
            for one in kept.listing(place)
        ]
        common.show(rows, args.json, "There is nothing to go back to yet.")
        return
    if not args.of:
        if args.mend:
            mend()
            return
        if not _is_half_done(place):
            kept.find(place, args.release)
        _go_on_from_copy(
            "rollback", *[args.release] * bool(args.release), *_flags(args, "restore", "config", "yes")
        )
    from postern.ops.releases import upgrade

    with _site(args.of) as site:
        if args.mend:
            print(upgrade.take_up(site))
            return
        then = kept.find(place, args.release)
        if not args.yes and not _agrees(then.name, args.restore, upgrade.losses(site, then)):
            raise BadInput("Nothing was changed.", "Answer yes, or give --yes.")
        version = upgrade.rollback(site, then, restore=args.restore, config=args.config, offline=args.offline)
    print(f"Postern {version} is in place again.")


def _flags(args: argparse.Namespace, *names: str) -> list[str]:
    """As they were given."""
    given = [f"--{name}" for name in names if getattr(args, name)]
    return given + (["--offline", os.path.abspath(args.offline)] if args.offline else [])


def _agrees(name: str, restore: bool, losses: list[str]) -> bool:
    """Nobody there to answer (cron, a closed terminal) means no."""
    if restore:
        print("The database is restored as it was then: all that came since is gone.")
    elif losses:
        print("Taking migrations back loses what these hold:\n" + "\n".join(f"  {line}" for line in losses))
    try:
        return input(f"Go back to {name}? [yes/NO] ") == "yes"
    except EOFError:
        return False


def _go_on_from_copy(*argv: str) -> None:
    """Become the same command, run from a copy of this program. An interrupted run is mended first."""
    from postern.ops.releases import kept, upgrade

    top, place = home.program(), home.find()
    if os.path.realpath(top).startswith(os.path.realpath(place) + os.sep):
        raise BadInput(
            f"{top} is a copy, not the program that is in use.", "Run the one in the document root."
        )
    home.make(place)
    if _is_half_done(place):
        mend()
        # What lies here may have changed: begin anew.
        _become(top, *argv)
    with upgrade.alone(place):
        copy = kept.keep(place, top)
    _become(copy, *argv, "--of", top)


def _become(program: str, *argv: str) -> None:
    environ = {**os.environ, "POSTERN_HOME": home.find(), "PYTHONPATH": os.path.join(program, "lib")}
    sys.stdout.flush()
    # `-m` looks into the current folder first.
    os.chdir(program)
    os.execve(sys.executable, [sys.executable, "-m", "postern", *argv], environ)  # noqa: S606


def _is_half_done(place: str) -> bool:
    """Whether a run was killed: with the gate shut, and its journal written or not."""
    from postern.base.gate import Gate
    from postern.ops.releases import journal

    return journal.read(place) is not None or (os.path.isdir(f"{place}/run") and Gate(place).interrupted())


def mend() -> None:
    """Take up what an interrupted run left: by the copy that it went on from, in a process of its own."""
    import subprocess

    from postern.ops.releases import go_back, journal

    place, top = home.find(), home.program()
    found = journal.read(place)
    program = found.kept if found and os.path.isdir(os.path.join(found.kept, "lib")) else top
    if found:
        go_back.env_back(place, found)
    environ = {**os.environ, "POSTERN_HOME": place, "PYTHONPATH": os.path.join(program, "lib")}
    of = found.top if found else top
    argv = [sys.executable, "-m", "postern", "rollback", "--mend", "--of", of]
    sys.stdout.flush()
    done = subprocess.run(argv, env=environ, cwd=program, check=False)
    if done.returncode:
        sys.exit(done.returncode)


@contextlib.contextmanager
def _site(top: str) -> Iterator[Site]:
    """What is changed. A terminal that goes away does not stop it; SIGTERM undoes it, as Ctrl-C does."""
    from postern.ops.releases.site import Site

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with common.instance() as context:
        yield Site(top, context, os.environ, sys.executable, _step, _tell)


@contextlib.contextmanager
def _step(text: str) -> Iterator[None]:
    """Show a step while it runs, and how long it took."""
    _tell(f"  {text} …", end="")
    began = clock.elapsed()
    try:
        yield
    except BaseException:
        _tell(" failed")
        raise
    _tell(f" {(clock.elapsed() - began) * 1000:.0f} ms")


def _tell(text: str, end: str = "\n") -> None:
    # Nobody may be there any more to read it.
    with contextlib.suppress(OSError):
        print(text, end=end, flush=True)
