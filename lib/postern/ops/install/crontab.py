"""The account's crontab, through the program `crontab`: our lines in a marked block, everybody else's byte for byte.

The block goes behind what is there, so that a SHELL which the host puts in front (a jail) holds for us too; nothing else that
stands there can touch us: the program is named by its path, run with -I, and its output never becomes mail. The mark
carries the home, so two instances of an account do not meet.

A job writes its own log. What it prints besides is a crash before there is a log, which comes back every minute until it is
mended: it goes to home/logs/cron-NAME.txt, written anew by each run, so that it can fill neither a mailbox nor the disk.

Not here: which jobs there are (flow/job_table.py); panels without the program, where the operator enters the lines
(ops/install/cron.py shows them).
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess

from postern.base.errors import BadInput, Busy, PosternError
from postern.flow.job_table import DAY, JOBS
from postern.ops.install import marked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from postern.flow.job_table import Job

PROGRAM = "crontab"
PROGRAM_SECONDS = 30
TRIES = 5
"""How often somebody else may have changed the table while we thought about ours."""

NO_TABLE = "no crontab for"
"""What every cron says, in English, of an account that has none yet."""

SHOWN_RETURN = "\\r"
"""How Debian's `crontab -l` shows a carriage return: written back, it would be a backslash in somebody's command."""

SPREAD_SECONDS = 30
"""Of what runs every minute."""

SPREAD_MINUTES = 180
"""Of what runs every day."""

REMEDY = "Enter or take out our lines in the host's panel, under Cron Jobs."


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
    """The jobs, a line each, in the order of their table. `every`: fewest minutes between two starts that the host allows."""
    if not 1 <= every <= 60:
        raise BadInput(f"A job cannot run every {every} minutes.", "Give a number from 1 to 60.")
    return "\n".join(_line(job, top, home, python, every) for job in JOBS)


def ours(table: str, home: str) -> list[str]:
    """The lines of our block."""
    return marked.body_of(table, home).split("\n")


def when(line: str) -> str:
    """The five fields of a line."""
    return " ".join(line.split(" ", 5)[:5])


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
    wait, fields = _times(job, drawn(home), max(job.minutes, every))
    command = f"{wait}{' '.join(shlex.quote(word) for word in argv)} >{log} 2>&1"
    if any(ord(character) < 32 for character in command):
        raise BadInput(
            "A path has a line break or another control character in it, which a crontab cannot hold.",
            "Rename the folder.",
        )
    # crontab(5): an unescaped % ends the command.
    return f"{fields} {command}".replace("%", "\\%")


def drawn(home: str) -> int:
    """A number of this installation: the tenants of one host shall not start their jobs in the same second."""
    return int.from_bytes(hashlib.sha256(os.fsencode(home)).digest()[:4], "big")


def _times(job: Job, number: int, minutes: int) -> tuple[str, str]:
    """What waits before the command, and the five fields; each with a share of the number."""
    if minutes >= DAY:
        at = job.hour * 60 + number % SPREAD_MINUTES
        return "", f"{at % 60} {at // 60} * * *"
    if minutes == 1:
        return f"sleep {number % SPREAD_SECONDS};", "* * * * *"
    first = number % minutes
    return "", f"{first} * * * *" if minutes == 60 else f"{_steps(first, minutes)} * * * *"


def _steps(first: int, minutes: int) -> str:
    return f"{first}-59/{minutes}" if first else f"*/{minutes}"


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
