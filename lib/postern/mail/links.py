"""The links that mailing lists put into a header block (RFC 2369), and the one click that unsubscribes (RFC 8058).

A mailto: link makes the reader's program write from the mailbox behind the alias. So each becomes a link to a reverse address,
or is taken out. Links to the web stay: opening one tells no address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail.address import format_mailbox, normalise
from postern.mail.address_list import is_usable
from postern.mail.words import to_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.mail.header import Field, HeaderBlock

MAX_LINKS = 5  # that may become contacts
MAX_READ = 6  # fields; RFC 2369 has six, each once

FIELDS = frozenset(
    (b"list-unsubscribe", b"list-subscribe", b"list-post", b"list-help", b"list-owner", b"list-archive")
)

_LINK = re.compile(rb"<([^<>]+)>")
_MAILTO = re.compile(rb"mailto:([^?]{1,500})\??([!-~]{0,300})", re.IGNORECASE)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_URL = re.compile(r"https?://[!-;=?-~]{1,900}")


@dataclass(frozen=True)
class Unsubscribe:
    """What becomes of the links. `reverse`: by the normalised address of a mailto: link; a link to any other is taken out.

    `url`: ours, one click, for mail whose sender gives no way to unsubscribe; may be empty.
    """

    reverse: Mapping[str, str]
    url: str = ""


def links_of(block: HeaderBlock) -> list[str]:
    """The addresses that mailto: links lead to: at most MAX_LINKS, each once, normalised."""
    fields = [field for field in block.fields if field.name.lower() in FIELDS][:MAX_READ]
    links = [_mailto(link) for field in fields for link in _LINK.findall(_without_blanks(field))]
    return list(dict.fromkeys([link[0] for link in links if link]))[:MAX_LINKS]


def rewritten(field: Field, plan: Unsubscribe) -> list[bytes]:
    """The field with its links rewritten: byte for byte where none is a mailto:, nothing where none is left."""
    value = _without_blanks(field)
    if b"mailto:" not in value.lower():
        return [field.raw]
    links = []
    for link in _LINK.findall(value):
        found = _mailto(link)
        if found and found[0] in plan.reverse:
            links.append(b"<mailto:" + format_mailbox("", plan.reverse[found[0]]) + found[1] + b">")
        elif b"mailto:" not in link.lower():
            links.append(b"<" + link + b">")
    return [field.name + b": " + b",\r\n ".join(links)] if links else []


def gives_unsubscribe(block: HeaderBlock, plan: Unsubscribe) -> bool:
    """Is a link to unsubscribe left of the sender's?"""
    fields = block.all(b"List-Unsubscribe")
    return any(_LINK.search(raw) for field in fields for raw in rewritten(field, plan))


def one_click(url: str) -> list[bytes]:
    """The two fields for our own URL."""
    if not _URL.fullmatch(url):
        raise ValueError("the URL for List-Unsubscribe is none")
    return [
        b"List-Unsubscribe: <" + url.encode("ascii") + b">",
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    ]


def _mailto(link: bytes) -> tuple[str, bytes] | None:
    """(normalised address, what is left of the query) of a link to one address (RFC 6068); None for any other link."""
    match = _MAILTO.fullmatch(link)
    if match is None:
        return None
    address = to_text(_PERCENT.sub(lambda code: bytes.fromhex(code[1].decode("ascii")), match[1]))
    if not is_usable(address):
        return None
    # Others, such as bcc=, would lead the mail to more people.
    query = [part for part in match[2].split(b"&") if part.lower().startswith((b"subject=", b"body="))]
    return normalise(address), b"?" + b"&".join(query) if query else b""


def _without_blanks(field: Field) -> bytes:
    """RFC 2369 2: blanks inside a link are to be ignored."""
    return b"".join(field.value.split())
