"""postern completion: what a shell offers when Tab is pressed, made from the commands themselves.

The script knows commands, options and the words that they take; it asks nobody, so it never waits for the database, and handles
and addresses do not end up in a shell's list of guesses. How each shell is told: cli/completion_scripts.py.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from postern.cli import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from postern.cli.main import Nouns

SHELLS = ("bash", "zsh", "fish")


@dataclass(frozen=True)
class Point:
    """A place in the command line, and what may follow there. Lists are of (word, what it means).

    `path`: the commands so far, as "queue list"; empty at the start. `values`: an option that takes one -> the words to choose
    from, none for free text. `places`: number of an argument, from 0 -> the words to choose from.
    """

    path: str
    verbs: tuple[tuple[str, str], ...]
    options: tuple[tuple[str, str], ...]
    values: dict[str, tuple[str, ...]]
    places: dict[int, tuple[str, ...]]


def register(nouns: Nouns) -> None:
    """The command."""
    command = common.verb(
        nouns,
        "completion",
        "print what lets a shell complete these commands",
        "postern completion bash > ~/.postern/completion.bash",
    )
    command.add_argument("shell", choices=SHELLS)
    command.set_defaults(run=print_script)


def print_script(args: argparse.Namespace) -> None:
    """postern completion"""
    from postern.cli import completion_scripts
    from postern.cli.main import build_parser

    print(completion_scripts.SCRIPTS[args.shell](list(points(build_parser()))), end="")


def points(parser: argparse.ArgumentParser, path: str = "") -> Iterator[Point]:
    """Every place in the command line, in the order of the help."""
    verbs: dict[str, argparse.ArgumentParser] = {}
    options: list[tuple[str, str]] = []
    values: dict[str, tuple[str, ...]] = {}
    places: dict[int, tuple[str, ...]] = {}
    arguments = 0
    for action in parser._actions:
        choices = tuple(map(str, action.choices or ()))
        if isinstance(action, argparse._SubParsersAction):
            verbs = dict(action.choices)
        elif action.option_strings:
            if action.help == argparse.SUPPRESS:
                continue
            name = action.option_strings[-1]
            options.append((name, action.help or ""))
            if action.nargs != 0:
                values[name] = choices
        else:
            if choices:
                places[arguments] = choices
            arguments += 1
    told = tuple((name, child.description or "") for name, child in verbs.items())
    yield Point(path, told, tuple(options), values, places)
    for name, child in verbs.items():
        yield from points(child, f"{path} {name}".strip())
