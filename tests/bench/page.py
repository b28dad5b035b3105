"""docs/PERFORMANCE.md and its plots, from page.md and what was saved in results.json."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence

from figure import Goal, Line, Section, section
from plot import WIDTH, bars

HERE = pathlib.Path(__file__).parent
TOP = HERE.parents[1]
RESULTS, TEMPLATE, PAGE = HERE / "results.json", HERE / "page.md", TOP / "docs" / "PERFORMANCE.md"
PLOTS = {
    "cgi": "A request by CGI",
    "persistent": "A request to a process that lives on",
    "out": "A message going out",
}


def write() -> None:
    """The page and the plots anew."""
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


def made() -> Mapping[pathlib.Path, str]:
    """Each file and what stands in it."""
    found = json.loads(RESULTS.read_text())
    sections = {name: section(one) for name, one in found["sections"].items()}
    text = TEMPLATE.read_text(encoding="utf-8")
    places = {
        "goals": _goals(list(sections.values())),
        "machine": _machine(found),
        "baseline": _baseline(),
        "carries": _carries(),
    }
    for name, one in sections.items():
        places[name] = _lines(one.lines)
        places[f"{name}-profile"] = one.profile
    for name, title in PLOTS.items():
        places[f"plot-{name}"] = _picture(f"img/performance-{name}.svg", f"{title}: bars of milliseconds")
    for name, words in places.items():
        text = text.replace("{" + name + "}", words)
    files = {PAGE: text}
    for name, title in PLOTS.items():
        rows = [
            (line.name.replace("*", "").replace("`", ""), line.clock, "**" in line.name)
            for line in sections[name].lines
        ]
        files[TOP / "docs" / "img" / f"performance-{name}.svg"] = bars(title, "ms", rows)
    return files


def _picture(path: str, words: str) -> str:
    """As every picture of the guide is written; a plot is the same by day and by night, and its colours go with the page."""
    return (
        f'<picture>\n<source media="(prefers-color-scheme: dark)" srcset="{path}">\n'
        f'<img src="{path}" alt="{words}" width="{WIDTH}">\n</picture>'
    )


def _goals(sections: Sequence[Section]) -> str:
    rows = ["| what | goal | reached | met |", "| --- | --- | --- | --- |"]
    rows += [_goal(goal) for one in sections for goal in one.goals]
    return "\n".join(rows)


def _goal(goal: Goal) -> str:
    word = "at most" if goal.better == "less" else "at least"
    met = "yes" if goal.is_met else "**no**"
    return f"| {goal.what} | {word} {_short(goal.goal)} {goal.unit} | {_short(goal.reached)} {goal.unit} | {met} |"


def _lines(lines: Sequence[Line]) -> str:
    """Columns that no line has are left out."""
    columns = {
        "on the clock, ms": [_cell(one.clock) for one in lines],
        "of the processor, ms": [_cell(one.processor) for one in lines],
        "memory, MiB": [_cell(one.memory) for one in lines],
        "besides": [one.note for one in lines],
    }
    kept = {name: cells for name, cells in columns.items() if any(cells)}
    rows = [f"| what | {' | '.join(kept)} |", "| --- |" + " --- |" * len(kept)]
    rows += [f"| {' | '.join(cells)} |" for cells in zip([one.name for one in lines], *kept.values())]
    return "\n".join(rows)


def _baseline() -> str:
    """What `postern bench` found on the machine of the baseline."""
    from postern.ops.bench import report
    from postern.ops.bench.rows import ROWS

    baseline = report.baseline()
    rows = [
        "| row | what | median | spread | good up to | slow from |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        one = baseline.rows.get(row.name)
        found = (f"{one.median:.4g}", f"{one.spread:.2g}") if one else ("", "")
        rows.append(
            f"| `{row.name}` | {row.what}, {row.unit} | {found[0]} | {found[1]} | {row.good:g} | {row.poor:g} |"
        )
    return "\n".join(rows)


def _carries() -> str:
    """What that comes to."""
    from postern.ops.bench import report

    carries = report.baseline().carries
    if carries is None:
        return ""
    return (
        f"Without a relay's budget, that machine would carry about {carries.users:,} users, or {carries.mails:,} mails a day: "
        f"{carries.reason}."
    )


def _machine(found: Mapping[str, object]) -> str:
    told = found["machine"]
    words = f"{told['processor']}, {told['cores']:g} cores, {told['system']}, Python {told['python']}"
    return f"{words}; {found['at']}, when others kept {found['load']:g} processes busy on it"


def _short(number: float) -> str:
    """Three digits."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _cell(number: float) -> str:
    """Nothing where nothing was measured."""
    return _short(number) if number else ""
