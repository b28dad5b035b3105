"""The shared table of leaky buckets: exact for one, fair to many, one for all processes, unbreakable by what lies there."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from postern.base import limit_table
from postern.base.limit_table import BUCKET_BYTES, FILE_BYTES, HEADER_BYTES, SLOT, WAYS, LimitTable, Rate
from support.patience import PATIENCE, until

SLOW = Rate(1, 3600, 5)
SECOND = 1_000_000_000


@pytest.fixture
def path(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "limits")


@pytest.fixture
def table(path: str) -> Iterator[LimitTable]:
    made = LimitTable(path)
    yield made
    made.close()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The clock, in nanoseconds: set the one element."""
    at = [10 * 86400 * SECOND]
    monkeypatch.setattr(limit_table.time, "monotonic_ns", lambda: at[0])
    return at


def test_a_burst_is_let_in_and_then_the_rate(table: LimitTable, now: list[int]):
    rate = Rate(60, 60, 10)
    assert [table.take(rate, b"a").allowed for _ in range(11)] == [True] * 10 + [False]
    refused = table.take(rate, b"a")
    assert (refused.wait, refused.left, refused.reset) == (1, 0, 10)
    now[0] += refused.wait * SECOND
    assert [table.take(rate, b"a").allowed for _ in range(2)] == [True, False]
    now[0] += 3600 * SECOND
    assert table.take(rate, b"a").left == 9
    assert table.take(rate, b"b").left == 9


def test_one_that_costs_more_takes_more(table: LimitTable, now: list[int]):
    assert table.take(Rate(60, 60, 10), b"a", cost=7).left == 3
    assert not table.take(Rate(60, 60, 10), b"a", cost=4).allowed
    assert table.take(Rate(60, 60, 10), b"a", cost=3).left == 0


def test_a_clock_from_before_the_last_start_stops_nobody(table: LimitTable, now: list[int]):
    """The machine's clock begins at zero again, and every slot then lies far ahead."""
    for number in range(50_000):
        table.take(SLOW, b"%d" % number)
    now[0] = 60 * SECOND
    for _ in range(2):
        assert sum(table.take(SLOW, b"%d" % number).allowed for number in range(1000)) == 1000
    assert table.take(SLOW, b"0").left == 2, "counts of now are kept, those of then give way"


def test_a_full_table_forgets_who_is_free_soonest(table: LimitTable, now: list[int]):
    """Whoever floods it with names drives out other passers-by, not those who have asked the most."""
    for _ in range(5):
        assert table.take(SLOW, b"greedy").allowed
    for number in range(150_000):
        table.take(Rate(60, 60, 10), b"%d" % number)
    assert not table.take(SLOW, b"greedy").allowed


def test_many_names_are_counted_each_by_itself(table: LimitTable, now: list[int]):
    names = [b"%d" % number for number in range(2000)]
    assert all(table.take(SLOW, name).left == 4 for name in names)
    assert all(table.take(SLOW, name).left == 3 for name in names)


def _take(path: str, times: int) -> int:
    table = LimitTable(path)
    return sum(table.take(Rate(1, 3600, 500), b"all").allowed for _ in range(times))


def test_processes_share_it_to_the_last_request(path: str):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert sum(pool.starmap(_take, [(path, 300)] * 4)) == 500


def test_threads_share_it_to_the_last_request(table: LimitTable):
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda _: table.take(Rate(1, 3600, 500), b"all").allowed, range(1200)))
    assert allowed.count(True) == 500


def _flood(path: str) -> None:
    table, number = LimitTable(path), 0
    while True:
        number += 1
        table.take(SLOW, b"%d" % (number % 5000))


def test_a_kill_at_any_instruction_leaves_a_table(path: str):
    LimitTable(path).take(SLOW, b"a")
    for _ in range(10):
        process = multiprocessing.get_context("spawn").Process(target=_flood, args=(path,))
        before = pathlib.Path(path).read_bytes()
        process.start()
        until(lambda before=before: pathlib.Path(path).read_bytes() != before)
        os.kill(process.pid, signal.SIGKILL)
        process.join(PATIENCE)
        process.close()
        table = LimitTable(path)
        assert table.take(Rate(60, 60, 10), os.urandom(8)).left == 9
        table.close()


@pytest.mark.parametrize(
    "rubbish",
    [b"", b"x" * 100, b"x" * FILE_BYTES, bytes(FILE_BYTES)],
    ids=["empty", "short", "foreign", "zeros"],
)
def test_what_is_no_table_is_made_anew(path: str, rubbish: bytes):
    pathlib.Path(path).write_bytes(rubbish)
    table = LimitTable(path)
    assert table.take(SLOW, b"a").left == 4
    table.close()
    found = os.stat(path)
    assert (found.st_size, found.st_mode & 0o777) == (FILE_BYTES, 0o600)
    assert os.listdir(os.path.dirname(path)) == ["limits"]


def test_torn_slots_are_at_worst_wrong_counts(path: str, now: list[int]):
    table = LimitTable(path)
    table.take(SLOW, b"a")
    table.close()
    data = bytearray(pathlib.Path(path).read_bytes())
    data[HEADER_BYTES:] = os.urandom(FILE_BYTES - HEADER_BYTES)
    pathlib.Path(path).write_bytes(data)
    table = LimitTable(path)
    assert all(table.take(Rate(60, 60, 10), b"%d" % number).allowed for number in range(5000))
    table.close()


def test_who_is_counted_cannot_be_read_from_it(table: LimitTable, path: str):
    table.take(SLOW, b"192.0.2.7")
    assert b"192.0.2.7" not in pathlib.Path(path).read_bytes()
    assert WAYS * SLOT.size == BUCKET_BYTES


def test_a_link_in_its_place_is_not_followed(path: str, tmp_path: pathlib.Path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    os.symlink(victim, path)
    with pytest.raises(OSError, match="symbolic links"):
        LimitTable(path).take(SLOW, b"a")
    assert victim.read_bytes() == b"precious"
