"""docs/CHECKLIST.md: the registry as a page, in the order in which an installation is made."""

from __future__ import annotations

import os

from postern.ops.doctor.registry import GROUPS, items

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.ops.doctor.item import Item

_HEAD = """\
# From an empty account to mail: the checklist

Each line is a thing that must be so, in the order in which one needs the other. You need not tick them by hand:

```sh
postern doctor
```

looks at all of them, says at the end what is next, and ends with 2 when something critical is wrong, 1 when something else
is, 0 else. `postern doctor --only dns` looks at one group, `postern doctor --only cron.lines` at one line. What no program can
see is asked: `postern doctor answer keys.sheet yes --by "Jane Doe"` keeps the answer with the date and your name, and
`postern doctor --go-live` prints the whole as a report that you can keep, with `READY` or `NOT READY` as its last word.

Before the first line: put the program into the document root and run `sh install.sh` ([install.md](install.md)). It does most
of what follows; the checklist shows what is left. This page is printed by `postern doctor checklist`; a test keeps it true.

*Critical*: mail is lost or secrets are open, nobody goes live with it. *Important*: it will hurt soon. *Advice*: may stay.
"""


def page() -> str:
    """The whole page, with a line break at its end."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    every = items()
    for number, (group, title) in enumerate(GROUPS.items(), 1):
        yield f"## {number}. {title}\n"
        yield f"`postern doctor --only {group}`\n"
        yield from (_line(item) for item in every if item.group == group)
        yield ""
    yield "## Go live\n"
    yield "`postern doctor --go-live` says READY. Keep what it prints, and look again after each change."


def _line(item: Item) -> str:
    asked = f" Asked: *{item.question}*" if item.question else ""
    remedy = f" If not: {item.remedy}" if item.remedy else ""
    audit = ", security audit" if item.audit else ""
    what = item.what if item.what.endswith((".", "?")) else f"{item.what}."
    guide = os.path.relpath(item.guide, "docs")
    return f"- [ ] **{item.id}** ({item.ticket}, {item.severity}{audit}): {what}{asked}{remedy} [{guide}]({guide})"
