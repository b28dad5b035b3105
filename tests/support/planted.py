"""A person's pages, full of words that others chose: by mail to the webhook, and by what people type into forms.

    plant(site, words)    an Estate whose pages show these words, each in every place that a stranger or its user can fill
    showing(estate)       the addresses of the pages that show them

Two plantings of equally many words have the same rows; so their pages differ in these words alone.
"""

from __future__ import annotations

import base64
import string
from collections.abc import Iterator, Sequence

from postern.base.database import SYSTEM
from postern.flow import aliases as making
from postern.flow import sign_in
from postern.ops import post
from postern.store import aliases, deliveries
from support.estate import Estate, furnish
from support.people import URL, Browser, Site
from support.receipt import DMARC_FAIL
from support.samples import GETS, place
from support.wsgi import ask

A_PAGE = 100
"""Contacts that the page of an alias shows; so many words go to one."""

_ATEXT = frozenset(string.ascii_letters + string.digits + "!#$%&'*+-/=?^_`{|}~")


def plant(site: Site, words: Sequence[str]) -> Estate:
    """A new person. Each is the name of a sender (of every second one the mail is held), and stands in subjects and a note."""
    estate = furnish(site)
    browser = estate.browser()
    for n, text in enumerate(words):
        if n % A_PAGE == 0:
            _new_alias(estate, f"page-{n // A_PAGE}-{estate.person.id}")
        spell = _encoded if n % 4 < 2 else _quoted
        local = (
            _quoted(f"{n} {text}".replace("@", "")[:60]) if n % 4 == 0 and text.isascii() else _local(n, text)
        )
        author = f"{spell(text)} <{local}@shop.example>"
        subject = " ".join(words[n - 1 : n + 1])
        _mail(estate, n, author, _encoded(subject) if n % 4 < 2 else _one_line(subject), is_held=n % 2 == 1)
    for n, text in enumerate(pack(words, making.MAX_NOTE)):
        _note(estate, browser, n, text)
    _fail_all(estate, words)
    for text in words[::20]:
        answer = Browser(site.app, agent=_one_line(text)).post(_link(estate))
        assert answer.status == 303
    return estate


def pack(words: Sequence[str], size: int) -> list[str]:
    """Several in one text, as many as go into so many characters; so the same number of texts for words of the same sizes."""
    packed = [""]
    for text in words:
        if len(packed[-1]) + len(text) + 1 > size:
            packed.append("")
        packed[-1] = f"{packed[-1]} {text}".strip(" ")
    return packed


def showing(estate: Estate) -> Iterator[str]:
    """Every page of the table, and all that lists go on to."""
    for path in GETS:
        if path not in ("/", "/account", "/mail/*", "/metrics") and not path.startswith(
            ("/settings/data/", "/admin", "/health")
        ):
            yield place(path, estate)
    ids = [text for name, text in estate.ids.items() if name.startswith("page-")]
    yield from (f"/aliases/{uid}" for uid in ids)
    yield from (f"/aliases?page={n}" for n in range(2, 10))
    yield f"/aliases?made={ids[0]}&undo={estate.ids['gone']}&state=deleted"
    yield f"/aliases/{estate.ids['alias']}?contact={estate.ids['contact']}"


def _new_alias(estate: Estate, local: str) -> None:
    with estate.site.context.pool.connection() as db, db.transaction(SYSTEM):
        alias = aliases.add(db, estate.person.id, estate.site.shared.id, local)
        aliases.forward_to(db, alias, estate.person.mailbox.id)
    estate.ids[f"page-{len(estate.ids)}"] = str(alias.uid)
    estate.tokens["page"] = alias.address


def _mail(estate: Estate, n: int, author: str, subject: str, *, is_held: bool) -> None:
    """Through the whole application, as the Worker posts it."""
    fields = [f"From: {author}", f"Subject: {subject}", f"Message-ID: <{n}.{estate.person.id}@x.example>"]
    if is_held:
        fields[:0] = [
            "Received: from x by cloudflare-email.net; now",
            f"Authentication-Results: {DMARC_FAIL}",
        ]
    mime = "\r\n".join([*fields, "", "x"]).encode()
    headers = post.headers(
        estate.site.instance.secret, "bob@shop.example", estate.tokens["page"], mime, "cloudflare"
    )
    answer = ask(estate.site.app, "POST", "/hooks/inbound", headers, mime)
    assert answer.status == 202, answer.text


def _note(estate: Estate, browser: Browser, n: int, text: str) -> None:
    """Note and name of an alias of its own."""
    with estate.site.context.pool.connection() as db, db.transaction(SYSTEM):
        alias = aliases.add(db, estate.person.id, estate.site.shared.id, f"note-{n}-{estate.person.id}")
    answer = browser.post(
        f"/aliases/{alias.uid}/save", (str(estate.person.mailbox.uid),), note=text, name=_one_line(text)[:100]
    )
    assert answer.status == 303, answer.text
    estate.ids[f"page-note-{n}"] = str(alias.uid)


def _fail_all(estate: Estate, words: Sequence[str]) -> None:
    """What the relay said."""
    context = estate.site.context
    with context.pool.connection() as db, db.transaction(SYSTEM):
        claimed = [one for one in deliveries.claim(db, 2000, 900) if one.user_id == estate.person.id]
        for one, text in zip(claimed, words):
            said = deliveries.Said(550, "rcpt", f"550 5.1.1 {text}")
            assert deliveries.failed(db, context.ring, one, said)


def _link(estate: Estate) -> str:
    with estate.site.context.pool.connection() as db, db.transaction(SYSTEM):
        return sign_in.make_link(estate.site.context, db, estate.person.user)[len(URL) :]


def _local(n: int, text: str) -> str:
    """What an address without quotes can hold of it."""
    return f"{n}{''.join(letter for letter in text if letter in _ATEXT)}"[:60]


def _encoded(text: str) -> str:
    """RFC 2047; any letter can stand in it."""
    return f"=?utf-8?B?{base64.b64encode(text.encode()).decode()}?="


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
