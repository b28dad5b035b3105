"""The part of an upgrade or a rollback during which the gate is shut, and the way back from every point of it.

The journal (journal.py) is written before each step, and every step and its undoing can be done twice. So the way back
(go_back.py) is the same whether a step failed just now or the process was killed a week ago; till then the gate stays shut.

    backup   the gate is shut, nothing was changed yet
    migrate  home/venv may lead to the new packages, and the database may have new migrations
    switch   each entry of the program's folder may be the old or the new one
    check    all is new; the new program is asked how it is, while nobody else can use it
    opened   it did well and is in use. From here on an interrupted change is finished, not undone
    late     it did not do well in use: all goes back, but no backup is restored, for mail may have come in since

Not here: what comes before and after (upgrade.py).
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from postern.base import clock, gate
from postern.base.errors import PosternError
from postern.ops.install import static
from postern.ops.releases import journal as journals
from postern.ops.releases import probe, switch, venvs
from postern.ops.releases.go_back import go_back
from postern.ops.releases.probe import Look
from postern.ops.releases.site import WAIT_SECONDS, StepFailed, WentBack, count, restart

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postern.base.gate import Shut
    from postern.ops.releases.site import Site

    Move = Callable[[Shut], None]
    from postern.ops.releases.journal import Journal


@dataclass(frozen=True)
class Looks:
    """How the site was before."""

    http: Look
    door: Look


def look(site: Site) -> Looks:
    """How it is now."""
    return Looks(probe.by_http(site.context.config.url), probe.by_door(site.top, site.home, site.environ))


def carry_out(site: Site, journal: Journal, move: Move, before: Looks) -> None:
    """Shut the gate, change everything, look, open. WentBack when it did not do; Stuck when there is no way back either."""
    with site.step("Wait until nobody is at work"), contextlib.ExitStack() as gate:
        shut = gate.enter_context(site.context.pool.gate.close(WAIT_SECONDS))
        opened = gate.pop_all()
    began = clock.elapsed()
    try:
        with opened, _or_back(site, journal, shut, before):
            _change(site, journal, move, shut)
            _look(site, journal, before, shut)
            site.note(journal, "opened")
    finally:
        site.tell(f"Mail waited in the spool and pages were away for {clock.elapsed() - began:.1f} s.")
    look_again(site, journal, before)


def look_again(site: Site, journal: Journal, before: Looks) -> None:
    """The last look is through the open gate."""
    url, release = site.context.config.url, gate.release_in(site.top)
    with site.step("Ask the site once more"):
        reason = probe.patiently(lambda: probe.by_http(url), before.http, release)
    if reason:
        with site.context.pool.gate.close(WAIT_SECONDS) as shut, _or_back(site, journal, shut, before):
            site.note(journal, "late")
            raise StepFailed(f"The site is not well with the new program: {reason}", "")


@contextlib.contextmanager
def _or_back(site: Site, journal: Journal, shut: Shut, before: Looks | None) -> Iterator[None]:
    """Whatever goes wrong inside is undone, Ctrl-C included."""
    try:
        yield
    except BaseException as error:
        reason = error.reason if isinstance(error, PosternError) else f"{type(error).__name__}: {error}"
        remedy = error.remedy if isinstance(error, PosternError) else ""
        if os.path.exists(journals.path_in(site.home)):
            go_back(site, journal, shut, reason)
        _look_at_old(site, before, shut)
        raise WentBack(
            f"{reason} {remedy}".rstrip(),
            f"Everything was put back: Postern {journal.old_version} runs as before, and no mail is lost.",
        ) from error


def _change(site: Site, journal: Journal, move: Move, shut: Shut) -> None:
    from postern.ops.backups import backup

    journal.before = count(site)
    site.note(journal, "backup")
    with site.step("Back up the database"):
        journal.backup = backup.write(site.context, backup.default_folder(site.context.config))
    site.note(journal, "migrate")
    move(shut)
    site.note(journal, "switch")
    with site.step("Put the program in place"):
        switch.turn(site.top, journal.entries, to_new=True)
        venvs.lead(site.home, journal.new_venv)
        static.publish(site.top)
        restart(site.top)


def _look(site: Site, journal: Journal, before: Looks, shut: Shut) -> None:
    site.note(journal, "check")
    release = gate.release_in(site.top)
    with site.step("Ask the new program how it is"):
        reason = probe.wrong(
            before.door, probe.by_door(site.top, site.home, site.environ, shut.files), release
        )
        url = site.context.config.url
        # The gate is shut for processes of the web server: whether it is the new program that answers is all they can tell.
        reason = reason or probe.patiently(
            lambda: probe.by_http(url), before.http, release, answers_only=True
        )
    if reason:
        raise StepFailed(f"The new program is not well: {reason}", "")


def _look_at_old(site: Site, before: Looks | None, shut: Shut) -> None:
    if before is None:
        return
    with site.step("Ask the site how it is"):
        now = probe.by_door(site.top, site.home, site.environ, shut.files)
        reason = probe.wrong(before.door, now, gate.release_in(site.top))
    if reason:
        site.tell(f"  {reason}")
