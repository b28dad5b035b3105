"""mail/notice.py: what Postern writes, read by Python's email package, html.parser, and as bytes on the wire."""

from __future__ import annotations

import email.policy
import re
from datetime import datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import BadInput
from postern.mail import notice as module
from postern.mail import report
from postern.mail.header import parse, split
from postern.mail.notice import Notice, compose

NOW = datetime(2026, 6, 5, 14, 3, 9, tzinfo=timezone(timedelta(hours=2)))
ID = b"<1.abc@mail.example.org>"
LINK = "https://mail.example.org/sign-in/abc?x=1&y=2"
CODE = "K7MP-42QX"
SIGN_IN = Notice(
    "Sign in to Postern",
    ("Type this code where you asked for it.", "Or press the button."),
    CODE,
    ("Sign in", LINK),
    "Both work once, for ten minutes.",
)
NAKED = Notice("s", ("p",))


def raw_of(
    notice: Notice, sender: str = "postern@mail.example.org", recipient: str = "jane@example.net"
) -> bytes:
    return compose(notice, sender, recipient, ID, NOW)


def read(raw: bytes) -> tuple[EmailMessage, str, str]:
    """The message, its text and its HTML."""
    message = message_from_bytes(raw, EmailMessage, policy=email.policy.SMTP)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    text, html = message.iter_parts()
    assert not text.defects
    assert not html.defects
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    return message, text.get_content(), html.get_content()


class Seen(HTMLParser):
    """What a reader of the HTML sees, and its elements."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.inside: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if "body" in self.inside and data.strip():
            self.words.append(data)


def test_a_notice_says_all_in_both_parts() -> None:
    _, text, html = read(raw_of(SIGN_IN))
    assert text.replace("\r\n", "\n") == (
        "Type this code where you asked for it.\n\nOr press the button.\n\nK7MP-42QX\n\n"
        f"Sign in:\n{LINK}\n\nBoth work once, for ten minutes.\n"
    )
    assert Seen(html).words == [*SIGN_IN.paragraphs, CODE, "Sign in", SIGN_IN.small_print, "Postern"]
    assert [attrs["href"] for tag, attrs in Seen(html).elements if tag == "a"] == [LINK]


def test_the_header_is_complete_and_says_that_no_person_wrote_it() -> None:
    raw = raw_of(SIGN_IN)
    block = parse(split([raw])[0])
    assert [(field.name, field.value) for field in block.fields] == [
        (b"From", b'"Postern" <postern@mail.example.org>'),
        (b"To", b"jane@example.net"),
        (b"Subject", b"Sign in to Postern"),
        (b"Date", b"Fri, 5 Jun 2026 12:03:09 +0000"),
        (b"Message-ID", ID),
        (b"Auto-Submitted", b"auto-generated"),
        (b"X-Auto-Response-Suppress", b"All"),
        (b"MIME-Version", b"1.0"),
        (b"Content-Type", b'multipart/alternative; boundary="=_postern"'),
    ]
    assert report.is_automatic(block)
    assert read(raw)[0]["Date"].datetime == NOW


def test_a_notice_without_code_button_and_small_print_has_none() -> None:
    _, text, html = read(raw_of(NAKED))
    assert text.strip() == "p"
    assert Seen(html).words == ["p", "Postern"]


def test_the_preview_begins_with_the_first_paragraph_and_shows_the_code_once() -> None:
    _, text, html = read(raw_of(SIGN_IN))
    assert text.startswith(SIGN_IN.paragraphs[0])
    assert Seen(html).words[0] == SIGN_IN.paragraphs[0]
    assert text.count(CODE) == html.count(CODE) == 1


def test_the_html_fetches_nothing_and_hides_nothing() -> None:
    html = read(raw_of(SIGN_IN))[2]
    for tag, attrs in Seen(html).elements:
        assert tag not in ("img", "script", "link", "iframe", "form", "input", "object", "svg", "video")
        assert not {name for name in attrs if name.startswith("on") or name in ("src", "background")}
    assert not re.search(r"url\(|@import|@font-face|display:\s*none|javascript:", html)
    assert html.count("http") == 1


def test_colours_are_those_of_the_pages() -> None:
    tokens = (Path(module.__file__).parents[1] / "web/styles/tokens.css").read_text(encoding="utf-8")
    html = read(raw_of(SIGN_IN))[2]
    used = set(re.findall(r"#[0-9a-f]{6}", html))
    assert len(used) > 10
    assert used <= set(re.findall(r"#[0-9a-f]{6}", tokens))


HOSTILE = "<script>alert(1)</script> \"'&amp; \r\nBcc: x@y.example\r\n\r\n.\r\n--=_postern \u202egnp.exe\u2028 {0} {} $title é"


def test_nothing_from_outside_gets_out_of_its_place() -> None:
    notice = Notice(HOSTILE, (HOSTILE, HOSTILE), "<i>{x}", (HOSTILE, LINK), HOSTILE)
    raw = raw_of(notice)
    message, text, html = read(raw)
    said = "<script>alert(1)</script> \"'&amp; Bcc: x@y.example . --=_postern gnp.exe {0} {} $title é"
    assert message["Subject"] == said
    assert message["Bcc"] is None
    assert Seen(html).words == [said, said, "<i>{x}", said, said, "Postern"]
    assert text.replace("\r\n", "\n").split("\n\n") == [said, said, "<i>{x}", f"{said}:\n{LINK}", f"{said}\n"]


LONG = Notice("ü" * 300, ("x" * 5_000, "é" * 900, "a b " * 400), "", None, "." * 200)


@pytest.mark.parametrize("notice", [SIGN_IN, NAKED, LONG, Notice(HOSTILE, (HOSTILE,))])
def test_it_passes_any_relay_unharmed(notice: Notice) -> None:
    raw = raw_of(notice)
    assert raw.isascii()
    assert raw.endswith(b"\r\n--=_postern--\r\n")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 78
    assert not [line for line in lines if b"\r" in line or b"\n" in line or b"\0" in line]
    assert not [line for line in lines if line.endswith((b" ", b"\t")) or line == b"."]


@pytest.mark.parametrize(
    "subject", ["Grüße", "a =?utf-8?q?b?= c", "x" * 66, "x" * 67, "w " * 70, "日本語" * 40, "a\r\nBcc: b"]
)
def test_a_subject_is_read_as_it_was_meant(subject: str) -> None:
    whole = " ".join(subject.split())
    assert read(raw_of(Notice(subject, ("p",))))[0]["Subject"] == whole


@given(st.text(min_size=1, max_size=60), st.text(min_size=1, max_size=200))
def test_any_words_can_be_said(subject: str, paragraph: str) -> None:
    raw = raw_of(Notice(subject, (paragraph,)))
    assert raw.isascii()
    text = read(raw)[1]
    assert text.rstrip("\r\n") == module.words.clean(paragraph)


@pytest.mark.parametrize(
    ("notice", "message_id", "now", "match"),
    [
        (Notice("", ("p",)), ID, NOW, "subject"),
        (Notice("s", ()), ID, NOW, "says something"),
        (Notice(f"{CODE} is your code", ("p",), CODE), ID, NOW, "code"),
        (Notice("s", ("p", f"Type {CODE}."), CODE), ID, NOW, "code"),
        (Notice("s", ("p",), "", ("Go", "javascript:alert(1)")), ID, NOW, "web address"),
        (Notice("s", ("p",), "", ("Go", 'https://a.example/"onclick="')), ID, NOW, "web address"),
        (Notice("s", ("p",), "", ("Go", "https://a.example/\nb")), ID, NOW, "web address"),
        (NAKED, b"a@b.example", NOW, "Message-ID"),
        (NAKED, b"<a@b.example>\r\nBcc: x", NOW, "Message-ID"),
        (NAKED, b"<a b@c.example>", NOW, "Message-ID"),
        (NAKED, ID, NOW.replace(tzinfo=None), "zone"),
    ],
)
def test_a_notice_that_cannot_be_right_is_refused(
    notice: Notice, message_id: bytes, now: datetime, match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        compose(notice, "a@b.example", "c@d.example", message_id, now)


@pytest.mark.parametrize("address", ["", "a", "a@b\r\nBcc: x@y.example", "a b@c.example"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInput):
        raw_of(NAKED, sender=address)
    with pytest.raises(BadInput):
        raw_of(NAKED, recipient=address)
