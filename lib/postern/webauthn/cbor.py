"""CBOR (RFC 8949) as authenticators write it: the CTAP2 canonical form, which WebAuthn 2.4 asks readers to insist on.

Refused are numbers and lengths not in their shortest form, lengths left open, tags, floating point, `undefined`, keys other
than numbers and texts, a key that comes twice, more than MAX_DEPTH levels, more than MAX_BYTES. Time is linear in the input.

The order of keys is let be: nothing here depends on it, since signatures are over the bytes as they came, and there are
TPMs whose attestation statements are not sorted.

A value is an int, bytes, str, list, dict, bool or None. Not here: what any of them means.
"""

from __future__ import annotations

from postern.webauthn.refused import unreadable

MAX_BYTES = 65_536
MAX_DEPTH = 8
"""CTAP2 allows four; WebAuthn's own attestation object puts a compound statement one level deeper."""

_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)  # RFC 8949 3.1
_SIMPLE_VALUES = {20: False, 21: True, 22: None}
_LENGTHS = {24: 1, 25: 2, 26: 4, 27: 8}  # additional information -> bytes of the number that follows
_LEAST = {1: 24, 2: 1 << 8, 4: 1 << 16, 8: 1 << 32}  # what does not fit into fewer bytes


def decode(data: bytes) -> object:
    """The one value that the bytes are. Refused, also when something stands behind it."""
    value, length = decode_first(data)
    if length != len(data):
        raise unreadable("something stands behind its end")
    return value


def decode_first(data: bytes) -> tuple[object, int]:
    """The value that the bytes begin with, and how many of them it takes. Refused."""
    if len(data) > MAX_BYTES:
        raise unreadable("it is too long")
    reader = _Reader(data)
    return reader.value(0), reader.at


class _Reader:
    """Where reading is. It calls itself once a level, so MAX_DEPTH bounds that."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def value(self, depth: int) -> object:
        kind, number = self._head()
        if kind == _UNSIGNED:
            return number
        if kind == _NEGATIVE:
            return -1 - number
        if kind == _BYTES:
            return self._take(number)
        if kind == _TEXT:
            return self._text(number)
        if kind == _SIMPLE and number in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[number]
        if kind not in (_ARRAY, _MAP):
            raise unreadable("it holds a kind of value that no passkey sends")
        if depth == MAX_DEPTH:
            raise unreadable("it is nested too deep")
        if kind == _MAP:
            return self._map(number, depth + 1)
        return [self.value(depth + 1) for _ in range(number)]

    def _head(self) -> tuple[int, int]:
        """The kind of a value, and its number: what it is, or how long it is."""
        first = self._take(1)[0]
        kind, number = first >> 5, first & 31
        if number < 24:
            return kind, number
        if number not in _LENGTHS:
            raise unreadable("a length is left open")
        length = _LENGTHS[number]
        number = int.from_bytes(self._take(length), "big")
        if number < _LEAST[length]:
            raise unreadable("a number is not in its shortest form")
        return kind, number

    def _map(self, count: int, depth: int) -> dict[int | str, object]:
        found: dict[int | str, object] = {}
        for _ in range(count):
            key = self.value(depth)
            if isinstance(key, bool) or not isinstance(key, (int, str)):
                raise unreadable("a key is neither a number nor a text")
            if key in found:
                raise unreadable("a key comes twice")
            found[key] = self.value(depth)
        return found

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise unreadable("a text is not UTF-8") from None

    def _take(self, length: int) -> bytes:
        taken = self.data[self.at : self.at + length]
        if len(taken) != length:
            raise unreadable("it is cut off")
        self.at += length
        return taken
