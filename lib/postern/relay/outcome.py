"""What the relay's answer means for a delivery, and the trouble that keeps us from asking it.

An Outcome has one of four kinds:

sent        the relay has taken the message (2xx to the final dot). Nothing else is "sent".
passing     try again later: a 4xx, a lost connection, an answer that makes no sense, or a 5xx about our own sender
            address (all of stage "mail", where no recipient has been named) or right to relay: one domain that is
            not yet set up at the relay must neither fail its mail at once nor hold up the mail of other domains.
permanent   this message to this recipient will never be taken.
account     nothing is wrong with the message: login, account or sending limit. Pause the relay, keep the mail.

`stage` is the step that was under way: connect, tls, ehlo, auth, mail, rcpt, data, body. Before "mail" nothing is
ever permanent: what a relay says there is about us, never about a message.

The window of doubt: kind "passing" with stage "body" and code 0 means that the connection was lost after the final
dot was sent and before the answer came. The relay may have the message or not; nobody can tell (RFC 1047). It
is tried again, so this is the one place where a recipient can get a message twice. A connection lost at stage "data"
leaves no doubt: without the final dot the relay must drop what it has (RFC 5321 section 4.1.1.4).

Not here: when to try again (flow.deliver), and the talk itself (relay.smtp).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.base.errors import PosternError

SENT, PASSING, PERMANENT, ACCOUNT = "sent", "passing", "permanent", "account"
STAGES = ("connect", "tls", "ehlo", "auth", "mail", "rcpt", "data", "body")
SAID_LIMIT = 500  # characters; an operator reads it, and it is stored with every delivery

_ABOUT_US = ("connect", "tls", "ehlo", "auth")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?!\S)")

# RFC 4954 section 6 (530, 534, 535, 538), and 454, which SES uses for "daily quota exceeded".
_ACCOUNT_CODES = (454, 530, 534, 535, 538)
# Gmail: daily limit. RFC 4954: credentials, mechanism, encryption. Microsoft: basic authentication off, not signed in.
_ACCOUNT_ENHANCED = ("5.4.5", "5.7.8", "5.7.9", "5.7.11", "5.7.30", "5.7.57")

# Limits of the recipient's mailbox or of the message's size and shape. They use the same words as the limits of
# an account, so they are looked for first: a full mailbox must not pause the relay. (5.2.251 to 5.2.255: Microsoft throttles
# or refuses the sender.)
_MESSAGE_ENHANCED = re.compile(r"[45]\.(?:1\.(?:[1-6]|10)|2\.(?!25[1-5]$)[1-9]\d*|3\.4|6\.\d+)$")
# At Microsoft: our own mailbox, which keeps a copy of what it sends, is full; or we are held back for what went wrong before.
_OUR_MAILBOX = re.compile(r"storedrv\.submission\S*quota|sender throttled")
_MESSAGE_WORDS = re.compile(
    r"message (?:size|length|header|too)|size limit|too (?:big|large)|storage allocation|attachment"
    r"|hop count|too many (?:hops|received)|\bloop|line (?:length|too long)|lines? (?:is |are )?too long"
    r"|mailbox (?:is )?(?:full|over|disabled)|\b(?:user|recipient|mailbox|account)\b[^.;]{0,40}\bover ?quota"
    r"|(?:tried|trying) to (?:reach|contact)|receiving (?:mail|messages)"
)
_PERIOD = r"(?:daily|hourly|weekly|monthly|(?:per|this) (?:minute|hour|day|week|month)|today)"
_SENDING = r"(?:(?:sending|submission|messaging|outgoing|outbound) (?:limit|quota|rate)s?)"
_LIMIT = r"(?:limits?|quotas?|exceed\w*|reached|maximum|max|too many)"
_LIMIT_WORDS = re.compile(
    rf"\b{_PERIOD}\b[^.;]{{0,50}}\b{_LIMIT}\b|\b{_LIMIT}\b[^.;]{{0,60}}\b{_PERIOD}\b|\b{_SENDING}\b"
    r"|submissionquota|\bcredits?\b[^.;]{0,30}\bexceed|throttling failure"
)
# Weaker words, believed only in a 5xx: in a 4xx they often mean "this connection" or "this minute".
_ACCOUNT_WORDS = re.compile(
    r"rate[ -]?limit|throttl|too many (?:messages|e?-?mails|recipients)|quota exceeded|exceeded (?:your |the )?"
    r"(?:quota|threshold)|unusual (?:sending )?activity|outgoing blocked|sender address blocked"
    r"|sending (?:is )?(?:suspended|paused)|account is paused"
    r"|\byour (?:\w+ )?(?:account|subscription|plan|service)\b[^.;]{0,40}"
    r"\b(?:suspended|disabled|blocked|locked|deactivated|expired|on hold|not (?:yet )?activ|inactive|under review)"
)
_RATE_WORDS = re.compile(
    r"maximum send(?:ing)? rate|send(?:ing)? rate (?:is |was )?exceed|per[ -](?:second|minute)"
)
_SLOWER_WORDS = re.compile(r"relay limit exceeded")
"""Of a 4xx that looks as if it was about the recipient: Google's "Peak SMTP relay limit exceeded"."""
_GREYLIST_WORDS = re.compile(r"gr[ea]y-?list")
_LOGIN_WORDS = re.compile(
    r"authentication (?:is )?required|(?:must|please) (?:first )?authenticate|not (?:yet )?authenticated"
)
_SETUP_WORDS = re.compile(
    r"sender (?:identity|address|signature|not allowed)|not allowed in header from|sendasdenied|send as denied"
    r"|(?:not|un)[ -]?verified|not yet verified"
    r"|not (?:owned by|allowed to (?:send|relay)|authori[sz]ed to (?:send|relay))"
    r"|relay\w*\b[^.;]{0,20}\b(?:denied|disallowed|prohibited|not (?:permitted|allowed))"
)


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt. `code` is 0 when the relay gave none; `said` is cleaned, and may hold addresses."""

    kind: str
    stage: str
    code: int
    enhanced: str
    said: str

    def asks_to_slow_down(self) -> bool:
        """Whether this, heard again and again, means that we send too fast: 421, or 4.7.x that is no greylisting."""
        words = self.said.lower()
        if self.kind != PASSING or not 400 <= self.code <= 499 or _GREYLIST_WORDS.search(words):
            return self.is_rate()
        if _SLOWER_WORDS.search(words):
            return True
        if _MESSAGE_ENHANCED.match(self.enhanced) or _MESSAGE_WORDS.search(words):
            return False
        return self.code == 421 or self.enhanced.startswith("4.7.") or bool(_ACCOUNT_WORDS.search(words))

    def is_rate(self) -> bool:
        """Whether it says outright that too much came in a moment (Amazon SES: 454 Maximum sending rate exceeded)."""
        return self.kind == ACCOUNT and bool(_RATE_WORDS.search(self.said.lower()))

    def limit_period(self) -> str:
        """Of a refusal "your limit is reached": `hour` or `day`; empty when it is none, or of another time."""
        words = self.said.lower()
        if self.kind != ACCOUNT or self.stage not in ("mail", "rcpt", "data", "body"):
            return ""
        if self.enhanced != "5.4.5" and not _LIMIT_WORDS.search(words):
            return ""
        if re.search(r"\bhour", words):
            return "hour"
        return "day" if self.enhanced == "5.4.5" or re.search(r"\b(?:daily|today|day|24 h)", words) else ""


class RelayTrouble(PosternError):
    """The relay cannot be used now, or not as it is set up (EX_TEMPFAIL). `outcome` has the server's own words."""

    exit_code = 75
    http_status = 503

    def __init__(self, reason: str, remedy: str, outcome: Outcome) -> None:
        super().__init__(reason, remedy)
        self.outcome = outcome


def clean(text: bytes | str) -> str:
    """A server's words, safe to log and show: no control or invisible characters, one line, capped."""
    if isinstance(text, bytes):
        # Room for 4-byte characters; what lies beyond would be cut off anyway.
        text = text[: SAID_LIMIT * 8].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else " " for c in text[: SAID_LIMIT * 8])
    return " ".join(shown.split())[:SAID_LIMIT]


def judge(stage: str, code: int, text: bytes | str) -> Outcome:
    """The outcome that an answer of the relay means at this stage."""
    said = clean(text)
    found = _ENHANCED.match(said)
    enhanced = found.group(1) if found else ""
    code = code if 200 <= code <= 599 else 0
    return Outcome(_kind(stage, code, enhanced, said.lower()), stage, code, enhanced, said)


def _kind(stage: str, code: int, enhanced: str, words: str) -> str:
    if 200 <= code <= 299 and stage == "body":
        return SENT
    if not 400 <= code <= 599:
        return PASSING
    if code in _ACCOUNT_CODES:
        return ACCOUNT
    if stage in _ABOUT_US:
        return ACCOUNT if code >= 500 else PASSING
    about_message = not _OUR_MAILBOX.search(words) and bool(
        code == 552 or _MESSAGE_ENHANCED.match(enhanced) or _MESSAGE_WORDS.search(words)
    )
    if code < 500:
        return ACCOUNT if not about_message and _LIMIT_WORDS.search(words) else PASSING
    if about_message:
        return PERMANENT
    return _kind_of_5xx(stage, code, enhanced, words)


def _kind_of_5xx(stage: str, code: int, enhanced: str, words: str) -> str:
    """A 5xx that is not plainly about the message or its recipient."""
    ours = (_LIMIT_WORDS, _ACCOUNT_WORDS, _OUR_MAILBOX)
    if enhanced in _ACCOUNT_ENHANCED or any(one.search(words) for one in ours):
        return ACCOUNT
    # Microsoft's "submission quota exceeded"; at stage rcpt the same code is about the recipient.
    if (code, enhanced) == (554, "5.2.0") and stage != "rcpt":
        return ACCOUNT
    if stage in ("mail", "rcpt") and _LOGIN_WORDS.search(words):
        return ACCOUNT
    # 503: the two sides disagree on where they are in the talk; that says nothing about the message. 5.1.7, 5.1.8: the sender's
    # address (RFC 3463).
    if (
        code == 503
        or stage == "mail"
        or enhanced in ("5.1.7", "5.1.8", "5.7.60")
        or _SETUP_WORDS.search(words)
    ):
        return PASSING
    return PERMANENT
