"""How a job runs: alone, written down, ended in time, whichever way it goes wrong. The jobs are real; so are the processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from postern.base import lock, stop
from postern.base.errors import DatabaseUnavailable
from postern.base.stop import Stop
from postern.flow import job_run
from postern.flow.context import Context
from postern.flow.job_run import Done
from postern.flow.job_table import JOBS, Job
from support.instance import ROOT, Instance
from support.patience import PATIENCE, until

ALONE = Job("trial", "trial_work:work", minutes=60, limit_seconds=5, does="", lost="", shared=False)
SHARED = replace(ALONE, shared=True)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module whose function `work` a trial job runs; what each run did is in `runs`."""
    module = ModuleType("postern.trial_work")
    module.runs = []
    module.work = lambda context, stop: module.runs.append(context.config.home) or Done(3, "It is done.")
    monkeypatch.setitem(sys.modules, "postern.trial_work", module)
    return module


@pytest.fixture
def second(instance: Instance, tmp_path: Path) -> Iterator[Instance]:
    """Another home on the same database."""
    other = Instance(tmp_path / "second-home", instance.settings)
    yield other
    other.close()


def row(instance: Instance) -> list[object]:
    (found,) = instance.query(
        "SELECT ok, items, error, failures, ended_at IS NOT NULL FROM jobs WHERE job = 'trial'"
    )
    return found


def test_every_jobs_work_can_be_found():
    for job in JOBS:
        assert callable(job_run._work_of(job)), job.name


def test_a_run_is_written_down_from_start_to_end(instance: Instance, work: ModuleType):
    seen = []
    work.work = lambda context, stop: seen.append(row(instance)) or Done(3, "It is done.")
    assert job_run.run(instance.context(), ALONE, Stop()).said == "It is done."
    assert seen == [[None, 0, None, 0, False]]
    assert row(instance) == [True, 3, None, 0, True]
    assert '"event":"job.end"' in instance.log()


WRONG = {
    "an error that is known": (
        DatabaseUnavailable("It went away.", "Wait."),
        "It went away.",
        DatabaseUnavailable,
    ),
    "a fault": (
        ValueError("jane@real.example"),
        "A fault of Postern (ValueError); the log has it.",
        ValueError,
    ),
    "cut off": (stop.Stopped("its time is over"), "trial was cut off: its time is over.", job_run.CutOff),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_went_wrong_is_written_down_and_raised(instance: Instance, work: ModuleType, how: str):
    error, told, kind = WRONG[how]

    def fail(context: Context, stop: Stop) -> Done:
        raise error

    good, work.work = work.work, fail
    context = instance.context()
    for times in (1, 2):
        with pytest.raises(kind):
            job_run.run(context, ALONE, Stop())
        assert row(instance) == [False, 0, told, times, True]
    work.work = good
    job_run.run(context, ALONE, Stop())
    assert row(instance) == [True, 3, told, 0, True], "the last error stays to be read"


def test_a_second_start_leaves_at_once_and_says_so_in_the_log(instance: Instance):
    with lock.of_job(instance.home, "deliver") as held:
        assert held.acquire()
        assert instance.drain(code=0) == ""
    assert "job.left_out" in instance.log()
    assert instance.query("SELECT 1 FROM jobs WHERE job = 'deliver'") == []


def test_a_run_that_was_killed_holds_nothing_up_and_is_counted(instance: Instance, work: ModuleType):
    """The lock is the kernel's, and the lease this home's own: both are free when it is dead."""
    context = instance.context()
    pid = os.fork()
    if pid == 0:
        work.work = lambda context, stop: os.kill(os.getpid(), signal.SIGKILL)
        job_run.run(instance.context(), SHARED, Stop())
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    assert row(instance) == [None, 0, None, 0, False]
    assert job_run.run(context, SHARED, Stop()) is not None
    assert row(instance) == [True, 3, "It did not come to its end.", 0, True]
    assert "job.died" in instance.log()


def test_of_two_homes_on_one_database_one_does_the_shared_job(
    instance: Instance, second: Instance, work: ModuleType
):
    first, other = instance.context(), second.context()
    inside = []
    work.work = lambda context, stop: (
        inside.append(job_run.run(other, SHARED, Stop(), by_hand=True)) or Done(1)
    )
    assert job_run.run(first, SHARED, Stop()) == Done(1)
    assert inside == [None], "while it runs, the other is told that it is at work"
    assert job_run.run(other, SHARED, Stop()) is None, "and afterwards that it was done"
    assert job_run.run(other, ALONE, Stop()) == Done(1), "what each home needs, each does"
    assert len(inside) == 2
    assert instance.query("SELECT count(DISTINCT home) FROM jobs WHERE job = 'trial'") == [[2]]
    assert "done for this period" in second.log()


def test_a_shared_job_is_due_again_after_its_period_less_some_slack(
    instance: Instance, second: Instance, work: ModuleType
):
    job_run.run(instance.context(), SHARED, Stop())
    other = second.context()
    for minutes, runs in ((44, 1), (46, 2), (1, 2)):
        instance.query("UPDATE jobs SET ok_at = now() - make_interval(mins => :minutes)", minutes=minutes)
        job_run.run(other, SHARED, Stop())
        assert len(work.runs) == runs, minutes
    assert job_run.run(other, SHARED, Stop(), by_hand=True) is not None, "by hand it runs whenever"


def test_a_job_that_another_home_left_dead_is_taken_over_when_its_time_is_over(
    instance: Instance, second: Instance, work: ModuleType
):
    instance.query(
        "INSERT INTO job_leases (job, home, taken_at, until) VALUES ('trial', 'dead', now(), now() + interval '45 seconds')"
    )
    assert job_run.run(second.context(), SHARED, Stop()) is None
    instance.query("UPDATE job_leases SET until = now()")
    assert job_run.run(second.context(), SHARED, Stop()) is not None


def test_a_job_runs_again_while_it_says_that_there_is_more(instance: Instance, work: ModuleType):
    answers = iter([True, True, False])
    work.work = lambda context, stop: work.runs.append(1) or Done(1, more=lambda: next(answers))
    job_run.run(instance.context(), ALONE, Stop())
    assert len(work.runs) == 3


def test_a_job_that_needs_no_database_runs_without_one(instance: Instance, work: ModuleType):
    instance.write_env(POSTERN_DB_HOST=instance.home)
    context = instance.context()
    with pytest.raises(DatabaseUnavailable):
        job_run.run(context, ALONE, Stop())
    assert work.runs == []
    assert job_run.run(context, replace(ALONE, needs_database=False), Stop()) == Done(3, "It is done.")


# Ending in time.


def test_a_stop_says_why():
    assert Stop().why() == ""
    assert Stop(0).why() == stop.OVER
    asked = Stop()
    asked.ask()
    assert asked.why() == stop.ASKED


def test_sigterm_asks_first_and_cuts_off_what_does_not_listen(monkeypatch: pytest.MonkeyPatch):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)
    with stop.on_signals(60) as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        until(signals.why)
        assert signals.why() == stop.ASKED
        assert 0 < signal.alarm(stop.GRACE_SECONDS) <= stop.GRACE_SECONDS
    monkeypatch.setattr(stop, "GRACE_SECONDS", 1)
    with pytest.raises(stop.Stopped, match=stop.OVER), stop.on_signals(0):
        signal.pause()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM)) == before
    assert signal.alarm(0) == 0


def test_a_drain_ends_its_delivery_at_sigterm_and_gives_the_rest_back(instance: Instance, relay):
    from support.mail import message
    from support.queue import put

    with lock.of_job(instance.home, "deliver") as held:  # or a receipt would wake one
        assert held.acquire()
        put(instance, instance.context(), message("one"), message("two"))
    drains: list[subprocess.Popen[str]] = []
    relay.on("data", lambda: drains[0].send_signal(signal.SIGTERM))
    drains.append(instance.start_drain())
    out, _ = drains[0].communicate(timeout=PATIENCE)
    assert (drains[0].returncode, out) == (0, "")
    assert instance.states() == {"sent": 1, "queued": 1}
    assert instance.query("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL") == [[0]]
    assert stop.ASKED in instance.log()


def test_a_job_that_fails_says_nothing_to_cron_and_its_exit_code_tells(instance: Instance):
    instance.query("ALTER TABLE webhook_ids RENAME TO taken_away")
    done = subprocess.run(
        [sys.executable, str(ROOT / "cron" / "purge.py")],
        env=instance.environ,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (78, "", "")
    assert "job.stopped" in instance.log()
