"""Random local parts for aliases, by kind. Nothing about the user is in them.

words        amber.otter72: an adjective, a noun, two digits. Easy to say and to spell; 26 bits. Two aliases of a domain
             may well meet: at some 8,000 of them the odds are even. Whoever makes one tries again on a Conflict.
characters   k7mf3xw9qd: ten letters and digits, a letter first; 47 bits. No vowels, so that no word comes about.
uuid         a random UUID (RFC 9562 5.4); 122 bits.

Look-alikes are left out: 0 and 1 everywhere, l among characters. The words are our own choice, one a line in adjectives.txt
and nouns.txt: lower-case ASCII, three to eight letters, no people, no bodies, no slurs, no spelling that differs by country.

No kind can make a reserved name, a reverse address or a bounce address: tests/mail/test_names.py proves it by form.
"""

from __future__ import annotations

import os
import secrets

from postern.base.errors import BadInput

WORDS, CHARACTERS, UUID = "words", "characters", "uuid"
KINDS = (WORDS, CHARACTERS, UUID)

DIGITS = "23456789"
LETTERS = "bcdfghjkmnpqrstvwxyz"
CHARACTER_COUNT = 10


def new_local(kind: str) -> str:
    """A new local part of this kind. BadInput when there is no such kind."""
    if kind == WORDS:
        return f"{_word('adjectives')}.{_word('nouns')}{_pick(DIGITS, 2)}"
    if kind == CHARACTERS:
        return _pick(LETTERS, 1) + _pick(LETTERS + DIGITS, CHARACTER_COUNT - 1)
    if kind == UUID:
        import uuid  # Python 3.9 brings subprocess along with it

        return str(uuid.uuid4())
    raise BadInput("There is no such kind of alias.", f"Choose one of: {', '.join(KINDS)}.")


def new_ending() -> str:
    """`.otter72`: what makes a name that somebody chose hard to guess, 16 bits of it."""
    return f".{_word('nouns')}{_pick(DIGITS, 2)}"


def _pick(alphabet: str, count: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(count))


def _word(part: str) -> str:
    return secrets.choice(words(part))


def words(part: str) -> list[str]:
    """The list of "adjectives" or of "nouns", read from the file beside this one."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), f"{part}.txt")
    with open(path, encoding="ascii") as file:
        return file.read().split()
