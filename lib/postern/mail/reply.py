"""The header block of a reply: what a contact gets, who must not learn of the mailbox behind the alias.

Fields go by a list of those that are let through: a mail program's name, its server's, the way that the mail took, and
whatever is not known here stays behind. From is the alias; addresses of the mailboxes become the alias wherever they stand;
reverse addresses become the contacts behind them. The Message-ID is ours, the date is in UTC.
Not here: the body (mail/scrub.py), who may write (flow/policy.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.mail import date, threads, words
from postern.mail.address import Mailbox, format_mailbox, is_reverse, normalise, parse_list
from postern.mail.replace import Replacer
from postern.mail.rewrite import LOOP_FIELD, shown_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from postern.mail.header import Field, HeaderBlock

MAX_SUBJECT = 1_000  # characters
MAX_RECIPIENTS = 100
NOBODY = b"undisclosed-recipients:;"

_KEPT = frozenset(
    (
        # RFC 2045, 2183, 3282: without them the body cannot be read.
        *(b"mime-version", b"content-type", b"content-transfer-encoding", b"content-disposition"),
        *(b"content-language", b"content-description", b"content-id"),
        # The writer's own words about the mail, that name nobody.
        *(b"importance", b"priority", b"x-priority", b"sensitivity", b"auto-submitted"),
    )
)
"""Beside these only From, To, Cc, Subject, Date, Message-ID, In-Reply-To and References go out, each made anew."""


@dataclass(frozen=True)
class Reply:
    """What the new block says.

    `name`: shown beside the alias, maybe empty. `own`: addresses of the user's mailboxes. `contacts`: normalised reverse
    address to who is behind it. `message_id`: of ours. `ids`: message ids that contacts know, to how they know them.
    """

    alias: str
    name: str
    own: tuple[str, ...]
    contacts: Mapping[str, Mailbox]
    message_id: bytes
    ids: Mapping[bytes, bytes]
    loop_mark: bytes


@dataclass(frozen=True)
class Ids:
    """The mail's own Message-ID (maybe empty), and those that it answers to."""

    own: bytes
    others: tuple[bytes, ...]


def message_ids(block: HeaderBlock) -> Ids:
    """What has to be looked up for `Reply.message_id` and `Reply.ids`."""
    own = threads.own_of(block)
    return Ids(own[0] if own else b"", tuple(threads.ids_of(block)))


def addresses(block: HeaderBlock) -> list[Mailbox]:
    """Everybody in To and Cc, for `Reply.contacts`; at most MAX_RECIPIENTS of each."""
    return [one for name in (b"To", b"Cc") for one in _listed(block, name)]


def _listed(block: HeaderBlock, name: bytes) -> list[Mailbox]:
    return [one for field in block.all(name) for one in parse_list(field.value)][:MAX_RECIPIENTS]


def reply(block: HeaderBlock, plan: Reply) -> bytes:
    """The new header block, with its blank line. BadInput when the plan holds an address that is none."""
    replace = Replacer(dict.fromkeys(plan.own, plan.alias))
    fields = [
        LOOP_FIELD + b": " + plan.loop_mark,
        b"From: " + format_mailbox(plan.name, plan.alias),
        *_recipients(block, plan, replace),
        *_subject(block, replace),
        *_date(block),
        b"Message-ID: " + plan.message_id,
        *_answers(block, plan),
        *(_kept(field, replace) for field in block.fields if field.name.lower() in _KEPT),
    ]
    return b"".join([raw + b"\r\n" for raw in fields]) + b"\r\n"


def _kept(field: Field, replace: Replacer) -> bytes:
    """As it is, but for addresses in a parameter (the name of a file)."""
    return replace(field.raw)


def _recipients(block: HeaderBlock, plan: Reply, replace: Replacer) -> list[bytes]:
    """To and Cc, as the contact shall see them; each address once."""
    seen = {normalise(plan.alias), *map(normalise, plan.own)}
    fields = []
    for name in (b"To", b"Cc"):
        found = []
        for one in _listed(block, name):
            behind = _behind(one, plan)
            if behind is not None and normalise(behind.address) not in seen:
                seen.add(normalise(behind.address))
                found.append(format_mailbox(_text(behind.name, replace), behind.address))
        if found:
            fields.append(name + b": " + b",\r\n ".join(found))
    return fields or [b"To: " + NOBODY]


def _behind(one: Mailbox, plan: Reply) -> Mailbox | None:
    """Who is meant. A reverse address that is nobody's here is left out: it would lead to nobody."""
    key = normalise(one.address)
    contact = plan.contacts.get(key)
    if contact is None:
        return None if is_reverse(key.rpartition("@")[0]) else one
    # Our own words beside the name ("Jane - jane(at)example.com") go; what the writer made of it stays.
    ours = shown_name(contact)
    name = contact.name if one.name in (ours, contact.address.replace("@", "(at)"), "") else one.name
    return Mailbox(name.removesuffix(" - " + contact.address.replace("@", "(at)")), contact.address)


def _subject(block: HeaderBlock, replace: Replacer) -> list[bytes]:
    """As it was written, unless a mailbox stands in it; that may be inside encoded words."""
    field = block.first(b"Subject")
    if field is None:
        return []
    text = words.decode(words.to_text(field.value))
    changed = _text(text, replace)
    if changed == text:
        return [field.raw]
    return [b"Subject: " + words.unstructured(words.clean(changed, MAX_SUBJECT))]


def _text(text: str, replace: Replacer) -> str:
    return replace(text.encode("utf-8", "replace")).decode("utf-8")


def _date(block: HeaderBlock) -> list[bytes]:
    """The same moment without the writer's zone. One that cannot be read is left out: the relay puts its own."""
    field = block.first(b"Date")
    moment = date.read(field.value) if field else None
    return [b"Date: " + date.write(moment)] if moment else []


def _answers(block: HeaderBlock, plan: Reply) -> list[bytes]:
    """In-Reply-To and References, as contacts know them. Other ids that the user's own server made are left out."""
    own_server = {_end(address.rpartition("@")[2].encode()) for address in plan.own}
    own_id = message_ids(block).own
    if own_id:
        own_server.add(_end(_server(own_id)))
    fields = []
    for name in (b"In-Reply-To", b"References"):
        found = [one for field in block.all(name) for one in threads.find(field.value)][: threads.MAX_IDS]
        kept = [
            plan.ids.get(one, one) for one in found if one in plan.ids or _end(_server(one)) not in own_server
        ]
        if kept:
            fields.append(name + b": " + b"\r\n ".join(kept))
    return fields


def _server(message_id: bytes) -> bytes:
    return message_id.rstrip(b">").rpartition(b"@")[2]


def _end(domain: bytes) -> bytes:
    """The last two labels: mail.example.org and smtp.example.org are one's own alike."""
    return b".".join(domain.lower().rsplit(b".", 2)[-2:])
