"""What shells offer when Tab is pressed, asked of the shells themselves, for every command there is.

bash is asked through the function that it calls on Tab; zsh and fish (the tier shells) through what their Tab does.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from postern.cli import completion_scripts
from postern.cli.completion import SHELLS, Point, points
from postern.cli.main import build_parser
from support.instance import Instance
from support.patience import PATIENCE

POINTS = list(points(build_parser()))
VALUES = [(point, option, words) for point in POINTS for option, words in point.values.items()]

Line = Sequence[str]


def script(shell: str) -> str:
    return completion_scripts.SCRIPTS[shell](POINTS)


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bash") / "completion.bash"
    path.write_text(script("bash"))
    return path


ASK = """
set -u
. "$0"
while IFS= read -r line; do
    COMP_WORDS=() COMPREPLY=()
    while IFS= read -r word && [[ $word != END ]]; do COMP_WORDS+=("$word"); done
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _postern
    echo "${COMPREPLY[*]-}"
done
"""


def offered(bash: Path, lines: Sequence[Line]) -> list[list[str]]:
    """What is offered for the last word of each line; the words as bash breaks them. One bash answers all."""
    asked = "".join(
        "LINE\n" + "".join(f"{word}\n" for word in ("postern", *line)) + "END\n" for line in lines
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, str(bash)],
        input=asked,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        # Neither postern nor anything else is there to be asked.
        env={"PATH": "/nonexistent"},
        executable=shutil.which("bash"),
        check=True,
    )
    assert done.stderr == ""
    return [line.split() for line in done.stdout.split("\n")[:-1]]


def test_bash_offers_the_commands_that_may_follow(bash: Path):
    with_verbs = [point for point in POINTS if point.verbs]
    found = offered(bash, [(*point.path.split(), "") for point in with_verbs])
    assert found == [[word for word, _ in point.verbs] for point in with_verbs]
    assert len(found) > 10 and "alias" in found[0]


def test_bash_offers_the_options_of_each_command(bash: Path):
    found = offered(bash, [(*point.path.split(), "-") for point in POINTS])
    assert found == [[option for option, _ in point.options] for point in POINTS]
    assert all("--help" in options for options in found)


def test_bash_offers_an_options_values_and_nothing_where_they_are_free(bash: Path):
    found = offered(bash, [(*point.path.split(), option, "") for point, option, _ in VALUES])
    assert found == [list(words) for _, _, words in VALUES]
    assert ["queued", "held", "sent", "failed", "dropped"] in found and [] in found


def test_bash_offers_an_arguments_words_in_its_place_alone(bash: Path):
    placed = [(point, number, words) for point in POINTS for number, words in point.places.items()]
    found = offered(bash, [(*point.path.split(), *["x"] * number, "") for point, number, _ in placed])
    assert found == [list(words) for _, _, words in placed]
    assert ["user", "admin"] in found


CASES: tuple[tuple[Line, list[str]], ...] = (
    (("ali",), ["alias"]),
    (("alias", "un"), ["unpin"]),
    (("alias", "add", "jane", ""), []),
    (("alias", "add", "list", ""), []),
    (("alias", "add", "jane", "--k"), ["--kind"]),
    (("alias", "add", "--kind", "w"), ["words"]),
    (("alias", "add", "--kind", "words", "--do"), ["--domain"]),
    (("queue", "list", "--state", "=", "fa"), ["failed"]),
    (("queue", "list", "--state", "="), ["queued", "held", "sent", "failed", "dropped"]),
    (("queue", "list", "--state", "=", "failed", "--j"), ["--json"]),
    (("user", "role", ""), []),
    (("user", "role", "--help", "jane", "a"), ["admin"]),
    (("frob", ""), []),
    (("frob", "user", ""), []),
    (("completion", "z"), ["zsh"]),
    (("$(touch pwned)", ""), []),
    (("`touch pwned`",), []),
    (("*",), []),
)


def test_bash_offers_what_fits(bash: Path):
    assert offered(bash, [line for line, _ in CASES]) == [words for _, words in CASES]


def test_nothing_that_the_help_hides_is_offered():
    assert build_parser().parse_args(["upgrade", "x", "--of", "y"]).of == "y"
    assert "--of" not in {option for point in POINTS for option, _ in point.options}


def test_bash_knows_for_which_program_it_is(bash: Path):
    done = subprocess.run(
        ["bash", "--norc", "-c", '. "$0"; complete -p postern', str(bash)],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "complete -F _postern postern\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_without_settings_and_without_a_database(tmp_path: Path, shell: str):
    made = Instance(tmp_path / "home", {})
    (tmp_path / "home" / ".env").unlink()
    assert made.cli("completion", shell) == script(shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_word_stands_in_every_script(shell: str):
    told = script(shell)
    assert "@" not in told.replace("$@", "").replace("[@]", "")
    for point in POINTS:
        for word, _ in (*point.verbs, *point.options):
            assert word.lstrip("-") in told


AWKWARD = [
    Point("", (("x", 'it\'s a \\ "thing": $HOME `x`'),), (("--y", "it's"),), {"--y": ("z",)}, {}),
    Point("x", (), (), {}, {0: ("z",)}),
]


every_shell = pytest.mark.parametrize(
    "shell", [pytest.param(one, marks=[] if one == "bash" else pytest.mark.tier("shells")) for one in SHELLS]
)


@every_shell
def test_words_that_mean_something_to_the_shell_stay_words(shell: str, tmp_path: Path):
    path = tmp_path / "script"
    path.write_text(completion_scripts.SCRIPTS[shell](AWKWARD))
    parse(shell, path)


def parse(shell: str, path: Path) -> None:
    """Does the shell read it?"""
    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


@every_shell
def test_the_shell_reads_the_script(shell: str, tmp_path: Path):
    path = tmp_path / "script"
    path.write_text(script(shell))
    parse(shell, path)


@pytest.mark.tier("shells")
def test_fish_offers_what_fits(tmp_path: Path):
    path = tmp_path / "completion.fish"
    path.write_text(script("fish"))
    for line, expected in (
        ("postern alias un", ["unpin"]),
        ("postern queue list --state fa", ["failed"]),
        ("postern user role jane a", ["admin"]),
        ("postern user link ", []),
    ):
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=tmp_path,
            check=True,
        )
        assert [row.split("\t")[0] for row in done.stdout.splitlines()] == expected, line


ZSH = """
# Completion runs in a line that is being edited; here what would be listed is caught instead.
compset() { : }
compdef() { : }
_describe() { local -a found; found=("${(@P)2}"); print -l -- "${found[@]%%:*}" }
source $1
shift
words=("$@") CURRENT=$#
_postern
"""


@pytest.mark.tier("shells")
def test_zsh_offers_what_fits(tmp_path: Path):
    path = tmp_path / "_postern"
    path.write_text(script("zsh"))
    for line, expected in (
        (("alias", ""), [word for word, _ in next(p for p in POINTS if p.path == "alias").verbs]),
        (("queue", "list", "--state", ""), ["queued", "held", "sent", "failed", "dropped"]),
        (("user", "role", "jane", ""), ["user", "admin"]),
        (("user", "link", ""), []),
    ):
        done = subprocess.run(
            ["zsh", "-f", "-c", ZSH, "zsh", str(path), "postern", *line],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            cwd=tmp_path,
        )
        assert done.stdout.split() == expected, (line, done.stderr)
