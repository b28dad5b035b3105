"""Mail that Postern itself writes to its users: a code, a link, news about a mailbox or a reply.

A notice is a few paragraphs, maybe a code, maybe one thing to press, and small print, in this order; compose() makes the whole
message of it, as text and as HTML. The first paragraph comes first in both, since that is what a list of mails shows beside the
subject; so the code stands in neither, but once, below. The HTML holds no picture and fetches nothing.
The format is RFC 5322 and RFC 2046 5.1.4; both parts are quoted-printable, so no byte is over 127 and no line over 76 letters.
Not here: what a notice says, and when it is sent.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

from postern.mail import date, words
from postern.mail.address import format_mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

SENDER_NAME = "Postern"
MAX_SUBJECT = 150  # characters; lists of mails show half of that
MAX_PARAGRAPH = 2_000  # characters

_BOUNDARY = b"=_postern"  # "=_" never comes out of quoted-printable (RFC 2045 6.7)
_MESSAGE_ID = re.compile(rb"<[!-;=?A-~]{1,200}@[!-;=?A-~]{1,200}>")
_URL = re.compile(r"https?://[!#-;=?-~]{1,2000}")


@dataclass(frozen=True)
class Notice:
    """What is said. `code`: to be read and typed; `button`: its words and its URL."""

    subject: str
    paragraphs: tuple[str, ...]
    code: str = ""
    button: tuple[str, str] | None = None
    small_print: str = ""


def compose(notice: Notice, sender: str, recipient: str, message_id: bytes, now: datetime) -> bytes:
    """The whole message. `message_id` with its angle brackets; `now` with its zone. BadInput for an address that is none."""
    _check(notice, message_id, now)
    fields = (
        b"From: " + format_mailbox(SENDER_NAME, sender),
        b"To: " + format_mailbox("", recipient),
        b"Subject: " + words.unstructured(words.clean(notice.subject, MAX_SUBJECT)),
        b"Date: " + date.write(now),
        b"Message-ID: " + message_id,
        # No robot answers this (RFC 3834 5; the other is what Exchange asks for).
        b"Auto-Submitted: auto-generated",
        b"X-Auto-Response-Suppress: All",
        b"MIME-Version: 1.0",
        b'Content-Type: multipart/alternative; boundary="' + _BOUNDARY + b'"',
        b"",
        *_part(b"text/plain", _text(notice)),
        *_part(b"text/html", _html(notice)),
        b"--" + _BOUNDARY + b"--",
    )
    return b"\r\n".join(fields) + b"\r\n"


def _check(notice: Notice, message_id: bytes, now: datetime) -> None:
    if not notice.paragraphs or not notice.subject:
        raise ValueError("a notice has a subject and says something")
    if notice.code and any(notice.code in text for text in (notice.subject, *notice.paragraphs)):
        raise ValueError("the code of a notice stands by itself, not in the subject or a paragraph")
    if notice.button and not _URL.fullmatch(notice.button[1]):
        raise ValueError("the button of a notice leads to a web address")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a Message-ID is <something@somewhere>")
    if now.tzinfo is None:
        raise ValueError("the date of a notice has a zone")


def _part(kind: bytes, text: str) -> list[bytes]:
    body = text.replace("\n", "\r\n").encode("utf-8")
    return [
        b"--" + _BOUNDARY,
        b"Content-Type: " + kind + b"; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
        b"",
        binascii.b2a_qp(body),
    ]


def _line(text: str) -> str:
    """Names and subjects of strangers may stand in it: one line, nothing that turns its direction."""
    return words.clean(text, MAX_PARAGRAPH)


def _text(notice: Notice) -> str:
    """For readers without HTML. A paragraph is one line, which every reader folds to its width."""
    blocks = [_line(text) for text in notice.paragraphs]
    if notice.code:
        blocks.append(_line(notice.code))
    if notice.button:
        blocks.append(f"{_line(notice.button[0])}:\n{notice.button[1]}")
    if notice.small_print:
        blocks.append(_line(notice.small_print))
    return "\n\n".join(blocks) + "\n"


def _html(notice: Notice) -> str:
    from html import escape

    first, *others = [escape(_line(text)) for text in notice.paragraphs]
    rows = [_LEAD.format(first), *map(_PARAGRAPH.format, others)]
    if notice.code:
        rows.append(_CODE.format(escape(_line(notice.code))))
    if notice.button:
        rows.append(_BUTTON.format(words=escape(_line(notice.button[0])), url=escape(notice.button[1])))
    if notice.small_print:
        rows.append(_SMALL_PRINT.format(escape(_line(notice.small_print))))
    return _HEAD.format(title=escape(_line(notice.subject)), style=_DARK) + "".join(rows) + _FOOT


# Colours are those of web/styles/tokens.css. They stand at each element, for Gmail and Outlook read little else; the few rules
# for the night do stand in a <style>, and readers that know none of it turn the colours by themselves.
# Tables, since Outlook lays out with Word: it knows no widths of blocks and no padding of links.
_SANS = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
_TABLE = '<table role="presentation" cellpadding="0" cellspacing="0" border="0"'

_DARK = """:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.paper{background-color:#0f1618!important}
.card{background-color:#172023!important;border-color:#27343a!important}
.well{background-color:#1d282b!important}
.ink{color:#e7ece8!important}
.soft{color:#a2b0aa!important}
.line{border-color:#27343a!important}
.gate{background-color:#82c9af!important}
.on-gate{color:#0c1d17!important}
.slot{background-color:#172023!important}
}
"""

_HEAD = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<meta name="format-detection" content="telephone=no, date=no, address=no, email=no">
<meta name="x-apple-disable-message-reformatting">
<title>{{title}}</title>
<style>
{{style}}</style>
</head>
<body class="paper" style="margin:0;padding:0;background-color:#eff1ed">
{_TABLE} width="100%" class="paper" style="background-color:#eff1ed">
<tr><td align="center" style="padding:32px 16px 40px">
<!--[if mso]>{_TABLE} width="480"><tr><td><![endif]-->
{_TABLE} width="100%" style="max-width:480px"><tr>
<td class="card" align="left" style="padding:32px 28px;background-color:#fbfcfa;border:1px solid #d3d9d1;border-radius:14px;
word-break:break-word;overflow-wrap:anywhere">
{_TABLE} style="margin:0 0 22px"><tr>
<td class="gate" width="30" height="36" align="center" valign="middle"
 style="width:30px;height:36px;background-color:#1f5c4b;border-radius:15px 15px 2px 2px;font-size:0;line-height:0">
<div class="slot" style="width:14px;height:3px;margin:6px auto 0;background-color:#fbfcfa;border-radius:2px"></div>
</td></tr></table>
"""

_LEAD = f"""<p class="ink" style="margin:0 0 16px;{_SANS};font-size:19px;line-height:1.5;color:#18211d">{{}}</p>
"""

_PARAGRAPH = f"""<p class="ink" style="margin:0 0 16px;{_SANS};font-size:16px;line-height:1.6;color:#18211d">{{}}</p>
"""

_CODE = f"""{_TABLE} width="100%" style="margin:24px 0"><tr>
<td class="well ink" align="center" style="padding:18px 12px;background-color:#e5e9e3;border-radius:10px;{_MONO};font-size:28px;
line-height:1.2;font-weight:600;letter-spacing:2px;white-space:nowrap;color:#18211d;-webkit-user-select:all;user-select:all">{{}}</td>
</tr></table>
"""

_BUTTON = f"""{_TABLE} style="margin:24px 0"><tr>
<td class="gate" align="center" style="background-color:#1f5c4b;border-radius:10px;mso-padding-alt:13px 24px">
<a class="on-gate" href="{{url}}" target="_blank" style="display:inline-block;padding:13px 24px;{_SANS};font-size:16px;
line-height:1.4;font-weight:600;color:#f6faf7;text-decoration:none">{{words}}</a></td>
</tr></table>
"""

_SMALL_PRINT = f"""<p class="soft line" style="margin:28px 0 0;padding:18px 0 0;border-top:1px solid #d3d9d1;{_SANS};
font-size:14px;line-height:1.5;color:#4c5852">{{}}</p>
"""

_FOOT = f"""</td></tr></table>
<p class="soft" style="margin:18px 0 0;{_SANS};font-size:13px;line-height:1.5;color:#4c5852">{SENDER_NAME}</p>
<!--[if mso]></td></tr></table><![endif]-->
</td></tr></table>
</body>
</html>
"""
