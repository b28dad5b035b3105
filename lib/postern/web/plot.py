"""Plots as SVG, drawn here: they need no script. Every number stands in a table below as well."""

from __future__ import annotations

from postern.web import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from postern.store.stats import Day, Top
    from postern.web.render import Safe

WIDTH, HEIGHT = 640, 160
LOW = 96
"""Height of a plot that stands among others."""
_GAP = 0.25
"""Of a bar's place that stays free."""


def days(found: Sequence[Day]) -> Safe:
    """Bars of each day: forwarded and replied on one another, blocked on top."""
    highest = max((one.forwarded + one.replied + one.blocked for one in found), default=0)
    most = highest or 1
    step = WIDTH / max(len(found), 1)
    bars = render.join(_bars(number * step, step * (1 - _GAP), one, most) for number, one in enumerate(found))
    rows = render.join(
        render.render(
            "plot_days_row",
            day=one.day.isoformat(),
            forwarded=f"{one.forwarded:,}",
            replied=f"{one.replied:,}",
            blocked=f"{one.blocked:,}",
        )
        for one in reversed(found)
    )
    return render.render(
        "plot_days",
        width=str(WIDTH),
        height=str(HEIGHT),
        bars=bars,
        rows=rows,
        first=_short(found[0].day) if found else "",
        last=_short(found[-1].day) if found else "",
        most=f"at most {highest:,} a day" if highest else "no mail yet",
    )


def _bars(x: float, width: float, day: Day, most: int) -> Safe:
    words = (
        f"{_short(day.day)}: {day.forwarded:,} forwarded, {day.replied:,} replied, {day.blocked:,} blocked"
    )
    pieces, top = [], float(HEIGHT)
    for kind, many in (("forwarded", day.forwarded), ("replied", day.replied), ("blocked", day.blocked)):
        tall = HEIGHT * many / most
        if tall:
            top -= tall
            pieces.append(_bar(kind, x, top, width, tall))
    return render.render(
        "plot_day", words=words, bars=render.join(pieces), x=f"{x:.1f}", width=f"{width:.1f}"
    )


def _bar(kind: str, x: float, top: float, width: float, tall: float) -> Safe:
    return render.render(
        "plot_bar",
        kind=f"bar-{kind}",
        x=f"{x:.1f}",
        y=f"{top:.1f}",
        width=f"{width:.1f}",
        height=f"{tall:.1f}",
    )


def _short(day: date) -> str:
    return f"{day.day} {day:%b}"


def figure(title: str, kind: str, found: Sequence[tuple[date, int]], words: Callable[[int], str]) -> Safe:
    """One number a day. `kind`: the colour, one of those above; `words`: a number for people."""
    highest = max((number for _, number in found), default=0)
    step = WIDTH / max(len(found), 1)
    bars, rows = [], []
    for place, (day, number) in enumerate(found):
        x, width = place * step, step * (1 - _GAP)
        tall = LOW * number / (highest or 1)
        bars.append(
            render.render(
                "plot_day",
                words=f"{_short(day)}: {words(number)}",
                bars=_bar(kind, x, LOW - tall, width, tall) if tall else render.EMPTY,
                x=f"{x:.1f}",
                width=f"{width:.1f}",
            )
        )
        rows.append(render.render("plot_figure_row", day=day.isoformat(), number=words(number)))
    return render.render(
        "plot_figure",
        title=title,
        width=str(WIDTH),
        height=str(LOW),
        bars=render.join(bars),
        rows=render.join(reversed(rows)),
        first=_short(found[0][0]) if found else "",
        last=_short(found[-1][0]) if found else "",
        most=f"at most {words(highest)}" if highest else "nothing yet",
    )


def top(found: Sequence[Top]) -> Safe:
    """The busiest aliases: a bar for each, beside its name."""
    most = max((one.forwarded for one in found), default=0) or 1
    return render.join(
        render.render(
            "plot_top_row",
            address=render.address(one.address),
            many=f"{one.forwarded:,}",
            share=f"{100 * one.forwarded / most:.1f}",
        )
        for one in found
    )
