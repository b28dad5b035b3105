"""Bars as SVG, by hand: no program to install, readable on light and dark pages, words as text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, LEFT, BAR, GAP, TOP = 800, 340, 20, 12, 44
STYLE = """
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2937 }
  .title { font-weight: 600; font-size: 15px }
  .ours { fill: #0f766e } .theirs { fill: #94a3b8 } line { stroke: #cbd5e1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e5e7eb } .ours { fill: #2dd4bf } .theirs { fill: #64748b } line { stroke: #475569 }
  }
</style>"""


def bars(title: str, unit: str, rows: Sequence[tuple[str, float, bool]]) -> str:
    """Rows: words, value, whether it is ours."""
    height = TOP + len(rows) * (BAR + GAP) + 8
    most = max(value for _, value, _ in rows) or 1
    room = WIDTH - LEFT - 90
    told = ", ".join(f"{words}: {_short(value)} {unit}" for words, value, _ in rows)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(title)}</title><desc id="d">{escape(told)}</desc>{STYLE}',
        f'<text class="title" x="8" y="24">{escape(title)} ({escape(unit)})</text>',
        f'<line x1="{LEFT}" y1="{TOP - 6}" x2="{LEFT}" y2="{height - 8}"/>',
    ]
    for number, (words, value, ours) in enumerate(rows):
        y = TOP + number * (BAR + GAP)
        length = max(1.0, room * value / most)
        kind = "ours" if ours else "theirs"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{escape(words)}</text>')
        parts.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3"/>')
        parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 15}">{_short(value)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
