"""What an upgrade works on, and the few things that it does to it at several points."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

from postern.base.database import SYSTEM
from postern.base.errors import PosternError
from postern.ops.releases import journal as journals
from postern.store import migrations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from postern.flow.context import Context
    from postern.ops.releases.journal import Journal

WAIT_SECONDS = 120
"""How long those inside may take to leave: a drain ends the delivery that it is at."""


class WentBack(PosternError):
    """The change failed, and all is as it was before."""


class StepFailed(PosternError):
    """One of its steps failed."""


class Stuck(PosternError):
    """It cannot be finished or undone without the operator (EX_SOFTWARE)."""

    exit_code = 70


@dataclass(frozen=True)
class Site:
    """What is changed, and by which means. `top`: the program's folder; `step` shows a step while it runs."""

    top: str
    context: Context
    environ: Mapping[str, str]
    python: str
    step: Callable[[str], AbstractContextManager[None]]
    tell: Callable[[str], None]

    @property
    def home(self) -> str:
        """Its home."""
        return self.context.config.home

    def note(self, journal: Journal, state: str) -> None:
        """It comes to this point."""
        journal.state = state
        journals.write(self.home, journal)


def postern(site: Site, program: str, *args: str, files: tuple[int, ...] = (), packages: str = "") -> str:
    """Run `postern …` of the program in this folder; returns what it printed. StepFailed with what it said."""
    path = [os.path.join(program, "lib"), *([packages] if packages else [])]
    env = {**site.environ, "POSTERN_HOME": site.home, "PYTHONPATH": os.pathsep.join(path)}
    # A session of its own: Ctrl-C at a terminal is this process's to answer.
    done = subprocess.run(
        [site.python, "-m", "postern", *args],
        env=env,
        cwd=program,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        pass_fds=files,
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().split("\n")
        if not said[0].startswith("postern: "):
            # Of a traceback, the last line says what it is.
            said = said[-1:]
        reason = said[0].replace("postern: ", "", 1) or f"it ended with {done.returncode}"
        raise StepFailed(
            f"`postern {args[0]}` of Postern in {program} failed: {reason}", " ".join(said[1:]).strip()
        )
    return done.stdout


def count(site: Site) -> int:
    """How many migrations the database has."""
    with site.context.pool.connection() as db, db.transaction(SYSTEM):
        return len(migrations.applied(db)) if migrations.has_ledger(db) else 0


def restart(top: str) -> None:
    """Processes of the other program would only refuse to work."""
    from postern.ops.install import passenger

    passenger.restart(top)
