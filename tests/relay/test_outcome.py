"""relay/outcome and relay/trouble: answers of real relays and what they mean, cleaned words, sentences with a remedy."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base.errors import PosternError
from postern.relay import trouble
from postern.relay.outcome import SAID_LIMIT, STAGES, Outcome, RelayTrouble, clean, judge

ANSWERS = [
    # taken
    ("body", 250, "2.0.0 OK 1700000000 d2e1a72f-20020a05", "sent"),
    ("body", 250, "OK", "sent"),
    # later
    ("connect", 421, "4.3.2 try again later", "passing"),
    ("mail", 421, "4.7.0 Try again later, closing connection.", "passing"),
    (
        "rcpt",
        450,
        "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents",
        "passing",
    ),
    ("rcpt", 450, "4.7.1 Greylisted, see https://postgrey.example/", "passing"),
    ("rcpt", 452, "4.2.2 The email account that you tried to reach is over quota", "passing"),
    ("rcpt", 452, "4.5.3 Too many recipients", "passing"),
    ("rcpt", 450, "4.1.1 Recipient address rejected: unverified address", "passing"),
    ("mail", 432, "4.3.2 Concurrent connections limit exceeded", "passing"),
    ("mail", 421, "too many messages in this connection", "passing"),
    ("body", 451, "4.3.0 Mail server temporarily rejected message", "passing"),
    ("auth", 421, "4.4.2 timeout", "passing"),
    ("mail", 503, "5.5.1 Nested MAIL command", "passing"),
    ("rcpt", 503, "5.5.1 Need MAIL before RCPT", "passing"),
    ("rcpt", 452, "4.2.2 The mailbox has reached its daily limit", "passing"),
    # nonsense
    ("rcpt", -1, "what?", "passing"),
    ("mail", 354, "go on", "passing"),
    ("data", 250, "ok", "passing"),
    ("body", 354, "", "passing"),
    ("body", 650, "", "passing"),
    ("body", 0, "", "passing"),
    # never
    ("rcpt", 550, "5.1.1 The email account that you tried to reach does not exist.", "permanent"),
    ("rcpt", 550, "5.1.1 <x@example.com>: Recipient address rejected: unverified address", "permanent"),
    ("rcpt", 550, "5.2.1 The email account that you tried to reach is disabled.", "permanent"),
    ("rcpt", 552, "5.2.2 The email account that you tried to reach is over quota.", "permanent"),
    ("rcpt", 550, "user jane is over quota", "permanent"),
    ("rcpt", 550, "Mailbox full, quota exceeded", "permanent"),
    ("rcpt", 554, "5.2.0 no such mailbox here", "permanent"),
    ("rcpt", 550, "account disabled", "permanent"),
    ("rcpt", 552, "quota exceeded", "permanent"),
    ("rcpt", 550, "5.2.122 The recipient's per hour message receive limit has been exceeded", "permanent"),
    ("rcpt", 556, "5.1.10 domain accepts no mail", "permanent"),
    ("body", 552, "5.3.4 Your message exceeded Google's message size limits.", "permanent"),
    ("body", 552, "Requested mail action aborted: exceeded storage allocation", "permanent"),
    ("body", 554, "5.4.6 Hop count exceeded - possible mail loop", "permanent"),
    ("body", 550, "message length exceeds the maximum per day of the recipient", "permanent"),
    ("body", 500, "Line too long, limit 998", "permanent"),
    ("body", 550, "5.7.1 Our system has detected that this message is likely unsolicited mail.", "permanent"),
    ("body", 554, "5.7.1 Message rejected: spam score exceeds the limit", "permanent"),
    ("body", 550, "5.7.26 This mail has been blocked because the sender is unauthenticated.", "permanent"),
    (
        "body",
        552,
        "5.7.0 This message was blocked because its content presents a security issue.",
        "permanent",
    ),
    ("rcpt", 550, "", "permanent"),
    ("data", 554, "5.5.1 Error: no valid recipients", "permanent"),
    # our account, our limits
    ("connect", 554, "5.7.1 Your IP is blocked", "account"),
    ("ehlo", 550, "go away", "account"),
    ("tls", 454, "4.7.0 TLS not available due to temporary reason", "account"),
    ("auth", 535, "5.7.8 Username and Password not accepted.", "account"),
    ("auth", 534, "5.7.9 Application-specific password required.", "account"),
    ("auth", 550, "5.7.30 Basic authentication is not supported", "account"),
    ("auth", 500, "no", "account"),
    ("mail", 530, "5.7.0 Authentication Required.", "account"),
    ("mail", 535, "5.7.8 session expired", "account"),
    ("mail", 550, "5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM", "account"),
    ("mail", 550, "5.7.1 authentication required", "account"),
    ("body", 550, "5.4.5 Daily user sending limit exceeded. For more information on Gmail", "account"),
    ("body", 550, "5.7.1 Daily SMTP relay limit exceeded for customer.", "account"),
    ("body", 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException", "account"),
    ("body", 550, "5.4.6 Unusual sending activity detected. Please try after sometime", "account"),
    ("data", 454, "Throttling failure: Daily message quota exceeded.", "account"),
    ("data", 454, "Throttling failure: Maximum sending rate exceeded.", "account"),
    ("body", 451, "Authentication failed: Maximum credits exceeded", "account"),
    ("rcpt", 451, "You have exceeded your messaging limits", "account"),
    ("rcpt", 452, "4.3.1 You have reached your hourly sending limit", "account"),
    ("rcpt", 550, "Domain example.org has exceeded the max emails per hour (100/100) allowed.", "account"),
    ("body", 550, "rate limit exceeded", "account"),
    ("rcpt", 550, "5.7.1 Your account has been suspended, contact support", "account"),
    # one sender of ours is not set up: its mail waits, that of others goes on
    ("body", 550, "The from address does not match a verified Sender Identity.", "passing"),
    (
        "body",
        554,
        "Message rejected: Email address is not verified. The following identities failed",
        "passing",
    ),
    ("mail", 553, "5.7.1 <b@example.org>: Sender address rejected: not owned by user demo", "passing"),
    ("body", 554, "5.2.252 SendAsDenied; b@example.org not allowed to send as a@example.org", "passing"),
    ("body", 550, "5.7.60 SMTP; Client does not have permissions to send as this sender", "passing"),
    ("mail", 553, "Relaying disallowed as b@example.org", "passing"),
    ("mail", 550, "5.7.1 no", "passing"),
    ("mail", 501, "5.1.7 Bad sender address syntax", "passing"),
    ("mail", 552, "5.3.4 Message too big for system", "permanent"),
    ("rcpt", 554, "5.7.1 <x@example.com>: Relay access denied", "passing"),
    ("rcpt", 550, "5.7.1 Unable to relay; relaying not permitted", "passing"),
]


@pytest.mark.parametrize(("stage", "code", "text", "kind"), ANSWERS)
def test_an_answer_means_what_its_author_meant(stage, code, text, kind):
    outcome = judge(stage, code, text)
    assert (outcome.kind, outcome.stage, outcome.said) == (kind, stage, text)


@pytest.mark.parametrize("code", [421, 450, 454, 500, 530, 535, 550, 554, 599])
@pytest.mark.parametrize("stage", ["connect", "tls", "ehlo", "auth"])
def test_what_a_relay_says_before_there_is_a_message_never_condemns_one(stage, code):
    assert judge(stage, code, "5.1.1 no such user").kind in ("passing", "account")


@given(stage=st.sampled_from(STAGES), code=st.integers(-5, 1000), text=st.binary(max_size=700))
def test_only_a_yes_to_the_whole_message_is_sent(stage, code, text):
    outcome = judge(stage, code, text)
    assert (outcome.kind == "sent") == (stage == "body" and 200 <= code <= 299)
    assert outcome.code == 0 or 200 <= outcome.code <= 599
    assert len(outcome.said) <= SAID_LIMIT
    assert outcome.said.isprintable()


ENHANCED = [
    ("5.1.1 nobody", "5.1.1"),
    ("4.7.650 x", "4.7.650"),
    ("5.1.1", "5.1.1"),
    ("3.1.1 x", ""),
    ("5.1 x", ""),
    ("5.1.1234 x", ""),
    ("5.1.1x", ""),
    ("see 5.1.1", ""),
]


@pytest.mark.parametrize(("text", "enhanced"), ENHANCED)
def test_the_enhanced_code_is_read_where_it_belongs(text, enhanced):
    assert judge("rcpt", 550, text).enhanced == enhanced


DIRTY = [
    (b"one\ntwo\r\n three", "one two three"),
    (b"\x1b[31mred\x1b[0m\x00\x07", "[31mred [0m"),
    ("a\u202eb\u2028c\u0085d\u200be".encode(), "a b c d e"),
    (b"caf\xe9", "caf\ufffd"),
    ("\u00e9t\u00e9".encode(), "\u00e9t\u00e9"),
    (b"  \t ", ""),
    ("\ud800 lone", "lone"),
    (b"x" * 5000, "x" * SAID_LIMIT),
    ("\u20ac".encode() * 5000, "\u20ac" * SAID_LIMIT),
]


@pytest.mark.parametrize(("text", "wanted"), DIRTY)
def test_the_words_of_a_server_are_cleaned_before_anyone_sees_them(text, wanted):
    assert clean(text) == wanted


def test_no_words_of_a_server_take_long_to_judge():
    for word in (b"account ", b"exceeded ", b"daily ", b"relay ", b"sender ", b"too many ", b"your account "):
        judge("body", 550, word * 1000)


def test_trouble_is_an_error_with_reason_remedy_and_outcome():
    raised = trouble.of_case("refused", "mail.example.net:587")
    assert isinstance(raised, PosternError)
    assert (raised.exit_code, raised.http_status) == (75, 503)
    assert raised.outcome == Outcome("passing", "connect", 0, "", "")
    assert str(raised) == f"{raised.reason} {raised.remedy}"


@pytest.mark.parametrize("case", trouble.CASES)
def test_every_trouble_says_what_is_wrong_and_what_to_do(case):
    kind, stage, _, _ = trouble.CASES[case]
    raised = trouble.of_case(
        case, "mail.example.net:587", stage="ehlo", said="because of {this} jane@example.com\x00"
    )
    assert raised.outcome.kind == kind
    assert raised.outcome.stage == (stage or "ehlo")
    assert raised.outcome.stage in ("connect", "tls", "ehlo", "auth")
    for text in (raised.reason, raised.remedy):
        assert text.endswith(".")
        assert not text.endswith("..")
        assert "jane@" not in text
    assert "{where}" not in raised.reason
    assert "\x00" not in raised.outcome.said


def test_a_certificate_error_that_is_not_in_the_table_is_told_all_the_same():
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 23, "certificate revoked"
    raised = trouble.of_handshake(error, "mail.example.net:465")
    assert raised.outcome.kind == "account"
    assert "certificate revoked" in raised.reason


def test_the_servers_answer_is_in_the_reason_with_addresses_masked():
    raised = trouble.of_answer("h:587", judge("auth", 535, "5.7.8 jane@example.com is not known."))
    assert isinstance(raised, RelayTrouble)
    assert raised.reason == "The relay refuses the login (h:587): 535 5.7.8 [address] is not known."
    assert raised.outcome.said == "5.7.8 jane@example.com is not known."
