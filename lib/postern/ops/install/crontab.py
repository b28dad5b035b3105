"""The account's crontab, through the program `crontab`: our lines in a marked block, everybody else's byte for byte.

The block goes behind what is there, so that a SHELL which the host puts in front (a jail) holds for us too; nothing else that
stands there can touch us: the program is named by its path, run with -I, and its output never becomes mail. The mark
carries the home, so two instances of an account do not meet.

A job writes its own log. What it prints besides is a crash before there is a log, which comes back every minute until it is
mended: it goes to home/logs/cron-NAME.txt, written anew by each run, so that it can fill neither a mailbox nor the disk.

Not here: panels without the program, where the operator enters the lines (ops/install/cron.py shows them).
"""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass

from postern.base.errors import BadInput, Busy, PosternError
from postern.ops.install import marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAM = "crontab"
PROGRAM_SECONDS = 30
TRIES = 5
"""How often somebody else may have changed the table while we thought about ours."""

NO_TABLE = "no crontab for"
"""What every cron says, in English, of an account that has none yet."""

SHOWN_RETURN = "\\r"
"""How Debian's `crontab -l` shows a carriage return: written back, it would be a backslash in somebody's command."""

REMEDY = "Enter or take out our lines in the host's panel, under Cron Jobs."


@dataclass(frozen=True)
class Job:
    """What cron starts: a script of cron/, every so many minutes."""

    name: str
    script: str
    minutes: int


JOBS = (Job("deliver", "cron/deliver.py", 1),)


class CrontabRefused(PosternError):
    """The program `crontab` did not take our lines."""


def read() -> str | None:
    """The account's table; empty when there is none yet. None: there is no such program, or we may not use it."""
    code, said, wrong = _run("-l")
    if code == 0:
        return said
    return "" if NO_TABLE in wrong else None


def write(text: str) -> None:
    """Make this the account's table; an empty one is removed. CrontabRefused unless it is there afterwards."""
    if any(line.endswith(SHOWN_RETURN) for line in text.split("\n")):
        raise CrontabRefused(
            "Lines of the crontab end in a carriage return, which would not survive a change by us.",
            "Save them with plain line ends in the host's panel, and try again; or enter our lines there.",
        )
    if text and not text.endswith("\n"):
        # cron takes no unfinished line.
        text += "\n"
    code, _, wrong = _run("-", stdin=text) if text else _run("-r")
    if code and (text or NO_TABLE not in wrong):
        raise CrontabRefused(f"The program {PROGRAM} refused our lines: {wrong.strip()}", REMEDY)
    wanted, found = text.split("\n"), (read() or "").split("\n")
    # A panel may add lines of its own, or refuse without a word.
    lost = [line for line in wanted if line and line not in found]
    kept = [line for line in found if line.startswith(marked.BEGIN) and line not in wanted]
    if lost or kept:
        # Not which lines: other people's may hold passwords.
        raise CrontabRefused(
            f"The program {PROGRAM} said yes, and the table is not as it was given to it.", REMEDY
        )


def change(edit: Callable[[str], str]) -> bool:
    """Write what `edit` makes of the table, unless somebody changed it meanwhile; then again. False: nothing to do.

    `crontab` has no lock. Between the last look and the write lie milliseconds; what another writes just then is lost.
    """
    for _ in range(TRIES):
        table = read()
        if table is None:
            raise CrontabRefused(f"This account has no use of the program {PROGRAM}.", REMEDY)
        wanted = edit(table)
        if wanted == table:
            return False
        if read() == table:
            write(wanted)
            return True
    raise Busy("Somebody else keeps changing the crontab.", "Try again in a moment.")


def lines(top: str, home: str, python: str, every: int = 1) -> str:
    """The jobs, a line each. `every`: the fewest minutes between two starts that the host allows."""
    if not 1 <= every <= 60:
        raise BadInput(f"A job cannot run every {every} minutes.", "Give a number from 1 to 60.")
    return "\n".join(_line(job, top, home, python, every) for job in JOBS)


def put(table: str, home: str, body: str) -> str:
    """The table with our block holding these lines: in its old place, else at the end."""
    if take_out(table, home) != table:
        return marked.put(table, body, home)
    gap = "\n" if table and not table.endswith("\n") else ""
    return table + gap + marked.put("", body, home)


def take_out(table: str, home: str) -> str:
    """The table without our block."""
    return marked.take_out(table, home)


def _line(job: Job, top: str, home: str, python: str, every: int) -> str:
    argv = [python, "-IS", os.path.join(top, job.script)]
    log = shlex.quote(os.path.join(home, "logs", f"cron-{job.name}.txt"))
    command = f"{' '.join(shlex.quote(word) for word in argv)} >{log} 2>&1"
    if any(ord(character) < 32 for character in command):
        raise BadInput(
            "A path has a line break or another control character in it, which a crontab cannot hold.",
            "Rename the folder.",
        )
    # crontab(5): an unescaped % ends the command.
    minutes = max(job.minutes, every)
    field = {1: "*", 60: "0"}.get(minutes, f"*/{minutes}")
    return f"{field} * * * * {command}".replace("%", "\\%")


def _run(argument: str, stdin: str | None = None) -> tuple[int, str, str]:
    """Exit code (-1: it could not be run), stdout, stderr. Bytes that are no UTF-8 come through as they are."""
    try:
        done = subprocess.run(
            [PROGRAM, argument],
            input=b"" if stdin is None else stdin.encode(errors="surrogateescape"),
            capture_output=True,
            timeout=PROGRAM_SECONDS,
            check=False,
        )
    except OSError as error:
        return -1, "", str(error.strerror)
    except subprocess.TimeoutExpired:
        return -1, "", f"no answer within {PROGRAM_SECONDS} seconds"
    said = done.stdout.decode(errors="surrogateescape")
    return done.returncode, said, done.stderr.decode(errors="replace")
