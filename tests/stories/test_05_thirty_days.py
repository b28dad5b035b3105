"""An instance that is left alone for 30 days: hourly cron, mail by day, and a fault every few days.

It is a host whose cron starts jobs every hour (POSTERN_CRON_MINUTES=60); the jobs run when their lines in the crontab say. The
clock is moved on by support/time_machine.py. At the end nothing that was accepted is lost or doubled, the disk is bounded,
the newest backup is verified, and the operator was told of each fault once, and once that it was over.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from postern.base import clock
from postern.base.errors import Busy, DatabaseUnavailable, PosternError
from postern.base.stop import Stop
from postern.flow import job_run
from postern.flow.context import Context
from postern.flow.job_table import JOBS, Job
from postern.ops.install import crontab
from support.hook import Hook
from support.instance import MAILBOX, Instance
from support.mail import message
from support.queue import put
from support.time_machine import TimeMachine

DAYS = 30
HOUR = 3600
MAIL_HOURS = range(8, 20)
OPERATOR = "operator@real-mailbox.example"


def hours_of(job: Job, home: str) -> set[int]:
    """In which hours of the day its line in the crontab starts it."""
    lines = dict(zip(JOBS, crontab.lines("/top", home, "/python", 60).split("\n")))
    hour = crontab.when(lines[job]).split()[1]
    return set(range(24)) if hour == "*" else {int(hour)}


class Life:
    """The instance, its senders, and what became of their mail."""

    def __init__(self, instance: Instance, relay, machine: TimeMachine, away: pytest.MonkeyPatch) -> None:
        self.instance, self.relay, self.machine, self.away = instance, relay, machine, away
        self.context: Context = instance.context()
        self.accepted: list[str] = []
        self.turned_away: list[str] = []
        self.failed: Counter[str] = Counter()
        self.off: set[str] = set()
        self.schedule = {job: hours_of(job, instance.home) for job in JOBS}
        # The simulation begins at the midnight (UTC) that comes.
        machine.move_on(86400 - time.time() % 86400)

    def again(self, **settings: str) -> None:
        """New processes, with these settings."""
        self.context.pool.close()
        self.instance.write_env(**settings)
        self.context = self.instance.context()

    def hour(self, number: int, skipped: bool) -> None:
        """Mail comes, what was turned away comes again, and cron does its work; `skipped`: not what it does hourly."""
        new = [f"mail {number}"] if number % 24 in MAIL_HOURS else []
        waiting, self.turned_away = [*self.turned_away, *new], []
        for subject in waiting:
            try:
                put(self.instance, self.context, message(subject))
                self.accepted.append(subject)
            except AssertionError:
                self.accepted.append(subject)  # spooled is accepted as well
                for path in Path(self.instance.home, "spool", "new").iterdir():
                    os.utime(path, (clock.now(), clock.now()))
            except (Busy, PosternError):
                self.turned_away.append(subject)
        for job, hours in self.schedule.items():
            if number % 24 in hours and job.name not in self.off and not (skipped and len(hours) == 24):
                try:
                    job_run.run(self.context, job, Stop())
                except PosternError:
                    self.failed[job.name] += 1
        self.machine.move_on(HOUR)

    def mailed(self, address: str) -> list[str]:
        """Subjects of what the relay took for them."""
        found = [
            message_from_bytes(got.content, policy=policy.default)
            for got in self.relay.messages
            if address in got.rcpt_to
        ]
        return [str(one["Subject"]) for one in found]


def relay_says(script: dict[str, object]) -> Callable[[Life], None]:
    return lambda life: life.relay.follow(script)


def database_goes(life: Life) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseUnavailable("The database does not answer.", "Wait.")

    life.context.pool.close()
    life.away.setattr("postern.base.pool.connect", refuse)


def database_comes(life: Life) -> None:
    life.away.undo()


def cron_forgets(*jobs: str) -> Callable[[Life], None]:
    return lambda life: setattr(life, "off", set(jobs))


def disk_has_to_keep_free(size: int) -> Callable[[Life], None]:
    return lambda life: life.again(POSTERN_DISK_FREE_BYTES=str(size))


def spoil_newest_backup(life: Life) -> None:
    """A bit of it is another."""
    newest = max(Path(life.instance.home, "backups").glob("*"))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(data)


def host_clock_is_wrong_by(seconds: int) -> Callable[[Life], None]:
    return lambda life: setattr(life.machine, "skew", seconds)


HAPPENS: dict[tuple[int, int], Callable[[Life], None]] = {
    (3, 9): relay_says({"auth": "535 5.7.8 no"}),
    (3, 15): relay_says({}),
    (6, 9): database_goes,
    (6, 14): database_comes,
    (9, 9): relay_says({"rcpt": ["450 4.2.0 later", "450 4.2.0 later", None]}),
    (12, 8): cron_forgets("deliver"),
    (12, 18): cron_forgets(),
    (15, 9): disk_has_to_keep_free(10**15),
    (15, 13): disk_has_to_keep_free(1),
    (18, 5): spoil_newest_backup,
    (24, 9): host_clock_is_wrong_by(2 * HOUR),
    (24, 13): host_clock_is_wrong_by(0),
}
"""At the start of which hour of which day, what goes wrong, and what is well again."""


BUSY_DAYS = {day + after for day, _ in HAPPENS for after in (0, 1)}
"""Those of a fault, and the days after. On the others cron leaves out every other hour, as a host under load does."""


def live(life: Life) -> None:
    """30 days, hour by hour."""
    for number in range(DAYS * 24):
        happens = HAPPENS.get(divmod(number, 24))
        if happens:
            happens(life)
        life.hour(number, skipped=number % 2 == 1 and number // 24 not in BUSY_DAYS)


FAULTS = ("relay", "database", "job-deliver", "disk", "job-restore-check", "clock")
"""What the operator must hear of, in this order; of each that it is there, and that it is over."""


@pytest.mark.long
def test_thirty_days_alone(
    instance: Instance, relay, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)
    with Hook() as hook:
        instance.write_env(
            POSTERN_CRON_MINUTES="60",
            POSTERN_ALERT_MAIL=OPERATOR,
            POSTERN_ALERT_URL=hook.url,
            POSTERN_ALERT_FORMAT="json",
            POSTERN_KEEP_SENT_DAYS="7",
            POSTERN_ALERT_DISK_PERCENT="101",
            POSTERN_HEALTH_QUEUE_SECONDS="86400",
        )
        life = Life(instance, relay, TimeMachine(instance, monkeypatch), pytest.MonkeyPatch())
        live(life)
        life.context.pool.close()
        posted = [got.json["subject"] for got in hook.got]
    told = life.mailed(OPERATOR)
    arrived = Counter(life.mailed(MAILBOX))
    states = instance.states()
    backups = sorted(path.name for path in Path(instance.home, "backups").iterdir())
    logs = list(Path(instance.home, "logs").iterdir())
    tally = {
        "accepted": len(life.accepted),
        "arrived": sum(arrived.values()),
        "turned away at the end": len(life.turned_away),
        "in the queue": states,
        "backups": len(backups),
        "bytes of logs": sum(path.stat().st_size for path in logs),
        "failed runs": dict(life.failed),
        "mailed alerts": told,
        "posted alerts": posted,
    }
    with capsys.disabled():
        print("\n30 days:", tally)
    lost = [subject for subject in life.accepted if not arrived[subject]]
    assert lost == life.accepted[len(life.accepted) - len(lost) :], "only what came last may still wait"
    assert len(lost) == states.get("queued", 0) <= 3
    assert max(arrived.values()) == 1, "nothing came twice"
    assert len(life.accepted) == DAYS * len(MAIL_HOURS)
    assert life.turned_away == []
    # Bounded: rows of seven days, and backups and logs of as many days as they are kept.
    assert sum(states.values()) <= 9 * len(MAIL_HOURS)
    assert len(backups) <= 7 + 4 + 12
    assert len(logs) <= 14 + 2
    assert tally["bytes of logs"] < 20_000_000
    ((ok,),) = instance.query("SELECT ok FROM jobs WHERE job = 'restore-check'")
    assert ok is True
    heard = told + posted
    for fault in FAULTS:
        assert len([one for one in heard if one.startswith("Trouble") and fault in one]) == 1, (fault, heard)
        assert len([one for one in heard if one.startswith("Well") and fault in one]) == 1, (fault, heard)
    assert len(heard) == 2 * len(FAULTS), heard
