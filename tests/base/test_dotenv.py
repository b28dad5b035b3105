"""The format of .env: what is read, what is refused, and that nothing a value says is ever run or expanded.

Covered: each form in a table; any value written by three small writers comes back; hostile text and hostile bytes; no
process is started and no file is opened, whatever the text says (watched by an audit hook).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import tiers
from postern.base import config, dotenv
from postern.base.errors import ConfigError

GOOD = {
    "": {},
    "A=1": {"A": "1"},
    "A=1\nB=2\n": {"A": "1", "B": "2"},
    "A=1\r\nB=2\r\n": {"A": "1", "B": "2"},
    "\n\n  # a comment\n\t\nA=1": {"A": "1"},
    "  A = 1  ": {"A": "1"},
    "export A=1": {"A": "1"},
    "export\tA=1": {"A": "1"},
    "exportA=1": {"exportA": "1"},
    "A=": {"A": ""},
    "A=   ": {"A": ""},
    "A=1\nA=2": {"A": "2"},
    "A=b=c=": {"A": "b=c="},
    "A=two words": {"A": "two words"},
    "A=1 # comment": {"A": "1"},
    "A=1\t# comment": {"A": "1"},
    "A= # comment": {"A": ""},
    "A=1#2": {"A": "1#2"},
    "A=#12": {"A": "#12"},
    "A=#12 # comment": {"A": "#12"},
    "A='1 # 2'": {"A": "1 # 2"},
    "A='1'": {"A": "1"},
    "A='1' # it's fine": {"A": "1"},
    "A=''": {"A": ""},
    'A=""': {"A": ""},
    "A='\\n$B\\\\'": {"A": "\\n$B\\\\"},
    'A="\\n\\t\\"\\\\\\$"': {"A": '\n\t"\\$'},
    'A="\\x\\a"': {"A": "\\x\\a"},
    'A="it\'s"': {"A": "it's"},
    "A='say \"hi\"'": {"A": 'say "hi"'},
    'A=it"s': {"A": 'it"s'},
    'A="1" # comment': {"A": "1"},
    "A=naïve ☂": {"A": "naïve ☂"},
    "A=a:NeGtVp0f+/==": {"A": "a:NeGtVp0f+/=="},
}


@pytest.mark.parametrize("text", GOOD)
def test_each_form_is_read_as_written(text: str):
    assert dotenv.parse(text) == (GOOD[text], [])


BAD = (
    "A",
    "=1",
    "A B=1",
    "1A=1",
    "A-B=1",
    "Ä=1",
    "A='1",
    'A="1',
    'A="1\\"',
    'A="1\\',
    "A='1'2",
    'A="1"2',
    "A='1'#2",
    "export =1",
    "rm -rf /",
    "\ufeffA=1",
    "<<<<<<< HEAD",
)


@pytest.mark.parametrize("text", BAD)
def test_what_makes_no_sense_is_told_by_its_line_and_the_others_are_read(text: str):
    found, wrong = dotenv.parse(f"B=1\n{text}\nC=2")
    assert found == {"B": "1", "C": "2"}
    assert len(wrong) == 1
    assert wrong[0].startswith("Line 2 ")


def test_a_line_that_makes_no_sense_is_never_shown():
    _, wrong = dotenv.parse("POSTERN_DB_PASSWORD='hunter2\nhunter2\n")
    assert len(wrong) == 2
    assert "hunter2" not in "".join(wrong)


def single_quoted(value: str) -> str:
    return f"'{value}'"


def double_quoted(value: str) -> str:
    for letter, written in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\t", "\\t")):
        value = value.replace(letter, written)
    return f'"{value}"'


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
IN_SINGLE = st.text(st.characters(exclude_characters="'\n", exclude_categories=["Cs"]))
IN_DOUBLE = st.text(st.characters(exclude_categories=["Cs"]))
BARE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E)).filter(
    lambda value: not value.startswith(("'", '"'))
)
WRITTEN = st.one_of(
    IN_SINGLE.map(lambda value: (value, single_quoted(value))),
    IN_DOUBLE.map(lambda value: (value, double_quoted(value))),
    BARE.map(lambda value: (value, value)),
)
TAILS = st.sampled_from(["", " ", "\t", "\r", " # note", '\t# it\'s "this"', " #"])


@given(st.dictionaries(NAMES, st.tuples(WRITTEN, TAILS), max_size=6))
@example({"A": (("\n", '"\\n"'), ""), "B": (("\\n", '"\\\\n"'), " # x")})
def test_whatever_is_written_comes_back(pairs: dict[str, tuple[tuple[str, str], str]]):
    text = "\n".join(f"{name}={written}{tail}" for name, ((_, written), tail) in pairs.items())
    assert dotenv.parse(text) == ({name: value for name, ((value, _), _) in pairs.items()}, [])


NONSENSE = re.compile(r"Line \d+ of \.env makes no sense\. Write NAME=value, with matching quotes\.")


@given(
    st.text()
    | st.lists(st.sampled_from(["A=", "export ", "'", '"', "\\", "#", " ", "\n", "$(", "`", "\0", "x"])).map(
        "".join
    )
)
def test_hostile_text_is_read_or_refused_and_never_quoted(text: str):
    found, wrong = dotenv.parse(text)
    for name, value in found.items():
        assert re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
        assert "\n" not in value or "\\n" in text
    assert all(NONSENSE.fullmatch(line) for line in wrong)
    assert len(found) + len(wrong) <= text.count("\n") + 1


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-16")))
def test_hostile_bytes_are_a_config_error_and_nothing_else(data: bytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, ".env")
        path.touch(0o600)
        path.write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            config.load(folder, {})
    assert "POSTERN_" in str(caught.value) or ".env" in str(caught.value)


HOSTILE = (
    "A=$(touch PLACE)",
    "A=`touch PLACE`",
    'A="$(touch PLACE)"',
    'A="`touch PLACE`"',
    "A=1; touch PLACE",
    "A=1 && touch PLACE",
    "A=1 | touch PLACE",
    "A=> PLACE",
    "A=${HOME}",
    "A=$HOME",
    'A="${HOME:=PLACE}"',
    "A=~/x",
    "A=/etc/*",
    "touch PLACE",
    "source PLACE",
    ". PLACE",
    "A=() { :; }; touch PLACE",
)

WATCHED = """
import sys
from postern.base import dotenv
text = sys.stdin.read()
forbidden = ("open", "exec", "import", "socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.fork", "compile")
def watch(event, args):
    if event.startswith(forbidden):
        sys.stderr.write(f"{event} {args}\\n")
        sys.stderr.flush()
        import os
        os._exit(9)
sys.addaudithook(watch)
found, wrong = dotenv.parse(text)
sys.stdout.write(repr(found))
"""


def watched(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WATCHED],
        input=text,
        env={"PYTHONPATH": str(tiers.TOP / "lib"), "HOME": "/nowhere"},
        capture_output=True,
        text=True,
    )


def test_nothing_is_run_opened_or_expanded(tmp_path: Path):
    place = tmp_path / "made"
    lines = [line.replace("PLACE", str(place)).replace("A=", f"A{n}=") for n, line in enumerate(HOSTILE)]
    done = watched("\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    assert not place.exists()
    for line in lines:
        name, equals, value = line.partition("=")
        if equals:
            assert f"{name!r}: {value.strip(chr(34))!r}" in done.stdout


def test_the_watch_itself_sees(tmp_path: Path):
    sees = WATCHED.replace("found, wrong = dotenv.parse(text)", "import os; os.system('true'); found = 1")
    done = subprocess.run(
        [sys.executable, "-c", sees],
        input="",
        env={"PYTHONPATH": str(tiers.TOP / "lib")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 9
    assert "os.system" in done.stderr


@given(value=st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0")))
def test_a_line_reads_back_as_the_value_it_was_made_of(value):
    text = "A=1\n" + dotenv.line("NAME", value) + "B=2\n"
    assert dotenv.parse(text) == ({"A": "1", "NAME": value, "B": "2"}, [])
