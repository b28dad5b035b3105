"""What the command line promises of every command, found by walking the parser: help with an example that parses, an exit code
for wrong use, JSON where it lists, and a question before it destroys.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import shlex
from collections.abc import Iterator
from textwrap import dedent

import pytest

from postern.base.errors import BadInput
from postern.cli.main import build_parser

DESTROYS = {"delete", "drop", "remove", "retire", "erase", "purge", "uninstall", "down"}
"""Verbs that take away what does not come back."""

COMES_BACK = {
    "alias delete": "30 days to undo",
    "quota set": "a number",
}
"""Those that destroy nothing for good, and why."""


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Every command that does something."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from leaves(child)
            return
    yield parser


COMMANDS = {parser.prog.partition(" ")[2]: parser for parser in leaves(build_parser())}
every_command = pytest.mark.parametrize("name", COMMANDS)


def has(parser: argparse.ArgumentParser, option: str) -> bool:
    return any(option in action.option_strings for action in parser._actions)


def source(parser: argparse.ArgumentParser) -> str:
    """The function that runs, and those of its module that it may call."""
    return dedent(inspect.getsource(inspect.getmodule(parser.get_default("run"))))


def test_there_are_many_commands():
    assert len(COMMANDS) > 60


@every_command
def test_it_says_what_it_does_with_an_example_that_can_be_given(
    name: str, capsys: pytest.CaptureFixture[str]
):
    parser = COMMANDS[name]
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*name.split(), "--help"])
    assert ended.value.code == 0
    told = " ".join(capsys.readouterr().out.split())
    example = (parser.epilog or "").partition("example: ")[2]
    assert example.startswith(f"postern {name}"), example
    assert f"example: {' '.join(example.split())}" in told
    assert parser.description
    words = shlex.split(example.split(" > ")[0].split(" >> ")[0].split(" | ")[0].split(" < ")[0])
    args = build_parser().parse_args(words[1:])
    assert args.run is parser.get_default("run")


@every_command
def test_wrong_use_has_its_exit_code(name: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args([*name.split(), "--no-such-option-of-ours"])
    assert ended.value.code == BadInput.exit_code
    assert capsys.readouterr().out == ""


@every_command
def test_every_option_says_what_it_is_for(name: str):
    for action in COMMANDS[name]._actions:
        if action.option_strings and action.help is not argparse.SUPPRESS:
            assert action.help or action.metavar or action.choices, action.option_strings


@every_command
def test_what_destroys_asks_first(name: str):
    """A verb that destroys takes --yes, and its code looks at it."""
    parser = COMMANDS[name]
    if name in COMES_BACK or not DESTROYS & set(name.split()):
        return
    assert has(parser, "--yes"), name
    assert "check_sure" in source(parser) or "args.yes" in source(parser), name


@every_command
def test_what_prints_rows_prints_json_too(name: str):
    parser = COMMANDS[name]
    run = ast.parse(dedent(inspect.getsource(parser.get_default("run"))))
    calls = {ast.unparse(node.func) for node in ast.walk(run) if isinstance(node, ast.Call)}
    if "common.show" in calls:
        assert has(parser, "--json"), name
