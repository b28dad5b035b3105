"""mail/names.py: random local parts and the words that they are made of."""

from __future__ import annotations

import math
import re

import pytest

from postern.base.errors import BadInput
from postern.mail import names
from postern.mail.address import MAX_LOCAL, RESERVED, is_reserved, parse_address
from postern.mail.names import KINDS, new_local

FORMS = {
    "words": r"[a-z]{3,8}\.[a-z]{3,8}[2-9]{2}",
    "characters": r"[bcdfghjkmnpqrstvwxyz][bcdfghjkmnpqrstvwxyz2-9]{9}",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
}
LISTS = ("adjectives", "nouns")


def test_the_kinds_are_those_of_the_table() -> None:
    assert set(KINDS) == set(FORMS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_name_of_a_kind_has_its_form_and_is_free_to_be_an_alias(kind: str) -> None:
    for _ in range(200):
        local = new_local(kind)
        assert re.fullmatch(FORMS[kind], local)
        assert len(local) <= MAX_LOCAL
        assert not is_reserved(local)
        assert str(parse_address(f"{local}@alias.example")) == f"{local}@alias.example"


@pytest.mark.parametrize("kind", KINDS)
def test_no_name_of_a_kind_can_ever_be_reserved(kind: str) -> None:
    """is_reserved() ignores dots and hyphens; reverse and bounce addresses have a hyphen behind two letters."""
    bare = {**FORMS, "words": r"[a-z]{6,16}[2-9]{2}", "uuid": r"[0-9a-f]{32}"}[kind]
    assert re.fullmatch(bare, new_local(kind).replace(".", "").replace("-", ""))
    assert [name for name in RESERVED if re.fullmatch(bare, name)] == []
    assert not re.match(FORMS[kind], "re-" + "a" * 16)
    assert "-" not in new_local(kind)[:8]


def test_the_kinds_have_the_random_bits_that_the_docstring_tells() -> None:
    both = len(names.LETTERS + names.DIGITS)
    pairs = len(names.words("adjectives")) * len(names.words("nouns"))
    assert int(math.log2(pairs * len(names.DIGITS) ** 2)) == 26
    assert int(math.log2(len(names.LETTERS) * both ** (names.CHARACTER_COUNT - 1))) == 47
    assert len({*names.LETTERS, *names.DIGITS}) == both


@pytest.mark.parametrize("kind", ["characters", "uuid"])
def test_two_names_are_not_alike(kind: str) -> None:
    assert len({new_local(kind) for _ in range(500)}) == 500


def test_every_letter_and_digit_comes_up_and_every_place_varies() -> None:
    made = [new_local("characters") for _ in range(2000)]
    assert {local[0] for local in made} == set(names.LETTERS)
    for place in range(1, 10):
        assert {local[place] for local in made} == set(names.LETTERS + names.DIGITS)


def test_an_unknown_kind_is_refused() -> None:
    for kind in ("", "Words", "word"):
        with pytest.raises(BadInput, match=r"no such kind"):
            new_local(kind)


@pytest.mark.parametrize("part", LISTS)
def test_a_list_is_long_sorted_and_of_plain_short_words(part: str) -> None:
    found = names.words(part)
    assert len(found) >= 1000
    assert found == sorted(set(found))
    assert [word for word in found if not re.fullmatch(r"[a-z]{3,8}", word)] == []


def test_no_word_is_in_both_lists() -> None:
    assert set(names.words("adjectives")).isdisjoint(names.words("nouns"))


@pytest.mark.parametrize("part", LISTS)
def test_the_file_of_a_list_has_one_word_a_line(part: str) -> None:
    with open(names.__file__.replace("names.py", f"{part}.txt"), "rb") as file:
        assert file.read() == "".join(f"{word}\n" for word in names.words(part)).encode()
