"""`postern doctor --ask` and `postern doctor answer`: what no program sees is asked, and the answer is kept."""

from __future__ import annotations

from postern.base.errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from postern.ops.doctor.item import Item


def ask_all(wanted: Sequence[Item], by: str) -> None:
    """Each question that was not answered with yes within the year. The end of the input means later, for the rest."""
    import contextlib

    with contextlib.suppress(EOFError):
        _ask_each(wanted, by)


def _ask_each(wanted: Sequence[Item], by: str) -> None:
    from postern.base import clock, home
    from postern.ops.doctor import answers
    from postern.ops.doctor.check import OK

    kept = answers.read(home.find())
    for item in wanted:
        if not item.question or answers.judge(kept.get(item.id), clock.now()).status == OK:
            continue
        by = by or input("Your name: ").strip()
        said = input(f"{item.question} (yes/no, empty: later) ").strip().lower()
        if said in ("yes", "y", "no", "n"):
            answer = "yes" if said.startswith("y") else "no"
            answers.keep(home.find(), item.id, answers.Answer(answer, by, clock.now()))


def keep_answer(args: argparse.Namespace) -> None:
    """postern doctor answer"""
    from postern.base import clock, home
    from postern.ops.doctor import answers, registry

    asked = {item.id: item for item in registry.items() if item.question}
    if args.item not in asked:
        raise NotFound(f"{args.item!r} is nothing that is asked.", f"These are: {', '.join(asked)}")
    answers.keep(home.find(), args.item, answers.Answer(args.answer, args.by, clock.now(), args.note))
    print(f"{args.item}: {args.answer}, says {args.by}.\n  {asked[args.item].question}")
