"""Our block in a foreign text: what is not ours stays as it is, and what is ours is found however the file was treated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.ops.install import marked

FOREIGN = [
    "",
    "\n",
    "one line\n",
    "one line without an end",
    "a\r\nb\r\n",
    "a\rb\n",
    "form feed \x0c and \x1c, \x85, \u2028 inside\nnext\n",
    "# BEGIN Posternal\nnot ours\n# END Posternal\n",
    "# END Postern\nan end without a beginning\n",
    "  # a comment \t\n\n\n",
    "caf\udce9 that is no UTF-8\n",
]
BODY = "first\nsecond"
BLOCK = f"{marked.BEGIN}\n{marked.NOTE}\n{BODY}\n{marked.END}\n"


@pytest.mark.parametrize("text", FOREIGN)
def test_a_new_block_goes_in_front_and_comes_out_without_a_trace(text: str):
    once = marked.put(text, BODY)
    assert once == BLOCK + text
    assert marked.put(once, BODY) == once
    assert marked.body_of(once) == BODY
    assert marked.take_out(once) == text


@pytest.mark.parametrize("text", FOREIGN)
def test_without_a_block_there_is_nothing_to_find_or_take_out(text: str):
    assert marked.body_of(text) == ""
    assert marked.take_out(text) == text


@pytest.mark.parametrize("after", FOREIGN)
@pytest.mark.parametrize("before", ["", "one line\n", "a\r\nb\r\n", "caf\udce9\n\n"])
def test_a_block_is_replaced_where_it_stands(before: str, after: str):
    text = before + BLOCK + after
    assert marked.put(text, "other") == before + BLOCK.replace(BODY, "other") + after
    assert marked.take_out(text) == before + after


def test_blocks_with_labels_do_not_touch_each_other():
    labels = ["", "/home/a/.postern", "/home/a/.postern-two", "/home/a/with blank"]
    text = "foreign\n"
    for number, label in enumerate(labels):
        text = marked.put(text, f"body {number}", label)
    assert [marked.body_of(text, label) for label in labels] == [f"body {n}" for n in range(4)]
    for label in labels:
        text = marked.take_out(text, label)
    assert text == "foreign\n"


def test_a_block_that_was_cut_off_takes_nobodys_lines_along():
    text = f"before\n{marked.BEGIN}\n{marked.NOTE}\nfirst\n"
    assert marked.take_out(text) == f"before\n{marked.NOTE}\nfirst\n"
    assert marked.put(text, BODY).startswith(f"before\n{BLOCK}")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("line ends made CRLF", BLOCK.replace("\n", "\r\n")),
        ("no line end behind the last mark", BLOCK.rstrip("\n")),
        ("blanks behind each line", BLOCK.replace("\n", " \n")),
        ("the note taken out", BLOCK.replace(f"{marked.NOTE}\n", "")),
    ],
)
def test_a_block_that_a_panel_or_editor_touched_is_still_ours(name: str, changed: str):
    assert [line.rstrip() for line in marked.body_of(changed).split("\n")] == BODY.split("\n")
    assert marked.put(changed, "other") == BLOCK.replace(BODY, "other")
    assert marked.take_out(changed) == ""


@given(before=st.text(), after=st.text(), body=st.text(alphabet="ab %\t\\", min_size=1))
def test_whatever_stands_around_a_block_stays(before: str, after: str, body: str):
    text = before + ("" if before.endswith("\n") or not before else "\n")
    whole = text + marked.put(after, body)
    if marked.take_out(text) == text:
        assert marked.take_out(whole) == text + after
        assert marked.put(whole, "new") == text + marked.put(after, "new")
