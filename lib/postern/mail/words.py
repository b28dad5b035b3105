"""Text in header fields: encoded words (RFC 2047), and what may not stand in a name.

Owns: reading text that holds encoded words, writing a name as encoded words, and `clean`, through which every
name goes on its way in and on its way out. An encoded word can hide CR and LF: so names are cleaned after decoding.
"""

from __future__ import annotations

import binascii
import re

MAX_NAME = 400  # characters: a name, " - " and the longest address (254) fit; nobody's name is longer

# UTF-8 bytes in one encoded word. 52 letters of base64 and 12 around them: it fits on a line of 78 behind "Reply-To: ".
_WORD_BYTES = 39

_PLAIN_LINE = 66  # characters that fit behind "Subject: " on a line (RFC 5322 2.1.1)

# Charsets that mail uses. Others are read as UTF-8: Python's registry also knows codecs that take square time (idna, punycode).
_CHARSETS = re.compile(
    r"utf-?8|(?:us-)?ascii|iso-?8859-?\d{1,2}|latin-?\d|windows-\d{3,4}|cp-?\d{3,4}|koi8-[rtu]|gb2312|gbk|gb18030"
    r"|big5(?:-?hkscs)?|euc-?(?:jp|kr)|iso-2022-(?:jp|kr)(?:-\d)?|shift[_-]?jis|ks_c_5601-1987|tis-620|macintosh",
    re.ASCII | re.IGNORECASE,
)
# Blanks inside are against the RFC and common. No other word can begin before its second "?", so a failed try costs little.
_WORD = re.compile(r"=\?([!->@-~]{1,64})\?([BbQq])\?([^?]*)\?=")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")

_HARMFUL: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029), " "),
    # Overrides of the writing direction: they make evil.example look like another address.
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF)),
}


def clean(text: str, limit: int = MAX_NAME) -> str:
    """The text as one line without control characters, single blanks, at most `limit` characters."""
    plain = text.encode("utf-8", "replace").decode("utf-8").translate(_HARMFUL)
    line = " ".join(plain.split())
    return line if len(line) <= limit else line[: limit - 3].rstrip() + "..."


def to_text(raw: bytes) -> str:
    """Raw bytes of a header as text: UTF-8 (RFC 6532), else latin-1, which never fails."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def decode(text: str) -> str:
    """The text with its encoded words read. Not cleaned: they may hold anything."""
    out: list[str] = []
    position, charset, held = 0, "", bytearray()
    for word in _WORD.finditer(text):
        gap = text[position : word.start()]
        # RFC 2231 5: a language may follow the charset.
        name = word[1].partition("*")[0].lower()
        # RFC 2047 6.2: blanks between two words are no text. Some senders cut a character in two there: bytes are joined first.
        follows = position > 0 and not gap.strip()
        if not follows or name != charset:
            out.append(_charset_text(charset, bytes(held)))
            held.clear()
        if not follows:
            out.append(gap)
        held += _payload(word[2], word[3])
        position, charset = word.end(), name
    out.append(_charset_text(charset, bytes(held)))
    out.append(text[position:])
    return "".join(out)


def _payload(encoding: str, payload: str) -> bytes:
    raw = payload.encode("utf-8", "replace")
    if encoding in "Qq":
        return binascii.a2b_qp(raw, header=True)
    letters = _NOT_BASE64.sub(b"", raw)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))


def unstructured(line: str) -> bytes:
    """One cleaned line of text as a field's value, Subject's for one, folded."""
    if line.isascii() and "=?" not in line and len(line) <= _PLAIN_LINE:
        return line.encode("ascii")
    return "\r\n ".join(encode(line)).encode("ascii")


def _charset_text(charset: str, data: bytes) -> str:
    if charset not in ("utf-8", "utf8", "") and _CHARSETS.fullmatch(charset):
        try:
            return data.decode(charset, "replace")
        except LookupError:
            pass
    return to_text(data)


def encode(name: str) -> list[str]:
    """The name as encoded words, to be put one behind the other with blanks or folds between."""
    words: list[bytes] = [b""]
    for character in name:
        piece = character.encode("utf-8")
        # RFC 2047 5: a word holds whole characters.
        if len(words[-1]) + len(piece) > _WORD_BYTES:
            words.append(b"")
        words[-1] += piece
    return [f"=?utf-8?b?{binascii.b2a_base64(word, newline=False).decode('ascii')}?=" for word in words]
