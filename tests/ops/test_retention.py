"""The daily jobs: a backup a day, old ones deleted by the rule and never the last good one, the newest proven."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from postern.base.errors import Busy, NotFound
from postern.base.keyring import new_key
from postern.base.settings import Config
from postern.base.stop import Stop
from postern.flow.context import Context
from postern.ops.backups import backup, daily, restore, retention
from postern.ops.backups.backup_file import BackupBroken
from postern.ops.backups.retention import NoneIsWhole
from support.filled import filled
from support.instance import ROOT, Instance
from support.patience import PATIENCE, until
from support.postgres import Database as Place

RULES = retention.rules_of(Config(backup_daily=7, backup_weekly=4, backup_monthly=12))
BEGAN = datetime(2026, 1, 1, 3, tzinfo=timezone.utc)


def name(made: datetime, number: int = 12) -> str:
    return f"postern-{made:%Y%m%dT%H%M%SZ}-{number}.backup"


def kept(names: list[str], keep: tuple[str, ...] = ()) -> list[str]:
    going = retention.past(names, RULES, keep)
    return [one for one in names if one not in going]


DAYS = [BEGAN + timedelta(days=day) for day in range(500)]


def test_a_year_of_days_leaves_days_weeks_and_months():
    """Day by day, as the job does it."""
    names: list[str] = []
    for day in DAYS:
        names = kept([*names, name(day)])
        assert len(names) <= 7 + 4 + 12
    made = [retention.made_at(one).date().isoformat() for one in names]
    assert made[-7:] == [f"2027-05-{day:02}" for day in (9, 10, 11, 12, 13, 14, 15)]
    assert "2027-05-02" in made and "2027-04-25" in made, "the Sundays: newest of their weeks"
    assert "2027-04-30" in made and "2027-03-31" in made, "the newest of their months"
    assert len(names) == 7 + 2 + 12 - 1


CASES = {
    "nothing": ([], []),
    "one": ([0], [0]),
    "fewer than days": ([0, 1, 2], [0, 1, 2]),
    "of a day, the newest": ([0, 0.25, 0.5], [0.5]),
    "where backups stopped, all stay": ([0, 100, 200, 300], [0, 100, 200, 300]),
}


@pytest.mark.parametrize("what", CASES)
def test_what_stays(what: str):
    have, stay = ([name(DAYS[0] + timedelta(days=day)) for day in days] for days in CASES[what])
    assert kept(have) == stay


def test_what_was_just_made_stays_when_the_clock_was_set_back():
    ahead = [name(day) for day in DAYS[-200:]]
    now = name(DAYS[0])
    assert now in kept([now, *ahead], (now,))


@pytest.fixture
def instance(tmp_path: pathlib.Path, ready_database: Place) -> Iterator[Instance]:
    """Migrated, with rows in every table."""
    settings = {**ready_database.env, "POSTERN_RELAY_HOST": "127.0.0.1"}
    with filled(Instance(tmp_path / "home", settings)) as made:
        yield made


def folder(instance: Instance) -> pathlib.Path:
    return pathlib.Path(instance.home, "backups")


def aged(instance: Instance, days: list[float], data: bytes | None = None) -> list[pathlib.Path]:
    """Backups so many days old; `data` instead of a real one."""
    context = instance.context()
    made = []
    for day in days:
        path = folder(instance) / name(BEGAN - timedelta(days=day))
        if data is None:
            os.rename(backup.write(context, str(folder(instance))), path)
        else:
            path.write_bytes(data)
        made.append(path)
    return made


def test_the_job_backs_up_and_deletes_what_is_past(instance: Instance):
    instance.write_env(POSTERN_BACKUP_DAILY="1", POSTERN_BACKUP_WEEKLY="0", POSTERN_BACKUP_MONTHLY="0")
    old = aged(instance, [0, 1])
    (folder(instance) / "notes.txt").write_text("mine")
    assert "Every" not in instance.cli("jobs", "run", "backup")
    assert not any(path.exists() for path in old)
    (new,) = folder(instance).glob("*.backup")
    assert backup.verify(instance.context().ring, str(new)).rows > 20
    assert (folder(instance) / "notes.txt").exists()
    assert "restores whole" in instance.cli("jobs", "run", "restore-check")


def test_by_cron_it_is_silent_and_written_down(instance: Instance):
    for job in ("backup", "restore-check"):
        run = [sys.executable, str(ROOT / "cron" / f"{job}.py")]
        done = subprocess.run(run, env=instance.environ, capture_output=True, timeout=PATIENCE)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    found = instance.query(
        "SELECT job, ok, items > 20 FROM jobs WHERE home <> 'h' AND home <> '' ORDER BY job"
    )
    assert found == [["backup", True, True], ["restore-check", True, True]]


def test_the_last_good_one_is_never_deleted(instance: Instance):
    """All that the rule keeps is broken; the newest good one stays beside it, and with no good one at all nothing goes."""
    instance.write_env(POSTERN_BACKUP_DAILY="2", POSTERN_BACKUP_WEEKLY="0", POSTERN_BACKUP_MONTHLY="0")
    context = instance.context()
    good = aged(instance, [5, 4])
    broken = aged(instance, [3, 2, 1], b"PSB1, but cut")
    going = retention.apply(context, str(folder(instance)), str(broken[-1]))
    assert going == [good[0].name, broken[0].name]
    assert sorted(folder(instance).glob("*.backup")) == [good[1], *broken[1:]]
    good[1].write_bytes(good[1].read_bytes()[:-7])
    with pytest.raises(NoneIsWhole):
        retention.apply(context, str(folder(instance)), str(broken[-1]))
    assert sorted(folder(instance).glob("*.backup")) == [good[1], *broken[1:]]


def test_a_backup_that_a_release_goes_back_by_stays(instance: Instance):
    from postern.ops.releases import kept as releases

    instance.write_env(POSTERN_BACKUP_DAILY="1", POSTERN_BACKUP_WEEKLY="0", POSTERN_BACKUP_MONTHLY="0")
    old, new = aged(instance, [9, 0])
    release = pathlib.Path(instance.home, "releases", "0.1-20260101-000000.0")
    release.mkdir()
    releases.note(releases.Kept(str(release), "0.1", 3, "", str(old), "2026-01-01"))
    assert retention.apply(instance.context(), str(folder(instance)), str(new)) == []
    assert old.exists()


# The check.


def schemas(instance: Instance) -> list[object]:
    return [row[0] for row in instance.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'check%'")]


def test_a_check_leaves_nothing_and_touches_nothing(instance: Instance):
    before = instance.query("SELECT id, xmin::text FROM users ORDER BY id")
    context = instance.context()
    path = backup.write(context, str(folder(instance)))
    instance.query("DELETE FROM users WHERE handle = 'kim'")
    done = daily.check(context, Stop())
    assert done.items == backup.read_manifest(context.ring, path).rows
    assert (
        schemas(instance) == []
        and instance.query("SELECT id, xmin::text FROM users ORDER BY id") == before[:1]
    )


def test_with_no_backup_a_check_fails(instance: Instance):
    with pytest.raises(NotFound, match="no backup"):
        daily.check(instance.context(), Stop())


BREAK = {
    "cut": lambda data: data[:-100],
    "a bit": lambda data: data[:500] + bytes([data[500] ^ 1]) + data[501:],
    "empty": lambda data: b"",
}


@pytest.mark.parametrize("how", BREAK)
def test_a_broken_backup_is_found_out_and_said(instance: Instance, how: str):
    path = pathlib.Path(backup.write(instance.context(), str(folder(instance))))
    path.write_bytes(BREAK[how](path.read_bytes()))
    assert instance.cli("jobs", "run", "restore-check", code=65)
    assert instance.query("SELECT ok FROM jobs WHERE job = 'restore-check'") == [[False]]
    assert path.exists()


def test_a_backup_whose_key_is_gone_is_found_out(instance: Instance):
    backup.write(instance.context(), str(folder(instance)))
    instance.write_env(POSTERN_SEAL_KEYS=new_key())
    with pytest.raises(BackupBroken, match="does not open"):
        daily.check(instance.context(), Stop())


def test_a_restore_that_reads_back_something_else_is_found_out(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
):
    backup.write(instance.context(), str(folder(instance)))
    filling = restore.tables.fill

    def fill_and_change(db: object, table: restore.tables.Table, pieces: Iterator[bytes]) -> None:
        filling(db, table, pieces)  # type: ignore[arg-type]
        if table.name == "users":
            db.run("UPDATE users SET handle = 'kimm' WHERE handle = 'kim'")  # type: ignore[attr-defined]

    monkeypatch.setattr(restore.tables, "fill", fill_and_change)
    with pytest.raises(Exception, match="table users reads otherwise"):
        daily.check(instance.context(), Stop())
    assert schemas(instance) == []


def test_a_check_that_is_killed_leaves_nothing(instance: Instance, ready_database: Place):
    """When everything is loaded."""
    backup.write(instance.context(), str(folder(instance)))
    code = (
        "import os, signal\nfrom postern.base.stop import Stop\nfrom postern.flow.context import open_context\n"
        "from postern.ops.backups import daily, restore\n"
        "restore._compare = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "daily.check(open_context({}, 'test'), Stop())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=instance.environ, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL
    at_work = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND xact_start IS NOT NULL AND backend_type = 'client backend'"
    )
    with ready_database.connect_superuser() as watcher:
        until(lambda: not watcher.run(at_work))
    assert schemas(instance) == []


@pytest.mark.parametrize("work", [daily.back_up, daily.check])
def test_asked_to_stop_it_ends_and_leaves_nothing(instance: Instance, work: object):
    backup.write(instance.context(), str(folder(instance)))
    stop = Stop()
    stop.ask()
    with pytest.raises(Busy, match="asked to stop"):
        work(instance.context(), stop)  # type: ignore[operator]
    assert len(os.listdir(folder(instance))) == 2, "the lock, and the one that was there"
    assert schemas(instance) == []


def test_a_backup_does_not_take_the_disk_that_mail_needs(instance: Instance):
    instance.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    with pytest.raises(Busy, match="nearly full"):
        daily.back_up(instance.context(), Stop())
    assert list(folder(instance).glob("*")) == []


def test_two_homes_on_one_database_each_have_their_own(instance: Instance, tmp_path: pathlib.Path):
    with contextlib.closing(Instance(tmp_path / "other", dict(instance.settings))) as other:
        contexts: list[Context] = [instance.context(), other.context()]
        for context in contexts:
            daily.back_up(context, Stop())
            daily.check(context, Stop())
        paths = [str(next(folder(home).glob("*.backup"))) for home in (instance, other)]
        made = [backup.read_manifest(contexts[0].ring, path) for path in paths]
        assert made[0].tables == made[1].tables
