"""What a bounce says: delivery status notifications (RFC 3464), and the common ones that are written for people only.

The first come as multipart/report and are read at its top level: its fields tell. Of the others a known sentence, the address
and the status are looked for in the text, so what they give is a guess. Also known here: mail that a robot wrote (RFC 3834).
Nobody is believed: that a report is about one of our deliveries, its bounce address shows (envelope.py); and whether whoever
wrote it knows where that one went, `names` tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.mail import header, parts, words
from postern.mail.address import normalise, parse_list
from postern.mail.address_list import is_usable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from postern.mail.header import HeaderBlock

MAX_LOOKED_BYTES = 128 * 1024
"""A report says what happened first; what follows is the returned message."""

MAX_DIAGNOSTIC = 500  # characters
_MAX_TEXT = 16 * 1024  # characters of a text for people; the returned message stands behind

_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")  # RFC 3464 2.3.3, the gravest first
_STATUS = re.compile(r"(?<![\d.])([245])\.\d{1,3}\.\d{1,3}(?!\.?\d)")  # RFC 3463 2
_CODE = re.compile(r"(?<![\d.])([45])[0-5]\d(?=[ #-])")  # RFC 5321 4.2
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")  # RFC 3464 2.1, RFC 6533 4
_BLANK_LINES = re.compile(rb"\r?\n(?:[ \t]*\r?\n)+")
_TAG = re.compile(r"<[^<>]*>")
_ADDRESS = re.compile(r"[^\s<>()\[\]\",:;@]{1,64}@[^\s<>()\[\]\",:;@]{1,253}")

_ROBOTS = frozenset(("mailer-daemon", "postmaster", "mail-daemon", "mdaemon", "mail-delivery-subsystem"))
_FAILED = (
    "this is the qmail-send program",
    "this message was created automatically by mail delivery software",  # Exim
    "delivery has failed to these recipients or groups",  # Exchange
    "your message did not reach some or all of the intended recipients",  # Exchange, older ones
    "wasn't delivered to",  # Gmail
    "couldn't be delivered",  # Office 365
    "could not be delivered",  # Postfix, Amazon SES and many more
    "delivery to the following recipient failed",
    "undeliverable",
    "undelivered mail returned to sender",
    "the following addresses had permanent fatal errors",  # sendmail
    "permanent error",
)
_DELAYED = (
    "has not yet been delivered",
    "delivery is delayed",
    "will be retried",
    "will retry",
    "you do not need to resend",
)
_AUTO_REPLY_FIELDS = (
    b"X-Autoreply",
    b"X-Autorespond",
    b"X-Autoresponder",
    b"X-Mail-Autoreply",
    b"X-Vacation",
)
_SUPPRESSED = frozenset(("all", "autoreply", "oof"))
"""Of the values in MS-OXCMAIL. The others (DR, RN …) forbid receipts only, as people's mail does."""

_LIST_WORDS = frozenset(("bulk", "junk", "list", "auto_reply"))


@dataclass(frozen=True)
class Report:
    """What happened to one recipient. `action`: as in RFC 3464; `status`: as in RFC 3463, never empty.

    `recipient` and `diagnostic` are the reporter's words, cleaned, and may be empty.
    """

    action: str
    status: str
    recipient: str
    diagnostic: str

    @property
    def permanent(self) -> bool:
        """It failed, and another try would too."""
        return self.action == "failed" and self.status.startswith("5.")

    @property
    def delayed(self) -> bool:
        """It is still being tried."""
        return self.action == "delayed"


def read(block: HeaderBlock, pieces: Iterable[bytes]) -> Report | None:
    """The report that a message is; None when it is none. `pieces`: its body, of which only the beginning is read.

    Of several recipients the one that failed is told: each of our deliveries has one.
    """
    kind, parameters = parts.content_type(block)
    if kind == "multipart/report" and parameters.get("report-type", "delivery-status") != "delivery-status":
        return None
    body = beginning(pieces)
    opened = [(block, body)]
    if kind.startswith("multipart/"):
        opened = list(parts.split(body, parameters.get("boundary", "")))
    if kind == "multipart/report":
        for part, data in opened:
            if parts.content_type(part)[0] in _STATUS_TYPES:
                found = _status_part(parts.decoded(part, data))
                if found:
                    return found
    elif not _is_from_mail_system(block):
        return None
    return _told(block, _text(opened))


def is_automatic(block: HeaderBlock) -> bool:
    """Did a robot write it, or was it sent to many? Such mail is never answered (RFC 3834 2).

    Only its fields are asked: people write as postmaster, too (RFC 2142 5). An empty envelope sender is seen by the caller.
    """
    submitted = parts.word(block, b"Auto-Submitted")
    if submitted not in ("", "no") or parts.word(block, b"Precedence") in _LIST_WORDS:
        return True
    if any(block.first(name) for name in (*_AUTO_REPLY_FIELDS, b"X-Failed-Recipients", b"List-Id")):
        return True
    if _SUPPRESSED & set(
        re.split(r"[\s,;]+", parts.value(block, b"X-Auto-Response-Suppress")[:_MAX_TEXT].lower())
    ):
        return True
    return _has_null_path(block) or parts.content_type(block)[0] == "multipart/report"


def names(report: Report, body: bytes, address: str) -> bool:
    """Does it name this address (ASCII): as its recipient, or anywhere in its text and in what it returns of the message?

    A mailbox that forwards on comes back with another recipient, and its own address in a trace field.
    """
    if normalise(report.recipient) == normalise(address):
        return True
    wanted = re.escape(address.encode("ascii", "replace"))
    return re.search(rb"(?<![\w.+-])%s(?!\.?[\w-])" % wanted, body, re.IGNORECASE) is not None


def beginning(pieces: Iterable[bytes]) -> bytes:
    """As much of a body as is looked at."""
    held = bytearray()
    for piece in pieces:
        held += piece[: MAX_LOOKED_BYTES - len(held)]
        if len(held) >= MAX_LOOKED_BYTES:
            break
    return bytes(held)


def _status_part(data: bytes) -> Report | None:
    """The gravest report among the groups of fields; the first group tells about the message alone."""
    groups = [header.parse(group) for group in _BLANK_LINES.split(data.strip(b"\r\n"))]
    found = [report for report in map(_recipient_report, groups) if report]
    return min(found, key=lambda report: _ACTIONS.index(report.action), default=None)


def _recipient_report(group: HeaderBlock) -> Report | None:
    said = parts.value(group, b"Diagnostic-Code")[:_MAX_TEXT]
    action, status = parts.word(group, b"Action"), _better(parts.value(group, b"Status"), said)
    if action not in _ACTIONS:
        action = {"2": "delivered", "4": "delayed", "5": "failed"}.get(status[:1], "")
    if not action:
        return None
    recipient = parts.value(group, b"Final-Recipient") or parts.value(group, b"Original-Recipient")
    return Report(
        action,
        status or {"failed": "5.0.0", "delayed": "4.0.0"}.get(action, "2.0.0"),
        _usable(recipient.rpartition(";")[2]),
        words.clean(words.decode(_without_type(said)), MAX_DIAGNOSTIC),
    )


def _better(stated: str, said: str) -> str:
    """The status as stated, or the one in what a server said where that tells more (5.1.1 more than 5.0.0)."""
    status, inside = _STATUS.search(stated), _status_of(said)
    if status is None:
        return inside
    vague = status[0].endswith(".0.0") and inside[:1] == status[1]
    return inside if vague else status[0]


def _status_of(text: str) -> str:
    """The first status in a text, else one made of a reply code; empty when there is neither."""
    status = _STATUS.search(text)
    code = _CODE.search(text)
    return status[0] if status else f"{code[1]}.0.0" if code else ""


def _without_type(said: str) -> str:
    """A diagnostic without its `smtp;` in front."""
    kind, mark, rest = said.partition(";")
    return rest if mark and " " not in kind.strip() else said


def _usable(text: str) -> str:
    address = text.strip().strip("<>")
    return address if is_usable(address) else ""


def _is_from_mail_system(block: HeaderBlock) -> bool:
    """Can it be a bounce for people? Not when it is the answer of somebody's out-of-office robot."""
    if block.first(b"X-Failed-Recipients"):
        return True
    if any(block.first(name) for name in _AUTO_REPLY_FIELDS):
        return False
    return _is_robot(block) or (
        _has_null_path(block) and parts.word(block, b"Auto-Submitted") != "auto-replied"
    )


def _is_robot(block: HeaderBlock) -> bool:
    field = block.first(b"From")
    sender = parse_list(field.value)[:1] if field else []
    return any(one.address.partition("@")[0].lower() in _ROBOTS for one in sender)


def _has_null_path(block: HeaderBlock) -> bool:
    return parts.value(block, b"Return-Path").replace(" ", "") == "<>"


def _text(opened: list[tuple[HeaderBlock, bytes]]) -> str:
    """The first text for people, plain rather than HTML."""
    texts: dict[str, str] = {}
    for part, data in opened:
        kind = parts.content_type(part)[0] or "text/plain"
        if kind in ("text/plain", "text/html"):
            texts.setdefault(kind, words.to_text(parts.decoded(part, data)[: 2 * _MAX_TEXT]))
    html = _TAG.sub(" ", texts.get("text/html", "")).replace("&#39;", "'").replace("&quot;", '"')
    return (texts.get("text/plain", "") or html)[:_MAX_TEXT].replace("\u2019", "'")


def _told(block: HeaderBlock, text: str) -> Report | None:
    """A guess from a text for people, and from the field that Exim and Gmail write."""
    named = parts.value(block, b"X-Failed-Recipients")[:_MAX_TEXT]
    plain = words.clean(f"{parts.value(block, b'Subject')[:1_000]} {text}", 2 * _MAX_TEXT).lower()
    status = _status_of(text)
    delayed = not named and not status.startswith("5") and any(phrase in plain for phrase in _DELAYED)
    if not (named or delayed or any(phrase in plain for phrase in _FAILED)):
        return None
    found = [named.partition(",")[0], *_ADDRESS.findall(text)]
    recipient = next(filter(None, map(_usable, found)), "")
    if delayed:
        return Report("delayed", status or "4.0.0", recipient, _reason(text))
    return Report("failed", status or "5.0.0", recipient, _reason(text))


def _reason(text: str) -> str:
    """From the first line with a status or a code on; else from the beginning."""
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if _status_of(line)), 0)
    return words.clean(" ".join(lines[start : start + 10]), MAX_DIAGNOSTIC)
