"""postern bench"""

from __future__ import annotations

import signal
import sys

from postern.base.errors import BadInput, ConfigError
from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from postern.base.settings import Config
    from postern.cli.main import Nouns
    from postern.ops.bench.report import Report


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "bench",
        "measure what this host can carry, in about two minutes, and compare it with the last time",
        "postern bench --only request,receipt",
    )
    common.json_flag(command)
    command.add_argument(
        "--only", metavar="ROWS", default="", help="rows, or how their names begin; commas between"
    )
    command.add_argument(
        "--quick", action="store_true", help="two rounds of each: to see that it works, not how fast"
    )
    command.add_argument(
        "--compare", metavar="FILE", help="compare with this saved run; without: with the last"
    )
    command.add_argument("--strict", action="store_true", help="exit code 1 when something became worse")
    command.set_defaults(run=run_bench)


def run_bench(args: argparse.Namespace) -> int:
    """postern bench"""
    from postern.base import home
    from postern.ops.bench import compare, report

    place, wanted = home.find(), _wanted(args.only)
    before = report.read(args.compare) if args.compare else report.last(place, args.quick)
    found = _measured(place, wanted, args.quick)
    path = report.save(place, found)
    worse = compare.regressions(found.rows, before.rows) if before else []
    if args.json:
        import json

        print(json.dumps(found.as_json(), indent=1))
    else:
        _show(found, before, path)
    return int(bool(args.strict and worse))


def _wanted(only: str) -> set[str]:
    """The rows that these words name, in full or up to a dot; and the one that tells how busy the host is."""
    from postern.ops.bench.compare import HOST
    from postern.ops.bench.rows import BY_NAME

    words = only.replace(",", " ").split()
    found = {name for name in BY_NAME if not words or any(_names(word, name) for word in words)}
    for word in words:
        if not any(_names(word, name) for name in BY_NAME):
            raise BadInput(f"There is no row {word!r}.", f"Rows are: {', '.join(BY_NAME)}")
    return {HOST, *found}


def _names(word: str, name: str) -> bool:
    return name == word or name.startswith(word + ".")


def _measured(place: str, wanted: set[str], quick: bool) -> Report:
    from postern.ops.bench import capacity, report, run
    from postern.ops.bench.bench import Bench
    from postern.ops.bench.spawn import Spawner
    from postern.ops.install.doors import python
    from postern.resident import ask

    # As Ctrl-C does: everything that was begun is taken back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Spawner(python()) as spawner:
        bench = Bench(place, python(), spawner, ask, common.settings, quick)
        left_out = run.measure(bench, wanted, _tell)
    carries = capacity.reckon(bench.results, capacity.share_of_host(), _settings())
    return report.Report(report.now(), quick, report.machine(), bench.results, left_out, carries)


def _settings() -> Config | None:
    try:
        return common.settings()
    except ConfigError:
        return None


def _tell(words: str) -> None:
    if sys.stderr.isatty():
        print(f"  {words} …", file=sys.stderr, flush=True)


def _show(found: Report, before: Report | None, path: str) -> None:
    """The table; then what is slow and why, what became worse, and what all of it comes to."""
    from postern.ops.bench import report
    from postern.ops.bench.rows import ROWS

    baseline = report.baseline()
    rows: list[dict[str, object]] = [
        {
            "row": row.name,
            "what": row.what,
            "median": f"{found.rows[row.name].median:.4g} {row.unit}",
            "spread": f"{found.rows[row.name].spread:.2g}",
            "last": _times(found, before, row.name),
            "baseline": _times(found, baseline, row.name),
            "good is": f"{row.good:g}",
            "verdict": row.verdict(found.rows[row.name].median),
        }
        for row in ROWS
        if row.name in found.rows
    ]
    common.show(rows, False, "Nothing could be measured.")
    for row in ROWS:
        if row.name in found.rows and row.verdict(found.rows[row.name].median) == "slow":
            print(f"\n{row.name} is slow. {row.slow}")
    for name, why in found.left_out.items():
        print(f"\n{name} is left out: {why}.".replace("..", "."))
    _show_worse(found, before, "the last run")
    _show_worse(found, baseline, "the baseline")
    if found.carries:
        print(
            f"\nThis host can carry about {found.carries.users:,} users, or {found.carries.mails:,} mails a day:"
            f" {found.carries.reason}."
        )
    print(f"\nSaved as {path}")


def _times(found: Report, other: Report | None, name: str) -> str:
    from postern.ops.bench import compare

    times = compare.ratio(found.rows, other.rows, name) if other else None
    return f"{times:.2f}×" if times else ""


def _show_worse(found: Report, other: Report | None, what: str) -> None:
    from postern.ops.bench import compare

    if other is None:
        return
    slower = compare.host_factor(found.rows, other.rows)
    worse = compare.regressions(found.rows, other.rows)
    if worse:
        busy = (
            f"; the host itself is {slower:.2f} times as slow, which is forgiven"
            if slower > compare.WORSE
            else ""
        )
        print(f"\nWorse than {what}, {other.at} on {other.machine.get('processor')}{busy}:")
        for one in worse:
            print(f"  {one}")
