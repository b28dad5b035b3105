"""`postern bench`: it measures every row on a real instance, moves no real mail and leaves nothing, however it ends; and it
names what became worse, and only that.

Nothing here asks how fast something is: `--quick` runs two rounds.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from postern.base.errors import BadInput
from postern.ops.bench import capacity, compare, report, result
from postern.ops.bench.report import Report
from postern.ops.bench.result import Result
from postern.ops.bench.rows import ROWS
from support.instance import ROOT, Instance
from support.patience import PATIENCE, until
from support.postgres import Database
from support.relay import ScriptedRelay

ALL = {row.name for row in ROWS}


def bench(instance: Instance, *args: str) -> dict[str, dict[str, object]]:
    """What it found. It starts dozens of processes one after the other, and a busy machine may take its time for that."""
    done = subprocess.run(
        [sys.executable, "-m", "postern", "bench", "--quick", "--json", *args],
        env=instance.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def schemas(instance: Instance) -> list[str]:
    found = instance.query("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'postern%' ORDER BY 1")
    return [str(name) for (name,) in found]


def files(instance: Instance) -> list[str]:
    """In home/bench, beside the saved runs."""
    return [name for name in os.listdir(f"{instance.home}/bench") if not name.endswith(".json")]


def at_work_in(instance: Instance) -> list[str]:
    """Processes of a lab of this instance."""
    mark = f"POSTERN_HOME={instance.home}/bench/".encode()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


# A run.


def test_it_measures_every_row_and_leaves_no_schema_no_file_and_no_mail(
    instance: Instance, relay: ScriptedRelay
):
    with instance.served() as address:
        instance.write_env(POSTERN_URL=address)
        found = bench(instance)
    # A site that no CGI door serves has no resident that could leave.
    assert found["left_out"] == {"site.cold": "there is none here"}
    assert set(found["rows"]) == ALL - {"site.cold"}
    # Of a few deliveries, what is left without the drain's start may be nothing.
    assert all(float(str(row["median"])) >= 0 for row in found["rows"].values())
    assert re.search("allows no more", str(found["carries"]["reason"]))
    assert schemas(instance) == ["postern"]
    assert files(instance) == ["lock"]
    assert instance.query("SELECT count(*) FROM messages") == [[0]]
    assert relay.messages == []
    until(lambda: not at_work_in(instance))
    (saved,) = pathlib.Path(instance.home, "bench").glob("*.json")
    assert saved.stat().st_mode & 0o777 == 0o600
    assert json.loads(saved.read_text()) == found
    secrets = (instance.settings[name] for name in ("POSTERN_INDEX_KEY", "POSTERN_RELAY_PASSWORD"))
    assert not any(secret in saved.read_text() for secret in secrets)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_nothing_or_the_next_one_takes_it_back(
    instance: Instance, number: signal.Signals
):
    run = [sys.executable, "-m", "postern", "bench", "--only", "receipt"]
    process = subprocess.Popen(run, env=instance.environ, cwd=ROOT, stdout=subprocess.DEVNULL)
    until(lambda: len(schemas(instance)) == 2)
    process.send_signal(number)
    process.wait(PATIENCE)
    if number == signal.SIGKILL:
        assert len(schemas(instance)) == 2
        assert set(bench(instance, "--only", "limiter")["rows"]) == {"host.processor", "limiter"}
    assert schemas(instance) == ["postern"]
    # What it started ends by itself when it sees that its home is gone.
    until(lambda: not at_work_in(instance) and files(instance) == ["lock"])


def test_where_no_tables_may_be_made_it_says_so_and_measures_the_rest(
    tmp_path: pathlib.Path, granted_database: Database
):
    instance = Instance(tmp_path / "home", {**granted_database.env, "POSTERN_RELAY_HOST": "127.0.0.1"})
    instance.migrate()
    superuser = granted_database.connect_superuser()
    superuser.run(f"REVOKE CREATE ON DATABASE {granted_database.name} FROM {granted_database.user}")
    superuser.close()
    found = bench(instance, "--only", "database,drain.4k")
    instance.close()
    assert set(found["rows"]) == {"host.processor", "database.connect", "database.query"}
    assert set(found["left_out"]) == {"database.commit", "drain.4k"}
    assert "may make no tables beside the real ones" in str(found["left_out"]["drain.4k"])
    assert found["carries"] is None
    assert files(instance) == ["lock"]


def test_without_settings_it_measures_the_host(tmp_path: pathlib.Path):
    instance = Instance(tmp_path / "home", {"POSTERN_DB_NAME": ""})
    found = bench(instance, "--only", "limiter,database.query,request.cold")
    assert set(found["rows"]) == {"host.processor", "limiter"}
    assert "POSTERN_DB_NAME" in str(found["left_out"]["database.query"])
    assert "POSTERN_DB_NAME" in str(found["left_out"]["request.cold"])


def test_what_became_worse_is_named_and_strict_fails(tmp_path: pathlib.Path):
    instance = Instance(tmp_path / "home", {})
    found = bench(instance, "--only", "limiter")
    # Whatever else runs here, the host is no slower than before.
    found["rows"]["host.processor"]["median"] *= 100
    before = tmp_path / "before.json"
    for median, code in ((float(str(found["rows"]["limiter"]["median"])) * 100, 0), (0.001, 1)):
        found["rows"]["limiter"].update(median=median, spread=0.0, rounds=9)
        before.write_text(json.dumps(found))
        args = ("bench", "--quick", "--only", "limiter", "--compare", str(before))
        told = instance.cli(*args, "--strict", code=code)
        assert ("limiter: " in told.partition("Worse than the last run")[2]) is bool(code)
        assert instance.cli(*args)
    assert "There is no row 'limitr'" in instance.cli("bench", "--only", "limitr", code=64)
    before.write_text("{}")
    assert "no saved benchmark" in instance.cli("bench", "--compare", str(before), code=64)


# Comparing.


def rows(**medians: float) -> dict[str, Result]:
    """Rows with a spread of 2 % each."""
    named = {name.replace("_", ".", 1): median for name, median in medians.items()}
    return {name: Result(name, median, median * 0.02, 9) for name, median in named.items()}


COMPARED = (
    ("the same", rows(request_warm=20), rows(request_warm=20), []),
    ("a little worse", rows(request_warm=25), rows(request_warm=20), []),
    ("much worse", rows(request_warm=30), rows(request_warm=20), ["request.warm"]),
    ("better", rows(request_warm=10), rows(request_warm=20), []),
    ("new", rows(request_warm=30), {}, []),
    ("the worst first", rows(limiter=30, seal=90), rows(limiter=20, seal=20), ["seal", "limiter"]),
    (
        "a host that is twice as slow",
        rows(host_processor=40, request_warm=42, limiter=60),
        rows(host_processor=20, request_warm=20, limiter=20),
        ["limiter", "host.processor"],
    ),
    (
        "memory does not go by the host's speed",
        rows(host_processor=40, request_memory=60),
        rows(host_processor=20, request_memory=30),
        ["host.processor", "request.memory"],
    ),
    ("within the spread", {"seal": Result("seal", 30, 8, 9)}, {"seal": Result("seal", 20, 4, 9)}, []),
    ("of one round", {"seal": Result("seal", 28, 0, 1)}, {"seal": Result("seal", 20, 0, 1)}, []),
)


@pytest.mark.parametrize(("now", "before", "named"), [c[1:] for c in COMPARED], ids=[c[0] for c in COMPARED])
def test_worse_is_what_is_worse_beyond_noise_and_a_busy_host(
    now: dict[str, Result], before: dict[str, Result], named: list[str]
):
    assert [one.name for one in compare.regressions(now, before)] == named


def test_the_median_and_the_spread_of_rounds():
    assert result.of("seal", [1, 2, 3, 4, 100], [5, 7]) == Result("seal", 3, 1, 5, 6)
    assert result.of("seal", [2.5]) == Result("seal", 2.5, 0, 1, 0)


# What is saved.


def sample(at: str, quick: bool = False) -> Report:
    carries = capacity.Capacity(1, 30, "words")
    return Report(at, quick, {"cores": 2}, rows(limiter=20), {"seal": "why"}, carries)


def test_the_last_twenty_stay_and_the_newest_of_a_kind_is_the_last(tmp_path: pathlib.Path):
    (tmp_path / "bench").mkdir()
    assert report.last(str(tmp_path), False) is None
    for day in range(1, 25):
        report.save(str(tmp_path), sample(f"2026-01-{day:02}T10:00:00Z", quick=day == 24))
    twin = report.save(str(tmp_path), sample("2026-01-24T10:00:00Z", quick=True))
    assert twin.endswith("20260124T100000Z-1.json")
    names = sorted(os.listdir(tmp_path / "bench"))
    assert (len(names), names[0]) == (report.KEPT, "20260106T100000Z.json")
    assert report.last(str(tmp_path), False) == sample("2026-01-23T10:00:00Z")
    assert report.last(str(tmp_path), True) == sample("2026-01-24T10:00:00Z", quick=True)
    (tmp_path / "bench" / names[-2]).write_text("{")
    with pytest.raises(BadInput):
        report.read(str(tmp_path / "bench" / names[-2]))


def test_the_baseline_names_its_machine_and_has_rows_of_this_program():
    baseline = report.baseline()
    assert not baseline.quick
    assert {"processor", "cores", "python"} <= set(baseline.machine)
    assert ALL - set(baseline.rows) <= {"site.cold", "site.warm"}


# What a host carries.


MEASURED = {
    "request.warm": Result("request.warm", 40, 1, 9, 20),
    "receipt.4k": Result("receipt.4k", 60, 1, 9, 30),
    "receipt.1m": Result("receipt.1m", 90, 1, 9, 80),
    "drain.4k": Result("drain.4k", 5, 1, 9, 3),
    "drain.25m": Result("drain.25m", 500, 1, 3, 250),
}


def test_capacity_is_the_least_of_processor_drain_and_relay():
    found = capacity.reckon(MEASURED, 1, None)
    assert found is not None
    # Half a core in an hour with a tenth of the day: 18,000,000 ms; (33 * 0.98 + 90 * 0.02) ms a mail.
    assert (found.mails, found.users) == (520_000, 9_800)
    assert found.reason.startswith("the processor allows no more")
    slow = {**MEASURED, "drain.4k": replace(MEASURED["drain.4k"], median=400)}
    found = capacity.reckon(slow, 1, None)
    assert found is not None
    assert (found.mails, found.users) == (45_000, 1_500)
    assert found.reason.startswith("what one drain delivers allows no more")
    halved = capacity.reckon(MEASURED, 0.5, None)
    assert halved is not None
    assert halved.mails == 260_000


def test_without_a_row_that_it_is_reckoned_from_nothing_is_promised():
    for name in capacity.NEEDED[1:]:
        assert capacity.reckon({key: one for key, one in MEASURED.items() if key != name}, 1, None) is None
