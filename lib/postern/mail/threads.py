"""Message ids in In-Reply-To and References (RFC 5322 3.6.4): found, and changed for others without touching the rest."""

from __future__ import annotations

import re
from dataclasses import replace

from postern.mail.header import Field, HeaderBlock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_IDS = 100
_NAMES = (b"in-reply-to", b"references")
_ID = re.compile(rb"<[!-;=?-~]{1,900}>")


def find(value: bytes) -> list[bytes]:
    """The ids in a field's value, in order."""
    return _ID.findall(value)


def own_of(block: HeaderBlock) -> list[bytes]:
    """The message's own id; none when it has no usable one."""
    field = block.first(b"Message-ID")
    return find(field.value)[:1] if field else []


def ids_of(block: HeaderBlock) -> list[bytes]:
    """The ids that these fields name, with their angle brackets, each once, at most MAX_IDS."""
    found: dict[bytes, None] = {}
    for field in block.fields:
        if field.name.lower() in _NAMES:
            found.update(dict.fromkeys(find(field.value)))
    return list(found)[:MAX_IDS]


def changed(block: HeaderBlock, others: Mapping[bytes, bytes]) -> HeaderBlock:
    """The block with these ids put in place of those; nothing else in it moves."""
    if not others:
        return block
    return replace(block, fields=tuple(_changed(field, others) for field in block.fields))


def _changed(field: Field, others: Mapping[bytes, bytes]) -> Field:
    if field.name.lower() not in _NAMES:
        return field
    return replace(field, raw=_ID.sub(lambda found: others.get(found[0], found[0]), field.raw))
