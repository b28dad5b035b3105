"""The header block that a forwarded message gets: From on our domain, everything else as the sender wrote it.

From shows the sender and carries the contact's reverse address; so the mail passes DMARC, which looks at From alone,
and an answer comes back here. What would lead an answer or a receipt past us, what no longer holds (signatures) and what
others could forge (results of checks) is dropped. All other fields stay byte for byte, in order.
Two new fields stand on top: `X-Postern-Alias` tells the user which alias was written to, `Postern-Loop` tells us that the
message was here before.
Not here: who the contacts are and what the loop mark says (flow/deliver.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail.address import Mailbox, format_mailbox, normalise, parse_list
from postern.mail.header import HeaderBlock
from postern.mail.words import clean

MAX_REPLY_TO = 5  # each becomes a contact; mail with more is a list's, or a trap to fill the table
MAX_READ = 5  # From and Reply-To fields that are read; RFC 5322 3.6 allows one
MAX_SHOWN_NAME = 64  # of the sender's name: the address behind it must stay in sight

LOOP_FIELD = b"Postern-Loop"
ALIAS_FIELD = b"X-Postern-Alias"
UNKNOWN_SENDER = "unknown sender"

_MARK = re.compile(rb"[!-~](?:[ -~]{0,898}[!-~])?")  # with its name, on a line of 998 (RFC 5322 2.1.1)

_DROPPED = frozenset(
    (
        # Who else got it; it should never have left the sender.
        *(b"bcc", b"resent-bcc"),
        # They lead an answer, a bounce or a receipt past the reverse address: the user's mailbox would show.
        *(b"reply-to", b"mail-reply-to", b"mail-followup-to", b"return-path", b"sender", b"errors-to"),
        *(b"disposition-notification-to", b"return-receipt-to", b"x-confirm-reading-to"),
        # From changes, so they cannot hold any more, and some receivers count a broken signature against us.
        *(b"dkim-signature", b"domainkey-signature", b"x-google-dkim-signature"),
        # Said to the server before us; further on anybody could have written them (RFC 8601 5).
        *(b"authentication-results", b"received-spf"),
        LOOP_FIELD.lower(),
    )
)
_DROPPED_BEGINNINGS = (b"arc-", b"resent-", b"x-postern-")


@dataclass(frozen=True)
class Forward:
    """What the new block says. `author`: who wrote it, if known; `reply_to`: reverse addresses of those who want the answer."""

    alias: str
    author: Mailbox | None
    author_reverse: str | None
    reply_to: tuple[str, ...]
    loop_mark: bytes


def author_of(block: HeaderBlock) -> Mailbox | None:
    """The first usable address in From."""
    for field in block.all(b"From")[:MAX_READ]:
        found = parse_list(field.value)
        if found:
            return found[0]
    return None


def reply_to_of(block: HeaderBlock) -> list[Mailbox]:
    """Who wants the answer beside the author: at most MAX_REPLY_TO, each once."""
    wanted = _wanted(block)
    author = author_of(block)
    if author is not None:
        wanted.pop(normalise(author.address), None)
    return list(wanted.values())[:MAX_REPLY_TO]


def _wanted(block: HeaderBlock) -> dict[str, Mailbox]:
    """The entries of Reply-To by their look-up key."""
    wanted: dict[str, Mailbox] = {}
    for field in block.all(b"Reply-To")[:MAX_READ]:
        for mailbox in parse_list(field.value):
            wanted.setdefault(normalise(mailbox.address), mailbox)
    return wanted


def received_count(block: HeaderBlock) -> int:
    """How many servers it passed."""
    return len(block.all(b"Received"))


def loop_marks(block: HeaderBlock) -> list[bytes]:
    """The marks that Postern put on it before, ours or another's."""
    return [field.value for field in block.all(LOOP_FIELD)]


def forward(block: HeaderBlock, plan: Forward) -> bytes:
    """The new header block, with its blank line. BadInput when the plan holds an address that is none."""
    sender = _sender(block, plan)
    alias = format_mailbox("", plan.alias)
    fields = [LOOP_FIELD + b": " + _printable(plan.loop_mark), ALIAS_FIELD + b": " + alias]
    if block.first(b"From") is None:
        fields += sender
    for field in block.fields:
        name = field.name.lower()
        if name == b"from":
            fields += sender
            sender = []  # RFC 5322 3.6: exactly one
        elif name not in _DROPPED and not name.startswith(_DROPPED_BEGINNINGS):
            fields.append(field.raw)
    return b"".join([raw + b"\r\n" for raw in fields]) + b"\r\n"


def _sender(block: HeaderBlock, plan: Forward) -> list[bytes]:
    """From, and Reply-To where somebody can be answered."""
    if plan.author is None:
        return [b"From: " + format_mailbox(UNKNOWN_SENDER, plan.alias)]
    found = [b"From: " + format_mailbox(shown_name(plan.author), plan.author_reverse or plan.alias)]
    answers = _answers(block, plan)
    if answers:
        found.append(b"Reply-To: " + b",\r\n ".join([format_mailbox("", address) for address in answers]))
    return found


def _answers(block: HeaderBlock, plan: Forward) -> list[str]:
    """The reverse addresses for Reply-To: the author's when the sender gave no other, or gave the author's too."""
    assert plan.author is not None
    author = normalise(plan.author.address)
    first = []
    if plan.author_reverse and (author in _wanted(block) or not plan.reply_to):
        first = [plan.author_reverse]
    return list(dict.fromkeys([*first, *plan.reply_to]))


def shown_name(author: Mailbox) -> str:
    """`Jane Doe - jane(at)example.com`: no @, since some filters take a second address in a name for a forgery."""
    address = author.address.replace("@", "(at)")
    name = clean(author.name.replace("@", "(at)"), MAX_SHOWN_NAME)
    return address if name in ("", address) else f"{name} - {address}"


def _printable(mark: bytes) -> bytes:
    if not _MARK.fullmatch(mark):
        raise ValueError("a loop mark is printable ASCII on one line")
    return mark
