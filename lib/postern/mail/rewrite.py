"""The header block that a forwarded message gets: From on our domain, everything else as the sender wrote it.

From shows the sender and carries the contact's reverse address; so the mail passes DMARC, which looks at From alone,
and an answer comes back here. What would lead an answer or a receipt past us, what no longer holds (signatures) and what
others could forge (results of checks) is dropped. Where the plan says so, reverse addresses also stand for the other people in
To and Cc and in the `mailto:` links of lists: a "reply to all" or an "unsubscribe" would leave from the user's own mailbox.
All other fields stay byte for byte, in order. New ones stand on top: `X-Postern-Alias` tells the user which alias was written
to, `Postern-Loop` tells us that the message was here before, `X-Postern-Auth` says what the receiver found out.
Not here: who the contacts are and what the loop mark says (flow/letter.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail import links
from postern.mail.address import Mailbox, format_mailbox, is_bounce, is_reverse, normalise, parse_list
from postern.mail.address_list import MAX_LIST_BYTES, MAX_MAILBOXES
from postern.mail.header import HeaderBlock
from postern.mail.words import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from postern.mail.header import Field
    from postern.mail.links import Unsubscribe

MAX_REPLY_TO = 5  # each becomes a contact; mail with more is a list's, or a trap to fill the table
MAX_READ = 5  # From and Reply-To fields that are read; RFC 5322 3.6 allows one
MAX_OTHERS = 20  # people in To and Cc who become contacts
MAX_SHOWN_NAME = 64  # of the sender's name: the address behind it must stay in sight

LOOP_FIELD = b"Postern-Loop"
ALIAS_FIELD = b"X-Postern-Alias"
AUTH_FIELD = b"X-Postern-Auth"
UNKNOWN_SENDER = "unknown sender"

_MARK = re.compile(rb"[!-~](?:[ -~]{0,898}[!-~])?")  # with its name, on a line of 998 (RFC 5322 2.1.1)
_RESULT = re.compile(r"[a-z]{1,20}")

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
ARC_FIELDS = frozenset((b"arc-authentication-results", b"arc-message-signature", b"arc-seal"))


@dataclass(frozen=True)
class Forward:
    """What the new block says. `author`: who wrote it, if known; `reply_to`: reverse addresses of those who want the answer.

    `others`: reverse addresses by the normalised address of those in To and Cc; None leaves To and Cc as they came. Who is
    neither in it nor the alias is left out.
    `unsubscribe`: None leaves the links of lists as they came. `dmarc`: the result, such as pass; empty when nobody knows.
    `keeps_arc`: the sets of ARC stay, because what is said of them goes on top (mail/arc.py).
    """

    alias: str
    author: Mailbox | None
    author_reverse: str | None
    reply_to: tuple[str, ...]
    loop_mark: bytes
    others: Mapping[str, str] | None = None
    unsubscribe: Unsubscribe | None = None
    dmarc: str = ""
    keeps_arc: bool = False


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


def others_of(block: HeaderBlock, own: Container[str]) -> list[Mailbox]:
    """Who else got it by To and Cc: at most MAX_OTHERS, each once. `own`: the normalised addresses that are the user's.

    An address of the form of our reverse or bounce addresses is nobody to write to.
    """
    found: dict[str, Mailbox] = {}
    for field in (*block.all(b"To")[:MAX_READ], *block.all(b"Cc")[:MAX_READ]):
        for mailbox in parse_list(field.value):
            key = normalise(mailbox.address)
            local = key.rpartition("@")[0]
            if key not in own and not is_reverse(local) and not is_bounce(local):
                found.setdefault(key, mailbox)
    return list(found.values())[:MAX_OTHERS]


def received_count(block: HeaderBlock) -> int:
    """How many servers it passed."""
    return len(block.all(b"Received"))


def loop_marks(block: HeaderBlock) -> list[bytes]:
    """The marks that Postern put on it before, ours or another's."""
    return [field.value for field in block.all(LOOP_FIELD)]


def forward(block: HeaderBlock, plan: Forward) -> bytes:
    """The new header block, with its blank line. BadInput when the plan holds an address that is none."""
    sender = _sender(block, plan)
    gives_none = plan.unsubscribe is not None and not links.gives_unsubscribe(block, plan.unsubscribe)
    fields = _top(plan, gives_none)
    if block.first(b"From") is None:
        fields += sender
    written: set[str] = set()
    for field in block.fields:
        name = field.name.lower()
        if name == b"from":
            fields += sender
            sender = []  # RFC 5322 3.6: exactly one
        elif (plan.keeps_arc and name in ARC_FIELDS) or not _is_dropped(name, gives_none):
            fields += _kept(field, plan, written)
    return b"".join([raw + b"\r\n" for raw in fields]) + b"\r\n"


def _is_dropped(name: bytes, gives_none: bool) -> bool:
    # RFC 8058 3.1: the sender's one click means nothing without the sender's link.
    unsubscribes = name in (b"list-unsubscribe", b"list-unsubscribe-post")
    return name in _DROPPED or name.startswith(_DROPPED_BEGINNINGS) or (gives_none and unsubscribes)


def _kept(field: Field, plan: Forward, written: set[str]) -> list[bytes]:
    name = field.name.lower()
    if name in (b"to", b"cc") and plan.others is not None:
        return _recipients(field, plan.alias, plan.others, written)
    if name in links.FIELDS and plan.unsubscribe is not None:
        return links.rewritten(field, plan.unsubscribe)
    return [field.raw]


def _top(plan: Forward, gives_none: bool) -> list[bytes]:
    """The fields that are ours alone."""
    alias = format_mailbox("", plan.alias)
    fields = [LOOP_FIELD + b": " + _printable(plan.loop_mark), ALIAS_FIELD + b": " + alias]
    if plan.dmarc:
        if not _RESULT.fullmatch(plan.dmarc):
            raise ValueError("the result of DMARC is one word")
        fields.append(AUTH_FIELD + b": dmarc=" + plan.dmarc.encode("ascii"))
    if gives_none and plan.unsubscribe and plan.unsubscribe.url:
        fields += links.one_click(plan.unsubscribe.url)
    return fields


def _recipients(field: Field, alias: str, others: Mapping[str, str], written: set[str]) -> list[bytes]:
    """To or Cc with reverse addresses. `written`: who stands in it or in one before; nobody stands there twice.

    Those for whom there is none are left out, and the last entry says how many they are.
    """
    found = parse_list(field.value)
    more = len(field.value) > MAX_LIST_BYTES or len(found) >= MAX_MAILBOXES
    own = normalise(alias)
    if not more and all(normalise(mailbox.address) == own for mailbox in found):
        return [field.raw]
    entries, left_out = [], 0
    for mailbox in found:
        key = normalise(mailbox.address)
        if key in written:
            continue
        written.add(key)
        if key == own:
            entries.append(format_mailbox(mailbox.name, mailbox.address))
        elif key in others:
            entries.append(format_mailbox(shown_name(mailbox), others[key]))
        else:
            left_out += 1
    if left_out or more:
        count = "many others" if more else "1 other" if left_out == 1 else f"{left_out} others"
        entries.append(format_mailbox(f"and {count}", alias))
    return [field.name + b": " + b",\r\n ".join(entries)] if entries else []


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
