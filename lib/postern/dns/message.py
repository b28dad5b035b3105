"""DNS messages (RFC 1035): the query, and what an answer says.

A name is text here: labels in lower case with dots between and none at the end; a byte that no host name holds stands as
\\DDD (RFC 1035 5.1), so that two names are the same when their texts are. The root is empty.

An answer is hostile bytes. A compressed name may only point back, each pointer behind the one before, and neither names
nor records can be many: reading takes time linear in the answer. All after the answer section is left unread.

Not here: how messages travel (dns.doh), other record types, DNSSEC (the resolver that is asked validates).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from postern.base.errors import BadInput

CNAME, MX, TXT = 5, 15, 16
"""RFC 1035 3.2.2."""

MAX_BYTES = 65_535  # RFC 8484 6
MAX_RECORDS = 1000  # a thousand TXT records of 50 bytes fill an answer
MAX_CNAMES = 16  # in a row; resolvers follow about as many

_IN = 1
_HEADER = struct.Struct(">6H")  # id, flags, then how many questions, answers, authorities, additional
_TYPE_CLASS = struct.Struct(">2H")
_RECORD = struct.Struct(">2HIH")  # type, class, time to live, length of the data
_QUERY_FLAGS = 0x0100  # recursion desired
_IS_ANSWER, _OPCODE, _TRUNCATED, _CODE = 0x8000, 0x7800, 0x0200, 0x000F
_NO_SUCH_NAME = 3
_CODES = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED"}

_MAX_NAME = 255  # bytes on the wire, RFC 1035 2.3.4
_MAX_POINTERS = 127  # no name has more labels
_LABEL = re.compile(r"[a-z0-9_-]{1,63}", re.ASCII)
_STRANGE = re.compile(rb"[^a-z0-9_-]")


class Unusable(Exception):
    """These bytes are no answer to the question. The message says why, in words an operator can read."""


@dataclass(frozen=True)
class Record:
    """`text` is what a TXT record says, its strings joined, or the name that an MX or CNAME record points to."""

    owner: str
    kind: int
    text: str
    preference: int = 0


def query(name: str, kind: int) -> bytes:
    """The question for all records of a kind. Its id is 0 (RFC 8484 4.1). BadInput when there can be no such name."""
    return _HEADER.pack(0, _QUERY_FLAGS, 1, 0, 0, 0) + _question(name, kind)


def read(answer: bytes, name: str, kind: int) -> list[Record]:
    """The records asked for, behind all CNAMEs; none when the name, or the kind of record at it, is not there. Unusable."""
    message = _Message(answer)
    code, count = _head(message)
    asked = message.name(), *message.unpack(_TYPE_CLASS)
    if asked != (_plain(name), kind, _IN):
        raise Unusable("it answers another question")
    if code == _NO_SUCH_NAME:
        return []
    records = [record for record in (_record(message) for _ in range(count)) if record]
    owner = asked[0] if kind == CNAME else _follow(records, asked[0])
    return [record for record in records if (record.owner, record.kind) == (owner, kind)]


def _plain(name: str) -> str:
    return name.lower().removesuffix(".")


def _question(name: str, kind: int) -> bytes:
    labels = _plain(name).split(".")
    # lower() makes ASCII letters out of a few others, such as the Kelvin sign.
    if not name.isascii() or len(name) > _MAX_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise _no_name()
    wire = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"
    if len(wire) > _MAX_NAME:
        raise _no_name()
    return wire + _TYPE_CLASS.pack(kind, _IN)


def _no_name() -> BadInput:
    return BadInput(
        "This is no domain name.",
        "Give one like example.com; other letters than a to z stand in it as xn--….",
    )


class _Message:
    """The bytes of an answer, read from the front."""

    def __init__(self, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            raise Unusable("its answer is longer than 64 KiB")
        self._data = data
        self.at = 0

    def take(self, length: int) -> bytes:
        self.at += length
        if self.at > len(self._data):
            raise Unusable("its answer is cut off")
        return self._data[self.at - length : self.at]

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def name(self) -> str:
        """A name, compressed or not (RFC 1035 4.1.4)."""
        labels: list[bytes] = []
        size, begin, pointers, behind = 1, self.at, 0, -1
        while True:
            length = self.take(1)[0]
            if length == 0:
                break
            if length < 64:
                labels.append(self.take(length))
                size += 1 + length
            else:
                target = (length & 0x3F) << 8 | self.take(1)[0]
                behind = self.at if pointers == 0 else behind
                pointers += 1
                if length < 192 or target >= begin or pointers > _MAX_POINTERS:
                    raise Unusable("its answer holds a name without end")
                self.at = begin = target
            if size > _MAX_NAME:
                raise Unusable("its answer holds an over-long name")
        self.at = behind if pointers else self.at
        return ".".join(_label_text(label) for label in labels)


def _label_text(label: bytes) -> str:
    return _STRANGE.sub(lambda found: b"\\%03d" % found[0][0], label.lower()).decode("ascii")


def _head(message: _Message) -> tuple[int, int]:
    """The code (0 or _NO_SUCH_NAME) and the number of answers."""
    number, flags, questions, answers, *_ = message.unpack(_HEADER)
    if number != 0 or not flags & _IS_ANSWER or flags & _OPCODE or questions != 1:
        raise Unusable("it answers another question")
    code = flags & _CODE
    if code not in (0, _NO_SUCH_NAME):
        raise Unusable(f"it says {_CODES.get(code, f'error {code}')}")
    if flags & _TRUNCATED:
        raise Unusable("its answer is cut off")
    if answers > MAX_RECORDS:
        raise Unusable(f"its answer has more than {MAX_RECORDS} records")
    return code, answers


def _record(message: _Message) -> Record | None:
    """The next record; None when it is of no kind that we read."""
    owner = message.name()
    kind, kind_class, _, length = message.unpack(_RECORD)
    begin, preference, text = message.at, 0, ""
    if kind_class != _IN or kind not in (CNAME, MX, TXT):
        message.take(length)
        return None
    if kind == TXT:
        text = _strings(message.take(length))
    else:
        if kind == MX:
            preference = int.from_bytes(message.take(2), "big")
        text = message.name()
    if message.at != begin + length:
        raise Unusable("its answer holds a broken record")
    return Record(owner, kind, text, preference)


def _strings(data: bytes) -> str:
    """The character-strings of a TXT record in one (RFC 7208 3.3 joins them so)."""
    parts, at = [], 0
    while at < len(data):
        end = at + 1 + data[at]
        parts.append(data[at + 1 : end])
        at = end
    if at != len(data) or not parts:
        raise Unusable("its answer holds a broken record")
    return b"".join(parts).decode("ascii", "replace")


def _follow(records: list[Record], name: str) -> str:
    """Where the CNAMEs lead from this name."""
    targets: dict[str, str] = {}
    for record in records:
        if record.kind == CNAME:
            targets.setdefault(record.owner, record.text)
    for _ in range(MAX_CNAMES + 1):
        if name not in targets:
            return name
        name = targets[name]
    raise Unusable("its answer holds aliases without end")
