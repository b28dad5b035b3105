"""Addresses as they stand in header fields (RFC 5322 3.4 and its obsolete forms): reading a list, writing one.

Reading is kind to what is untidy, and gives nothing for what is no address: what it returns holds nothing that could
break out of a header field or an SMTP command. Not here: addresses that people type (address.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from postern.base.errors import BadInput
from postern.mail import words
from postern.mail.domain import to_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LIST_BYTES = 16 * 1024  # what follows is not read: a hostile list costs a microsecond a byte
MAX_MAILBOXES = 100  # each may become a contact, which costs a row
MAX_ADDRESS_BYTES = 254  # RFC 5321 4.5.3.1.3: a path is 256 with its < and >

_FOLD_AT = 78  # RFC 5322 2.1.1
_FIRST_LINE = _FOLD_AT - len("Reply-To: ")
_LONGEST_WORD = 60  # a longer one cannot be folded: it is written as encoded words, which can

# Blanks, controls, marks of direction and the specials of RFC 5322 3.2.3, without "." and "@".
_UNSAFE = r'\s\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"(),:;<>\[\\\]'
_LOCAL = re.compile(rf"[^{_UNSAFE}@]+|\"(?:[!#-\[\]-~ ]|\\[ -~])*\"")
_HOST = re.compile(rf"[^{_UNSAFE}@]+|\[[0-9A-Za-z.:]+\]")
_TOKEN = re.compile(
    r"""(?P<encoded>=\?[!->@-~]{1,64}\?[BbQq]\?[^?\s"<>]*\?=)
      | (?P<word>\[(?:IPv6:)?[0-9A-Fa-f:.]+\] | \\. | [^\s"\\(),:;<>@]+)
      | (?P<blank>\s+)
      | (?P<special>.)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTED = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
MAX_KNOWN_BYTES = 512
"""Of a value that is not read anew each time: one message asks several times, and many messages have the same."""

_COMMENT_MARK = re.compile(r"[()]|\\.", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ATOMS = re.compile(rf"[^{_UNSAFE}@]+")


@dataclass(frozen=True)
class Mailbox:
    """One entry of a list, as found: the name decoded and cleaned, maybe empty; the address as written."""

    name: str
    address: str


def is_usable(address: str) -> bool:
    """Can it stand in an envelope and in a header without harm? Not asked: could it exist?"""
    local, _, domain = address.rpartition("@")
    try:
        size = len(address.encode("utf-8"))
    except UnicodeEncodeError:
        return False
    return size <= MAX_ADDRESS_BYTES and bool(_LOCAL.fullmatch(local) and _HOST.fullmatch(domain))


def parse_list(value: bytes) -> list[Mailbox]:
    """Every usable address of a field's value, in order. Never raises."""
    return list(_known(value)) if len(value) <= MAX_KNOWN_BYTES else _parsed(value)


@lru_cache(maxsize=64)
def _known(value: bytes) -> tuple[Mailbox, ...]:
    return tuple(_parsed(value))


def _parsed(value: bytes) -> list[Mailbox]:
    if len(value) > MAX_LIST_BYTES:
        value = value[:MAX_LIST_BYTES].rpartition(b",")[0]  # half an address is another address
    reader = _Reader()
    for kind, text in _tokens(words.to_text(value)):
        reader.take(kind, text)
        if len(reader.found) >= MAX_MAILBOXES:
            break
    reader.finish()
    return reader.found


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """(kind, text): word, encoded, quoted (without quotes), comment, blank, or the special itself."""
    at = 0
    comments_end = True
    while at < len(text):
        token = _TOKEN.match(text, at)
        assert token is not None
        kind, found, end = token.lastgroup or "", token[0], token.end()
        if found == '"':
            # One that does not end is taken for a blank; no quote can follow it.
            quoted = _QUOTED.match(text, at)
            kind, found, end = ("quoted", quoted[1], quoted.end()) if quoted else ("blank", " ", end)
        elif found == "(":
            # The same; but others may follow, and are not searched to the end each.
            close = _comment_end(text, at) if comments_end else 0
            comments_end = close > 0
            kind, found, end = ("comment", text[at + 1 : close - 1], close) if close else ("blank", " ", end)
        elif kind == "special":
            kind = found
        yield kind, _ESCAPED.sub(r"\1", found) if kind in ("quoted", "comment") else found
        at = end


def _comment_end(text: str, start: int) -> int:
    """Behind the parenthesis that closes the one at `start`; 0 when none does."""
    depth = 0
    for mark in _COMMENT_MARK.finditer(text, start):
        depth += {"(": 1, ")": -1}.get(mark[0], 0)
        if depth == 0:
            return mark.end()
    return 0


class _Reader:
    """Builds mailboxes token by token."""

    def __init__(self) -> None:
        self.found: list[Mailbox] = []
        self._clear()

    def _clear(self) -> None:
        self.plain: list[tuple[str, str]] = []
        self.angle: list[tuple[str, str]] | None = None
        self.inside = False
        self.comment = ""

    def take(self, kind: str, text: str) -> None:
        if kind == "comment":
            self.comment = text
            kind, text = "blank", " "
        if kind == "<":
            self._open()
        elif kind == ">":
            self.inside = False
        elif kind == ":":
            self._colon()
        elif kind == ";" or (kind == "," and not self._in_route()):
            self.finish()
        elif self.inside and self.angle is not None:
            self.angle.append((kind, text))
        else:
            self.plain.append((kind, text))

    def _open(self) -> None:
        if self.angle and not self.inside:
            self.finish()  # "<a@b> <c@d>": somebody forgot the comma
        self.angle, self.inside = [], True

    def _colon(self) -> None:
        # Inside <> a route ends (RFC 5321 appendix C), outside a group begins.
        if self.inside:
            self.angle = []
        else:
            self._clear()

    def _in_route(self) -> bool:
        return self.inside and bool(self.angle) and self.angle is not None and self.angle[0][0] == "@"

    def finish(self) -> None:
        """The mailbox ends here; what makes none is dropped."""
        if self.angle is not None:
            runs = _runs(self.angle)
            address, name = _spec(runs[0]) if len(runs) == 1 else "", _phrase(self.plain)
        else:
            address, name = _bare(self.plain)
        if is_usable(address):
            self.found.append(Mailbox(words.clean(words.decode(name or self.comment)), address))
        self._clear()


def _runs(items: list[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Items cut at blanks, but not at those beside a dot or an @ (obsolete syntax allows them there)."""
    runs: list[list[tuple[str, str]]] = []
    apart = True
    for kind, text in items:
        joint = kind != "quoted" and bool(runs)
        if kind == "blank":
            apart = apart or not (runs[-1][-1][0] != "quoted" and runs[-1][-1][1].endswith((".", "@")))
            continue
        if apart and not (joint and text.startswith((".", "@"))):
            runs.append([])
        runs[-1].append((kind, text))
        apart = False
    return runs


def _spec(run: list[tuple[str, str]]) -> str:
    """The run as an address; a quoted local part keeps its quotes where it needs them."""
    out = []
    for kind, text in run:
        out.append(_quote(text) if kind == "quoted" and not _ATOMS.fullmatch(text) else text)
    return "".join(out)


def _quote(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _phrase(items: list[tuple[str, str]]) -> str:
    return "".join(text for _, text in items)


def _bare(items: list[tuple[str, str]]) -> tuple[str, str]:
    """(address, name) of a mailbox without <>: the name may stand before or behind it, against the RFC."""
    address, rest = "", []
    for run in _runs(items):
        if not address and ("@", "@") in run:
            address = _spec(run)
        else:
            rest.append(_phrase(run))
    return address, " ".join(rest)


def format_mailbox(name: str, address: str) -> bytes:
    """One mailbox as a header value, folded. BadInput when the address is none: it is never mended."""
    if not is_usable(address):
        raise BadInput(
            "An address for a header field is none.",
            "Give local@domain, without blanks or control characters.",
        )
    local, _, domain = address.rpartition("@")
    where = f"{local}@{to_ascii(domain) or domain}"
    shown = words.clean(name)
    if not shown:
        return where.encode("utf-8")
    pieces = _quote(shown).split(" ")
    # "=?" in a quoted name: many readers would decode it.
    if not shown.isascii() or "=?" in shown or max(map(len, pieces)) > _LONGEST_WORD:
        pieces = words.encode(shown)
    return _folded([*pieces, f"<{where}>"]).encode("utf-8")


def _folded(pieces: list[str]) -> str:
    lines = [pieces[0]]
    room = _FIRST_LINE
    for piece in pieces[1:]:
        if len(lines[-1]) + 1 + len(piece) > room:
            lines.append("")
            room = _FOLD_AT
        lines[-1] += " " + piece
    return "\r\n".join(lines)
