"""The log files: read for people, rotated, kept small; and that nothing private is in them, whoever logs it."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from postern.base.config import variables
from postern.base.log import Log
from postern.base.stop import Stop
from postern.flow import job_run, job_table
from postern.ops import logs
from support.instance import MAILBOX, ROOT, Instance
from support.patience import PATIENCE, child, until
from support.serving import serving
from support.wsgi import ask

NOON = 1_769_860_800.0  # 2026-01-31T12:00:00Z
DAY = 86400


def log_at(folder: Path, at: float, **more: object) -> Log:
    (folder / "logs").mkdir(exist_ok=True)
    return Log(str(folder / "logs"), "web", keep_days=400, clock=lambda: at, **more)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "logs").iterdir())


def said(folder: Path, *args: str) -> str:
    """What `postern logs` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "postern", "logs", *args],
        env={"PYTHONPATH": str(ROOT / "lib"), "POSTERN_HOME": str(folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return done.stdout


def rotate(
    folder: Path, monkeypatch: pytest.MonkeyPatch, at: float, days: int = 14, most: int = 10**9
) -> int:
    class Settings:
        home, log_days, log_max_bytes = str(folder), days, most

    class Context:
        config = Settings

    monkeypatch.setattr("postern.base.clock.now", lambda: at)
    return logs.rotate(Context, Stop()).items


def test_events_are_found_by_level_time_and_request(tmp_path: Path):
    for day in range(3):
        log = log_at(tmp_path, NOON - day * DAY)
        log.with_fields(request=f"r{day}").info("page", day=day)
        log.error("trouble", day=day)
    found = list(logs.events(str(tmp_path)))
    assert [(one["event"], one["day"]) for one in found] == [
        (event, day) for day in (2, 1, 0) for event in ("page", "trouble")
    ]
    assert [one["day"] for one in logs.events(str(tmp_path), level="error")] == [2, 1, 0]
    assert [one["day"] for one in logs.events(str(tmp_path), since=NOON - DAY)] == [1, 1, 0, 0]
    assert [one["event"] for one in logs.events(str(tmp_path), request="r1")] == ["page"]


def test_days_that_are_over_are_compressed_and_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for day in range(3):
        log_at(tmp_path, NOON - day * DAY).info("page", day=day)
    before = list(logs.events(str(tmp_path)))
    assert rotate(tmp_path, monkeypatch, NOON) == 2
    assert names(tmp_path) == [
        "postern-2026-01-29.log.gz",
        "postern-2026-01-30.log.gz",
        "postern-2026-01-31.log",
    ]
    assert list(logs.events(str(tmp_path))) == before
    assert {os.stat(tmp_path / "logs" / name).st_mode & 0o777 for name in names(tmp_path)} == {0o600}
    assert rotate(tmp_path, monkeypatch, NOON) == 0


def test_what_is_too_old_goes_in_either_form_and_nothing_of_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for day in (0, 14, 15, 16):
        log_at(tmp_path, NOON - day * DAY).info("page")
    (tmp_path / "logs" / "postern-2025-01-01.log.gz").write_bytes(gzip.compress(b"{}\n"))
    (tmp_path / "logs" / "cron-deliver.txt").touch()
    rotate(tmp_path, monkeypatch, NOON)
    assert names(tmp_path) == ["cron-deliver.txt", "postern-2026-01-17.log.gz", "postern-2026-01-31.log"]


def test_all_together_stay_below_their_size_and_the_oldest_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for day in range(6):
        log_at(tmp_path, NOON - day * DAY).info("page", noise=os.urandom(5_000).hex())
    rotate(tmp_path, monkeypatch, NOON, most=30_000)
    assert sum(path.stat().st_size for path in (tmp_path / "logs").iterdir()) <= 30_000
    assert names(tmp_path)[-1] == "postern-2026-01-31.log"
    assert names(tmp_path)[0] > "postern-2026-01-26"


def test_a_compression_that_was_killed_half_way_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Before the rename, half a file lies beside; after it, both forms are there."""
    log_at(tmp_path, NOON - DAY).info("page", day=1)
    path = tmp_path / "logs" / "postern-2026-01-30.log"
    (tmp_path / "logs" / "postern-2026-01-30.log.gz.new").write_bytes(b"half")
    assert [one["day"] for one in logs.events(str(tmp_path))] == [1]
    rotate(tmp_path, monkeypatch, NOON)
    assert [one["day"] for one in logs.events(str(tmp_path))] == [1]
    path.write_bytes(gzip.decompress((tmp_path / "logs" / "postern-2026-01-30.log.gz").read_bytes()))
    assert len(list(logs.events(str(tmp_path)))) == 1, "of both forms one is read"
    rotate(tmp_path, monkeypatch, NOON)
    assert names(tmp_path) == ["postern-2026-01-30.log.gz"]


def test_a_loop_that_logs_cannot_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for day in range(20):
        log = log_at(tmp_path, NOON + day * DAY, max_bytes=50_000)
        for _ in range(60):
            log.error("loop", noise=os.urandom(2_000).hex())
        rotate(tmp_path, monkeypatch, NOON + day * DAY, days=14, most=200_000)
        assert sum(path.stat().st_size for path in (tmp_path / "logs").iterdir()) <= 270_000


def test_errors_of_the_last_hour_are_counted(tmp_path: Path):
    log_at(tmp_path, NOON - 3700).error("old")
    log_at(tmp_path, NOON - 60).error("new")
    log_at(tmp_path, NOON - 60).info("page", said='"level":"error"')
    assert logs.errors_since(str(tmp_path), NOON - 3600) == 1


def test_people_read_it_and_a_stack_stands_below_its_line(tmp_path: Path):
    log = log_at(tmp_path, time.time()).with_fields(request="r1")
    try:
        raise ValueError("no \x1b[2J way")
    except ValueError as error:
        error_id = log.exception("web.fault", error)
    log_at(tmp_path, time.time()).info("page")
    text = said(tmp_path, "--level", "error", "--since", "1h")
    first, *stack = text.splitlines()
    assert re.match(r"\S+Z error +web +web\.fault request=r1 error_id=", first)
    assert stack[0] == "    Traceback (most recent call last):"
    assert "\x1b" not in text
    for found in ("r1", error_id):
        assert said(tmp_path, "--request", found) == text, "by the id of the page, and by that of the error"
    assert json.loads(said(tmp_path, "--raw", "--request", "r1"))["event"] == "web.fault"
    assert said(tmp_path, "--request", "r2") == ""


def test_an_error_pages_id_finds_its_stack_trace(instance: Instance, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("postern.web.front.show", lambda context, request: 1 // 0)
    with serving(instance, monkeypatch) as app:
        page = ask(app, uri="/")
    assert page.status == 500
    (shown,) = re.findall(r"\[([0-9a-zA-Z_-]+)\]", page.text)
    text = said(Path(instance.home), "--request", shown)
    assert "ZeroDivisionError" in text
    assert "test_logs.py" in text


@pytest.mark.parametrize("when", ["yesterday", "5", "5w", "2026-13-01"])
def test_a_time_that_is_none_is_refused(instance: Instance, when: str):
    assert "is no time" in instance.cli("logs", "--since", when, code=64)


def test_following_shows_what_comes_and_goes_on_with_a_new_day(tmp_path: Path):
    log_at(tmp_path, time.time() - DAY).info("before", number=0)
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "lib"), "POSTERN_HOME": str(tmp_path)}
    argv = [sys.executable, "-m", "postern", "logs", "--follow", "--since", "2d"]
    with child(argv, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert "number=0" in process.stdout.readline()
        for number, at in ((1, time.time() - DAY), (2, time.time())):
            log_at(tmp_path, at).info("then", number=number)
            assert f"number={number}" in process.stdout.readline()
        process.terminate()


KINDS = {
    "an address": "jane.doe@real-mailbox.example",
    "an address with a name": '"Jane Doe" <jane.doe@real-mailbox.example>',
    "a quoted address": "jane.doe%40real-mailbox.example",
    "a database's URL": "postgres://bob:hunter2secret@db.example/postern",
    "a bearer": "Authorization: Bearer abcdefghijklmnop",
    "a basic login": "Authorization: Basic ZGVtbzpodW50ZXIyc2VjcmV0",
    "SimpleLogin's header": "Authentication: abcdefghijklmnop",
    "a cookie": "Cookie: session=abcdefghijklmnop",
    "a password": "password=hunter2secret",
    "a token in JSON": '{"token": "abcdefghijklmnop"}',
    "a webhook secret": "whsec_abcdefghijklmnopabcdefghijklmnop",
    "a private key": "-----BEGIN PRIVATE KEY-----\nabcdefghijklmnop\n-----END PRIVATE KEY-----",
}
"""What is private by how it looks, beside the secrets of the settings, which are known by what they are."""

PRIVATE = ("jane.doe", "real-mailbox", "hunter2secret", "abcdefghijklmnop", "ZGVtbzpodW50ZXIyc2VjcmV0")


def test_nothing_private_gets_into_the_log_by_any_logger(instance: Instance):
    """Every secret of the settings and every kind of KINDS, as field, event, error and traceback; by each component's logger,
    by that of the standard library, and by a job that fails.
    """
    instance.write_env(
        POSTERN_ALERT_URL="https://hook.example/services/TSECRETPATH/BSECRETPATH",
        POSTERN_HEARTBEAT_URL="https://beat.example/ping/0f9e-secret-uuid",
        POSTERN_METRICS_TOKEN="a-metrics-token-of-ours",
    )
    context = instance.context()
    secrets = [
        instance.settings[name].strip('"')
        for name, _, notes in variables()
        if notes["secret"] and name in instance.settings
    ]
    assert len(secrets) >= 7
    keys = {part.rpartition(":")[2] for text in secrets for part in text.split() if len(part) > 40}
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        for component in ("web", "cgi", "cli", *(job.name for job in job_table.JOBS)):
            log = Log(f"{instance.home}/logs", component, "debug")
            log.install()
            for text in [*KINDS.values(), *secrets]:
                for write in (log.debug, log.info, log.warning, log.error):
                    write("trial", said=text, nested={"deep": [text]}, raw=text.encode())
                log.with_fields(bound=text).info(text)
                try:
                    raise ValueError(text)
                except ValueError as error:
                    log.exception("trial", error, said=text)
                    logging.getLogger("library").exception("it said %s", text)
                logging.getLogger("library").warning("it said %s", text, stack_info=True)
    finally:
        root.handlers[:], root.level = before
    instance.query("ALTER TABLE webhook_ids RENAME TO taken_away")
    with pytest.raises(Exception, match=r"taken|migrate|table"):
        job_run.run(context, job_table.get("purge"), Stop())
    everything = instance.log() + instance.cli("logs") + str(instance.query("SELECT error FROM jobs"))
    for private in (*PRIVATE, MAILBOX, *keys, *secrets):
        assert private not in everything, private
    assert everything.count("[secret]") > 100


def test_the_job_rotates_the_logs_of_its_home(instance: Instance):
    log = Log(f"{instance.home}/logs", "web", clock=lambda: time.time() - 3 * DAY)
    log.info("old")
    instance.cli("jobs", "run", "rotate-logs")
    assert len(list(Path(instance.home, "logs").glob("*.log.gz"))) == 1
    until(lambda: "job.end" in instance.log())
