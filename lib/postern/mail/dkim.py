"""DKIM-Signature (RFC 6376, RFC 8463) of a message whose body hash is known: fields and body relaxed, no l=.

What is signed: the fields that a reader sees or that decide how the message is shown or answered (RFC 6376 5.4.1). Those of
which a second one could be slipped in are named once more than they are there (oversigned, RFC 6376 8.15), so that adding one
breaks the signature. Of fields that relays add where they are missing (Date, Message-ID, To, MIME-Version) only those that
are there are signed.
No t=: a host's clock that runs ahead would make receivers doubt a signature from the future.
Not here: the body's hash and how fields are canonicalised (mail/canonical.py), the key (mail/signing_key.py).
"""

from __future__ import annotations

import base64

from postern.mail import canonical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from postern.mail.header import Field
    from postern.mail.signing_key import SigningKey

NAME = b"DKIM-Signature"

_ALWAYS = (b"from", b"reply-to", b"subject", b"cc", b"content-type", b"content-transfer-encoding")
"""Oversigned, there or not."""

_WHEN_THERE = (b"to", b"date", b"message-id", b"mime-version", b"sender")
"""Oversigned when there."""

_AS_THERE = (
    *(b"in-reply-to", b"references", b"auto-submitted"),
    *(b"list-id", b"list-post", b"list-archive", b"list-unsubscribe", b"list-unsubscribe-post"),
)
"""Signed, and a further one would do no harm. RFC 8058 4 asks for the last two."""

MOST_OF_ONE = 10
"""Of fields with one name as many are signed: a stranger may have sent thousands."""

_LINE = 72  # characters; RFC 5322 2.1.1 wants at most 78


def signature(key: SigningKey, fields: Sequence[Field], body_hash: bytes) -> bytes:
    """The field, folded, without its line end. `fields`: of the message, in order."""
    return over_message(key, NAME, ("v", "1"), fields, covered(fields), body_hash)


def over_message(
    key: SigningKey,
    name: bytes,
    first: tuple[str, str],
    fields: Sequence[Field],
    names: Sequence[bytes],
    body_hash: bytes,
) -> bytes:
    """A field that signs these fields of a message and its body: DKIM-Signature and its like (RFC 8617 4.1.2).

    `first`: the tag in which they differ.
    """
    tags = (
        first,
        ("a", key.algorithm),
        ("c", "relaxed/relaxed"),
        ("d", key.domain),
        ("s", key.selector),
        ("h", b":".join(names).decode("ascii")),
        ("bh", base64.b64encode(body_hash).decode("ascii")),
    )
    return signed(key, name, tags, selected(fields, names))


def covered(fields: Sequence[Field], extra: Sequence[bytes] = ()) -> list[bytes]:
    """The names for h=, one for each field that is signed, and one more for each that is oversigned.

    `extra`: further names, of fields that are signed as they are there.
    """
    count: dict[bytes, int] = {}
    for field in fields:
        name = field.name.lower()
        count[name] = min(count.get(name, 0) + 1, MOST_OF_ONE)
    names: list[bytes] = []
    for name in _ALWAYS:
        names += [name] * (count.get(name, 0) + 1)
    for name in _WHEN_THERE:
        names += [name] * (count[name] + 1 if name in count else 0)
    for name in (*_AS_THERE, *extra):
        names += [name] * count.get(name, 0)
    return names


def selected(fields: Sequence[Field], names: Sequence[bytes]) -> list[bytes]:
    """The fields that these names mean: of those with one name the last first (RFC 6376 5.4.2)."""
    left: dict[bytes, list[Field]] = {}
    for field in fields:
        left.setdefault(field.name.lower(), []).append(field)
    return [left[name].pop().raw for name in names if left.get(name)]


def signed(key: SigningKey, name: bytes, tags: Sequence[tuple[str, str]], raws: Sequence[bytes]) -> bytes:
    """A field with these tags and a last one, b=, that signs `raws` and the field itself (RFC 6376 3.7)."""
    unsigned = _folded(name, [*(f"{tag}={value}" for tag, value in tags), "b="])
    data = b"".join([canonical.field(raw) + b"\r\n" for raw in raws]) + canonical.field(unsigned)
    encoded = base64.b64encode(key.sign(data))
    return b"\r\n\t".join(
        [unsigned + encoded[:_LINE], *(encoded[at : at + _LINE] for at in range(_LINE, len(encoded), _LINE))]
    )


def _folded(name: bytes, tags: Sequence[str]) -> bytes:
    """The tags with semicolons, folded behind them, and h= also before its colons: all places where blanks mean nothing.

    b= begins a line, so that its value fits into the line whatever stands before it.
    """
    lines = [name.decode("ascii") + ":"]
    for number, tag in enumerate(tags):
        first, *others = tag.replace(":", "\n:").split("\n")
        for part in (f" {first}", *others):
            if len(lines[-1]) + len(part) + 1 > _LINE or first == "b=":
                lines.append(part.lstrip(" "))
            else:
                lines[-1] += part
        lines[-1] += ";" if number < len(tags) - 1 else ""
    return "\r\n\t".join(lines).encode("ascii")
