"""base/log: the shape of a line; many real processes at once; midnight, age and cap; a log that cannot be written; and
that no secret, address or value of a variable gets in, by whichever way.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from postern.base import log as log_module
from postern.base import redact
from postern.base.errors import ConfigError
from postern.base.log import Log

LIB = str(Path(__file__).resolve().parents[2] / "lib")
NOON = 1_769_860_800.0  # 2026-01-31T12:00:00Z
DAY = 86400.0


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this process had registered nothing and complained about nothing."""
    monkeypatch.setattr(redact, "_known", ())
    monkeypatch.setattr(log_module, "_complained", set())


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def lines(folder: Path) -> list[dict[str, Any]]:
    """All events of all files, in the order of the days. Every line must be whole."""
    found = []
    for path in sorted(folder.glob("postern-*.log")):
        text = path.read_bytes()
        assert text.endswith(b"\n")
        found += [json.loads(line) for line in text.split(b"\n")[:-1]]
    return found


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run(script: str, *args: object, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script, *map(str, args)]
    return subprocess.run(
        command, env={"PYTHONPATH": LIB}, capture_output=True, text=True, timeout=60, **more
    )


# --- a line


def test_a_line_has_its_fields_in_order(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "drain", clock=Clock(NOON + 0.1239)).with_fields(message="m1", request="r1")
    log.info("delivery.sent", code=250, said="Ok")
    (path,) = tmp_path.iterdir()
    assert path.name == "postern-2026-01-31.log"
    assert path.read_text() == (
        f'{{"time":"2026-01-31T12:00:00.123Z","level":"info","component":"drain","event":"delivery.sent","pid":{os.getpid()},'
        '"request":"r1","message":"m1","code":250,"said":"Ok"}\n'
    )


def test_only_its_owner_may_read_a_log_whatever_the_umask(tmp_path: Path) -> None:
    for day, mask in enumerate((0o000, 0o022, 0o777)):
        before = os.umask(mask)
        try:
            Log(str(tmp_path), "web", clock=Clock(NOON + day * DAY)).info("x")
        finally:
            os.umask(before)
    assert len(names(tmp_path)) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["debug", "info", "warning", "error", "error"]),
        ("info", ["info", "warning", "error", "error"]),
        ("warning", ["warning", "error", "error"]),
        ("error", ["error", "error"]),
    ],
)
def test_what_is_below_the_level_is_not_written(tmp_path: Path, level: str, written: list[str]) -> None:
    log = Log(str(tmp_path), "web", level)
    log.debug("x")
    log.info("x")
    log.warning("x")
    log.error("x")
    log.exception("x", ValueError("y"))
    assert [line["level"] for line in lines(tmp_path)] == written


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError):
        Log("logs", "web", "loud")


def test_bound_fields_belong_to_the_new_log_only(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    bound = log.with_fields(request="r1", a=1)
    bound.with_fields(a=2, b=3).info("x", b=4)
    bound.info("x")
    log.info("x")
    rest = [{name: line[name] for name in line if name in ("request", "a", "b")} for line in lines(tmp_path)]
    assert rest == [{"request": "r1", "a": 2, "b": 4}, {"request": "r1", "a": 1}, {}]


def test_a_field_cannot_take_the_place_of_the_logs_own(tmp_path: Path) -> None:
    Log(str(tmp_path), "web").info("x", time="t", level="l", component="c", event="e", pid="p", error="f")
    (line,) = lines(tmp_path)
    assert (line["component"], line["event"], line["pid"]) == ("web", "x", os.getpid())
    assert [line[name + "_"] for name in ("time", "level", "component", "event", "pid")] == [
        "t",
        "l",
        "c",
        "e",
        "p",
    ]
    assert line["error"] == "f"


def test_no_text_breaks_out_of_its_line(tmp_path: Path) -> None:
    nasty = 'a\nb\r\n{"event":"forged"}\x00\x1b[2J\u2028\u2029\x85\u202e"\\'
    Log(str(tmp_path), nasty).info(nasty, **{nasty: nasty})
    raw = next(tmp_path.iterdir()).read_bytes()
    assert raw.count(b"\n") == 1
    assert all(0x20 <= byte < 0x7F for byte in raw[:-1])
    assert lines(tmp_path)[0][nasty] == nasty


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(
        st.text(), st.text() | st.binary() | st.floats() | st.integers() | st.lists(st.text())
    )
)
def test_whatever_is_logged_is_one_line(tmp_path: Path, fields: dict[str, Any]) -> None:
    before = len(lines(tmp_path))
    Log(str(tmp_path), "web").info("x", **fields)
    assert len(lines(tmp_path)) == before + 1


def test_a_huge_value_does_not_make_a_huge_line(tmp_path: Path) -> None:
    Log(str(tmp_path), "web").info("x", body=b"\xff" * 3_000_000)
    assert next(tmp_path.iterdir()).stat().st_size < 40_000


# --- errors


def fail_with(secret_variable: str) -> None:
    here = {"kept": secret_variable}
    raise ValueError(f"{len(here)} thing is wrong")


def test_an_error_is_written_with_its_trace_and_found_by_its_id(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    try:
        try:
            fail_with("value-of-a-variable")
        except ValueError as cause:
            raise RuntimeError("it did not work") from cause
    except RuntimeError as error:
        error_id = log.exception("web.fault", error, path="/x")
    (line,) = lines(tmp_path)
    assert re.fullmatch(r"[0-9a-f]{8}", error_id)
    assert line["error_id"] == error_id
    assert (line["level"], line["event"], line["path"]) == ("error", "web.fault", "/x")
    assert (line["error"], line["reason"]) == ("RuntimeError", "it did not work")
    for part in (
        "ValueError: 1 thing is wrong",
        "direct cause",
        "in fail_with",
        "test_log.py",
        "raise RuntimeError",
    ):
        assert part in line["stack"]
    assert "value-of-a-variable" not in json.dumps(line).replace('fail_with(\\"value-of-a-variable\\")', "")


def test_every_error_has_its_own_id(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    assert len({log.exception("x", ValueError()) for _ in range(100)}) == 100


def test_a_deep_recursion_is_logged_like_any_error(tmp_path: Path) -> None:
    def deeper(level: int) -> int:
        return deeper(level + 1) + 1

    try:
        deeper(0)
    except RecursionError as error:
        Log(str(tmp_path), "web").exception("x", error)
    assert lines(tmp_path)[0]["error"] == "RecursionError"


def test_an_error_id_is_given_even_when_nothing_can_be_written(tmp_path: Path) -> None:
    assert len(Log(str(tmp_path / "none"), "web").exception("x", ValueError())) == 8


# --- many processes

WRITER = """
import sys
from postern.base.log import Log
folder, name = sys.argv[1:]
log = Log(folder, "writer", clock=lambda: 1_769_860_800.0).with_fields(writer=name)
sys.stdin.readline()
for number in range(500):
    log.info("line", number=number, filling="x" * (number * 37 % 9000))
"""


def test_eight_processes_write_500_lines_each_and_none_is_lost_or_torn(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(n)],
            env={"PYTHONPATH": LIB},
            stdin=subprocess.PIPE,
        )
        for n in range(8)
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(60) for writer in writers] == [0] * 8
    found = [(line["writer"], line["number"]) for line in lines(tmp_path)]
    assert len(names(tmp_path)) == 1
    assert sorted(found) == sorted((str(n), number) for n in range(8) for number in range(500))
    assert len({line["pid"] for line in lines(tmp_path)}) == 8
    for n in range(8):
        assert [number for writer, number in found if writer == str(n)] == list(range(500))


def test_a_forked_child_writes_into_the_same_file(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    log.info("parent")
    child = os.fork()
    if child == 0:
        log.info("child")
        os._exit(0)
    os.waitpid(child, 0)
    assert [(line["event"], line["pid"]) for line in lines(tmp_path)] == [
        ("parent", os.getpid()),
        ("child", child),
    ]


def test_a_log_leaves_no_file_open(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    before = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    for _ in range(50):
        log.info("x")
    assert (os.listdir("/proc/self/fd") if before else []) == before


def test_a_file_that_was_removed_comes_back(tmp_path: Path) -> None:
    log = Log(str(tmp_path), "web")
    log.info("before")
    next(tmp_path.iterdir()).unlink()
    log.info("after")
    assert [line["event"] for line in lines(tmp_path)] == ["after"]


# --- midnight, age, cap


def test_at_midnight_utc_a_new_file_begins(tmp_path: Path) -> None:
    clock = Clock(NOON + DAY / 2 - 0.001)
    log = Log(str(tmp_path), "web", clock=clock)
    log.info("before")
    clock.now += 0.001
    log.info("after")
    assert names(tmp_path) == ["postern-2026-01-31.log", "postern-2026-02-01.log"]
    assert [line["time"] for line in lines(tmp_path)] == [
        "2026-01-31T23:59:59.999Z",
        "2026-02-01T00:00:00.000Z",
    ]


def test_the_time_zone_of_the_machine_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    try:
        Log(str(tmp_path), "web", clock=Clock()).info("x")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert names(tmp_path) == ["postern-2026-01-31.log"]
    assert lines(tmp_path)[0]["time"] == "2026-01-31T12:00:00.000Z"


NOT_OURS = [
    "postern-2020-01-01.log.bz2",
    "postern-2020-1-1.log",
    "other-2020-01-01.log",
    "cron.log",
    "xpostern-2020-01-01.log",
]


def test_whoever_makes_the_days_file_removes_those_past_their_time(tmp_path: Path) -> None:
    (tmp_path / "postern-2020-01-01.log.gz").touch()
    for day in ("2025-12-31", "2026-01-16", "2026-01-17", "2026-01-30", "2026-02-28"):
        (tmp_path / f"postern-{day}.log").touch()
    for name in NOT_OURS:
        (tmp_path / name).touch()
    log = Log(str(tmp_path), "web", keep_days=14, clock=Clock())
    log.info("x")
    kept = [f"postern-2026-{day}.log" for day in ("01-17", "01-30", "01-31", "02-28")]
    assert names(tmp_path) == sorted(NOT_OURS + kept)
    (tmp_path / "postern-2026-01-16.log").touch()
    log.info("the file of the day is there already")
    assert "postern-2026-01-16.log" in names(tmp_path)


def test_what_cannot_be_removed_does_not_cost_the_line(tmp_path: Path) -> None:
    (tmp_path / "postern-2020-01-01.log").mkdir()
    (tmp_path / "postern-2020-01-02.log").touch()
    Log(str(tmp_path), "web", clock=Clock()).info("x")
    assert names(tmp_path) == ["postern-2020-01-01.log", "postern-2026-01-31.log"]
    assert (tmp_path / "postern-2026-01-31.log").read_bytes().count(b"\n") == 1


def test_only_one_process_can_be_the_one_that_makes_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking and making, somebody else may have made it."""
    (tmp_path / "postern-2026-01-31.log").touch()
    (tmp_path / "postern-2020-01-01.log").touch()
    really, calls = os.open, []

    def late(path: str, flags: int, mode: int = 0o777) -> int:
        calls.append(path)
        if len(calls) == 1:
            raise FileNotFoundError(path)
        return really(path, flags, mode)

    monkeypatch.setattr(log_module.os, "open", late)
    Log(str(tmp_path), "web", clock=Clock()).info("x")
    monkeypatch.undo()
    assert len(calls) == 3
    assert names(tmp_path) == ["postern-2020-01-01.log", "postern-2026-01-31.log"]
    assert (tmp_path / "postern-2026-01-31.log").read_bytes().count(b"\n") == 1


def test_a_full_file_takes_one_last_line_and_the_next_day_begins_anew(tmp_path: Path) -> None:
    clock = Clock()
    log = Log(str(tmp_path), "web", max_bytes=2000, clock=clock)
    for number in range(100):
        log.info("line", number=number)
    size = (tmp_path / "postern-2026-01-31.log").stat().st_size
    written = lines(tmp_path)
    assert [line["number"] for line in written[:-1]] == list(range(len(written) - 1))
    assert 15 < len(written) < 25
    assert (written[-1]["event"], written[-1]["max_bytes"]) == ("log.full", 2000)
    assert "nothing more" in written[-1]["said"]
    assert size < 2000 + 400
    clock.now += DAY
    log.info("tomorrow")
    assert [line["event"] for line in lines(tmp_path)][len(written) :] == ["tomorrow"]


def test_a_line_that_was_on_its_way_when_the_file_became_full_does_not_say_so_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(str(tmp_path), "web", max_bytes=300, clock=Clock())
    for _ in range(5):
        log.info("line")
    before_it_was_full = os.stat_result((0,) * 10)
    monkeypatch.setattr(log_module.os, "fstat", lambda _: before_it_was_full)
    log.info("late")
    monkeypatch.undo()
    assert [line["event"] for line in lines(tmp_path)][-2:] == ["log.full", "late"]


FILLER = """
import sys
from postern.base.log import Log
log = Log(sys.argv[1], "filler", max_bytes=100_000, clock=lambda: 1_769_860_800.0)
sys.stdin.readline()
for number in range(2000):
    log.info("line", number=number)
"""


def test_with_many_processes_too_the_cap_is_said_once(tmp_path: Path) -> None:
    fillers = [
        subprocess.Popen(
            [sys.executable, "-c", FILLER, str(tmp_path)], env={"PYTHONPATH": LIB}, stdin=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for filler in fillers:
        assert filler.stdin
        filler.stdin.write(b"go\n")
        filler.stdin.close()
    assert [filler.wait(60) for filler in fillers] == [0] * 4
    events = [line["event"] for line in lines(tmp_path)]
    assert events.count("log.full") == 1
    # At most one line of each other process was on its way when the file became full.
    assert events.index("log.full") >= len(events) - 4


# --- a log that cannot be written

TWICE = """
import os, sys
from postern.base.log import Log
folder = sys.argv[1]
log = Log(folder, "web")
log.info("one", password="hunter2")
Log(folder, "cron").exception("two", ValueError("three"))
log.install()
import logging
logging.getLogger("library").error("four")
if os.fork() == 0:
    log.info("five")
    log.info("six")
    os._exit(0)
os.wait()
print("went on")
"""


@pytest.mark.parametrize("kind", ["no folder", "a file", "a folder in the way"])
def test_a_log_that_cannot_be_written_says_so_once_a_process_and_work_goes_on(
    tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "logs"
    if kind == "a file":
        folder.touch()
    if kind == "a folder in the way":
        (folder / time.strftime("postern-%Y-%m-%d.log", time.gmtime())).mkdir(parents=True)
        (folder / time.strftime("postern-%Y-%m-%d.log", time.gmtime(time.time() + 60))).mkdir(exist_ok=True)
    done = run(TWICE, folder)
    assert (done.returncode, done.stdout) == (0, "went on\n")
    assert len(done.stderr.splitlines()) == 2  # this process, and its child
    assert str(folder) in done.stderr
    assert "hunter2" not in done.stderr


def test_a_link_in_place_of_the_file_is_not_followed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logs, target = tmp_path / "logs", tmp_path / "target"
    logs.mkdir()
    target.write_text("as it was")
    (logs / "postern-2026-01-31.log").symlink_to(target)
    Log(str(logs), "web", clock=Clock()).info("x")
    assert target.read_text() == "as it was"
    assert "cannot be written" in capfd.readouterr().err


def test_without_a_stderr_nothing_fails_either(tmp_path: Path) -> None:
    script = (
        "import os, sys\nos.close(2)\nfrom postern.base.log import Log\nLog(sys.argv[1], 'web').info('x')"
    )
    assert run(script + "\nprint('went on')", tmp_path / "none").stdout == "went on\n"


def test_a_mistake_inside_the_log_does_not_reach_the_caller(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_clock() -> float:
        raise RuntimeError("hunter2")

    log = Log(str(tmp_path), "web", clock=no_clock)
    log.info("x")
    log.info("x")
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "RuntimeError" in said
    assert "hunter2" not in said


FULL = """
import os, resource, sys
from postern.base.log import Log
folder, limit = sys.argv[1], int(sys.argv[2])
log = Log(folder, "web", clock=lambda: 1_769_860_800.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for number in range(40):
    log.info("full", number=number, filling="x" * 50)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.info("room again")
print("went on")
"""


@pytest.mark.parametrize("limit", range(1000, 1200, 17))
def test_when_the_room_ends_inside_a_line_all_other_lines_stay_whole(tmp_path: Path, limit: int) -> None:
    """The kernel takes as much of a line as fits, as on a full disk: here by the limit of a process on the size of a file."""
    done = run(FULL, tmp_path, limit)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (0, "went on\n", 1)
    written = lines(tmp_path)
    assert [line["event"] for line in written] == ["full"] * (len(written) - 1) + ["room again"]
    assert 3 < len(written) < 15


TMPFS = """
set -e
mount -t tmpfs -o size=32k,mode=700 tmpfs "$1"
"$2" -c '
import os, sys
from postern.base.log import Log
folder = sys.argv[1]
with open(folder + "/other", "wb") as other:
    other.write(bytes(16384))
log = Log(folder, "web", clock=lambda: 1_769_860_800.0)
for number in range(1000):
    log.info("line", number=number, filling="x" * 100)
os.unlink(folder + "/other")
log.info("room again")
' "$1"
cat "$1"/postern-2026-01-31.log
"""


def may_mount() -> bool:
    return (
        bool(shutil.which("unshare"))
        and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0
    )


def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    """As root on a file system of 32 KiB of its own; as a user, who may not mount, in a folder that takes no file."""
    if os.getuid() == 0 and may_mount():
        command = ["unshare", "-m", "sh", "-c", TMPFS, "sh", str(tmp_path), sys.executable]
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": LIB}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert "No space left" in done.stderr or "no space left" in done.stderr
        assert done.stderr.count("\n") == 1
        events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
        assert events == ["line"] * (len(events) - 1) + ["room again"]
        assert 20 < len(events) < 200
        return
    tmp_path.chmod(0o500)
    done = run(
        "import sys\nfrom postern.base.log import Log\nLog(sys.argv[1], 'web').info('x'); print('went on')",
        tmp_path,
    )
    tmp_path.chmod(0o700)
    assert done.stdout == "went on\n"
    if os.getuid() != 0:
        assert "Permission denied" in done.stderr


# --- secrets, by every way in

KEY = bytes.fromhex("8f14e45fceea167a5a36dedd4bea2543ab12cd9087f6e5d4c3b2a1908f7e6d5c")
PASSWORD = "correct-Horse/battery&9"
REGISTERED: list[str | bytes] = [
    "k1:" + base64.b64encode(KEY).decode(),
    PASSWORD,
    "postgres://bob:p%40ss-of-url@db/x",
]
PAYLOAD = base64.b64encode(f"\0bob\0{PASSWORD}".encode()).decode()
HIDDEN: dict[str, str | bytes] = {
    "a key": base64.b64encode(KEY).decode(),
    "a key in hex": KEY.hex(),
    "key bytes": KEY,
    "a password": PASSWORD,
    "AUTH PLAIN": PAYLOAD,
    "a URL's password": "p@ss-of-url",
    "a URL": "p%40ss-of-url",
    "a webhook secret": "whsec_C2FVsBQIhrscChlQIMV",
    "a PEM block": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "a header": "Authorization: Basic Ym9iOnVuc2Vlbg==",
    "a bearer": "Bearer eyJhbGciOiJIUzI1NiJ9",
    "a pair": "password=unregistered",
    "an address": "jane.doe@example.org",
}
CORE = {
    "AUTH PLAIN": PAYLOAD[8:-4],
    "a webhook secret": "C2FVsBQ",
    "a PEM block": "MIIEvQ",
    "a header": "Ym9iOn",
    "a bearer": "eyJhbG",
    "a pair": "unregistered",
    "an address": "jane.doe",
}
"""What must not be found, where that is not the whole."""


def text(secret: str | bytes) -> str:
    return secret if isinstance(secret, str) else str(secret)


def raw(secret: str | bytes) -> bytes:
    return secret if isinstance(secret, bytes) else secret.encode()


class Holder:
    def __init__(self, secret: str | bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return f"Holder({self._secret!r})"


class Wrapped(Exception):
    pass


def raised(secret: str | bytes) -> Wrapped:
    """An error whose message, cause and context hold it."""
    try:
        try:
            raise KeyError(secret)
        except KeyError:
            raise OSError(5, text(secret))  # noqa: B904 - the context is the point
    except OSError as cause:
        try:
            raise Wrapped(secret, {"with": raw(secret)}) from cause
        except Wrapped as error:
            return error


Way = Callable[[Log, "str | bytes"], object]
OURS: dict[str, Way] = {
    "debug": lambda log, secret: log.debug("x", said=secret),
    "info": lambda log, secret: log.info("x", said=f"before {text(secret)} behind"),
    "warning": lambda log, secret: log.warning("x", said=raw(secret)),
    "error": lambda log, secret: log.error("x", said=[{"a": (secret,)}]),
    "the event": lambda log, secret: log.info(text(secret)),
    "a field's name": lambda log, secret: log.info("x", **{text(secret): 1}),
    "a key of a dict": lambda log, secret: log.info("x", said={secret: 1}),
    "an object": lambda log, secret: log.info("x", said=Holder(secret)),
    "the request": lambda log, secret: log.with_fields(request=secret).info("x"),
    "a bound field": lambda log, secret: log.with_fields(said=secret).info("x"),
    "a quoted text": lambda log, secret: log.info("x", said=repr({"x": secret})),
    "JSON": lambda log, secret: log.info("x", said=json.dumps({"x": text(secret)})),
    "an error as a field": lambda log, secret: log.error("x", error=raised(secret)),
    "exception": lambda log, secret: log.exception("x", raised(secret)),
    "exception's fields": lambda log, secret: log.exception("x", ValueError(), said=secret),
}
LIBRARY: dict[str, Way] = {
    "debug": lambda _, secret: logging.getLogger("library").debug(secret),
    "info": lambda _, secret: logging.getLogger("library").info("before %s behind", secret),
    "warning": lambda _, secret: logging.getLogger("library").warning("%(x)s", {"x": secret}),
    "error": lambda _, secret: logging.getLogger("library").error("%r", Holder(secret)),
    "critical": lambda _, secret: logging.getLogger("library").critical("%s", raw(secret)),
    "exception": lambda _, secret: logging.getLogger("library").error("x", exc_info=raised(secret)),
    "the logger's name": lambda _, secret: logging.getLogger(text(secret)).error("x"),
    "arguments that do not fit": lambda _, secret: logging.getLogger("library").error(
        text(secret) + " %d", "x"
    ),
    "no text at all": lambda _, secret: logging.getLogger("library").error({"x": secret}),
    "with the stack": lambda _, secret: logging.getLogger("library").info("%s", secret, stack_info=True),
}


@pytest.mark.parametrize("kind", HIDDEN)
@pytest.mark.parametrize(
    ("by", "way"), [*OURS.items(), *((f"library: {by}", way) for by, way in LIBRARY.items())]
)
def test_no_kind_of_secret_gets_in_by_any_way(
    tmp_path: Path,
    root_logger: logging.Logger,
    kind: str,
    by: str,
    way: Way,
    capfd: pytest.CaptureFixture[str],
) -> None:
    for secret in REGISTERED:
        redact.register(secret)
    root_logger.handlers.clear()
    log = Log(str(tmp_path), "web", "debug")
    log.install()
    way(log, HIDDEN[kind])
    (event,) = lines(tmp_path)
    written = next(tmp_path.iterdir()).read_text() + capfd.readouterr().err
    core = CORE.get(kind, HIDDEN[kind])
    forms = [text(core), json.dumps(text(core))[1:-1], repr(text(core))[1:-1], repr(raw(core))[2:-1]]
    forms += [raw(core).decode("utf-8", "backslashreplace"), raw(core).decode("latin-1")]
    for form in forms:
        assert form not in written
        assert form not in str(event)
    assert redact.MARK in written or "***" in written


@pytest.mark.parametrize(
    "name", ["password", "relay_password", "api_key", "Authorization", "token", "secret", "seal_keys"]
)
def test_a_field_that_names_a_secret_shows_no_value(tmp_path: Path, name: str) -> None:
    Log(str(tmp_path), "web").info("x", **{name: "abc"}, settings={name: b"abc", "user": "bob"})
    (line,) = lines(tmp_path)
    assert line[name] == redact.MARK
    assert line["settings"] == {name: redact.MARK, "user": "bob"}


# --- the standard library's logging


def test_records_of_libraries_land_in_the_same_file(tmp_path: Path, root_logger: logging.Logger) -> None:
    log = Log(str(tmp_path), "web").with_fields(request="r1")
    log.install()
    logger = logging.getLogger("some.library")
    logger.debug("not at this level")
    logger.info("told %s", "something")
    logger.log(25, "between")
    logger.critical("worst")
    logger.error("failed", exc_info=ValueError("why"))
    found = lines(tmp_path)
    assert [(line["level"], line["said"]) for line in found] == [
        ("info", "told something"),
        ("info", "between"),
        ("error", "worst"),
        ("error", "failed"),
    ]
    assert {(line["event"], line["logger"], line["request"]) for line in found} == {
        ("library", "some.library", "r1")
    }
    assert "ValueError: why" in found[3]["stack"]
    assert re.fullmatch("[0-9a-f]{8}", found[3]["error_id"])


def test_installing_again_replaces_the_first(tmp_path: Path, root_logger: logging.Logger) -> None:
    root_logger.handlers.clear()
    for component in ("one", "two"):
        Log(str(tmp_path), component).install()
    logging.getLogger("library").info("x")
    assert [line["component"] for line in lines(tmp_path)] == ["two"]
    assert len(root_logger.handlers) == 1


def test_a_libraries_mistake_in_its_own_line_goes_nowhere_else(
    tmp_path: Path, root_logger: logging.Logger, capfd: pytest.CaptureFixture[str]
) -> None:
    root_logger.handlers.clear()
    Log(str(tmp_path), "web").install()
    two = "%s and %s"
    logging.getLogger("library").error(two, "one")
    assert lines(tmp_path)[0]["said"] == "%s and %s"
    assert capfd.readouterr().err == ""


def test_the_log_itself_imports_nothing_heavy() -> None:
    script = (
        "import sys\nbefore = set(sys.modules)\nimport postern.base.log\nprint(*set(sys.modules) - before)"
    )
    loaded = set(run(script).stdout.split())
    assert "postern.base.log" in loaded
    assert not loaded & {
        "logging",
        "traceback",
        "typing",
        "dataclasses",
        "cryptography",
        "email",
        "ssl",
        "subprocess",
    }
