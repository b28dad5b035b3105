"""Each provider of the presets as far as it is known: what it offers, what it says when something is wrong, what we make of it.

PROVIDERS is the table. A server that speaks as the provider does is walked by `postern relay test` and gets a delivery of the
drain, both with the settings of the preset; only host and port are those of the server.
`source` is where the words were read (November 2026). [notes] marks what was only told by the project's own notes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from postern.base.relay_place import places
from postern.base.relay_presets import PRESETS, Preset
from postern.base.stop import Stop
from postern.flow.deliver import drain
from postern.flow.outlet import relay_settings
from postern.ops.relay_walk import Step, walk
from postern.relay.outcome import judge
from support.instance import Instance
from support.mail import message
from support.queue import put
from support.relay import ScriptedRelay, say
from support.template import ready_database

USER, PASSWORD = "somebody@alias.example", "the relay's own password"

LOGIN = "refuses the login"
LATER = "does not take logins now"
LIMIT = "A limit of the account is reached, or the account is not in order"
WAIT = "It may pass"
VERIFY = "add and verify it there"
NOBODY = "The relay refuses this recipient"
AWAY = "not ready at connect"


@dataclass(frozen=True)
class Said:
    """One answer. `kind`: what it means for the mail (relay/outcome.py). `walk`: words of what `postern relay test` says to it,
    empty where that does not come so far. `slower`: heard twice, we slow down. `period`: whose limit is learnt."""

    stage: str
    text: str
    kind: str
    source: str
    walk: str = ""
    slower: bool = False
    period: str = ""


@dataclass(frozen=True)
class Provider:
    """`offers`: the lines of its EHLO, without STARTTLS."""

    offers: tuple[str, ...]
    said: tuple[Said, ...]


GOOGLE = "https://support.google.com/a/answer/3726730"
MICROSOFT = "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements"
THROTTLED = "https://learn.microsoft.com/en-us/Exchange/mail-flow-best-practices/continuous-error-throttling-smtp-auth-submissions"
SENDGRID = "https://www.twilio.com/docs/sendgrid/for-developers/sending-email/smtp-errors-and-troubleshooting"
SES = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
SES_QUOTA = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"
SMTP2GO = "https://support.smtp2go.com/hc/en-gb/articles/13990494697369-Common-Sending-Errors"
ZOHO = "https://www.zoho.com/zeptomail/help/api/smtp-error-codes.html"
CPANEL = "https://support.cpanel.net/hc/en-us/articles/360049231233"
NOTES = "[notes]"

# As seen in many public logs.
GMAIL_OFFERS = (
    *("SIZE 35882577", "8BITMIME", "AUTH LOGIN PLAIN XOAUTH2 PLAIN-CLIENTTOKEN OAUTHBEARER XOAUTH"),
    *("ENHANCEDSTATUSCODES", "PIPELINING", "CHUNKING", "SMTPUTF8"),
)
GMAIL_SAID = (
    Said(
        "auth",
        "535 5.7.8 Username and Password not accepted. For more information, go to",
        "account",
        GOOGLE,
        LOGIN,
    ),
    Said("auth", "534 5.7.9 Application-specific password required.", "account", GOOGLE, LOGIN),
    Said("auth", "454 4.7.0 Too many login attempts, please try again later.", "account", GOOGLE, LOGIN),
    Said("connect", "421 4.7.0 Try again later, closing connection.", "passing", GOOGLE, AWAY, slower=True),
    Said("mail", "421 4.3.0 Temporary System Problem. Try again later", "passing", GOOGLE, WAIT, slower=True),
    Said("mail", "530 5.7.0 Authentication Required.", "account", GOOGLE, LIMIT),
    Said("body", "550 5.4.5 Daily user sending limit exceeded.", "account", GOOGLE, period="day"),
    Said(
        "rcpt",
        "550 5.1.1 The email account that you tried to reach does not exist.",
        "permanent",
        GOOGLE,
        NOBODY,
    ),
    Said(
        *(
            "rcpt",
            "450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional",
        ),
        *("passing", GOOGLE, WAIT),
    ),
    Said("body", "552 5.3.4 Your message exceeded Google's message size limits.", "permanent", GOOGLE),
    Said(
        "body",
        "550 5.7.1 Our system has detected that this message is likely unsolicited mail.",
        "permanent",
        GOOGLE,
    ),
)

PROVIDERS = {
    "gmail": Provider(GMAIL_OFFERS, GMAIL_SAID),
    "google-workspace": Provider(
        GMAIL_OFFERS,
        (
            *GMAIL_SAID,
            Said(
                *(
                    "rcpt",
                    "450 4.2.1 Peak SMTP relay limit exceeded for customer. This is a temporary error.",
                    "passing",
                ),
                *(GOOGLE, WAIT, True),
            ),
            Said(
                *("body", "550 5.7.1 Daily SMTP relay limit exceeded for customer.", "account"),
                source="https://github.com/wazuh/wazuh/issues/15825",
                period="day",
            ),
            Said("mail", "550 5.7.1 Invalid credentials for relay [192.0.2.1].", "passing", NOTES, VERIFY),
        ),
    ),
    "microsoft365": Provider(
        # A log in a public repository: no AUTH PLAIN. https://github.com/search?q=%22250-AUTH+LOGIN+XOAUTH2%22
        (
            *("SIZE 157286400", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "AUTH LOGIN XOAUTH2", "8BITMIME"),
            *("BINARYMIME", "CHUNKING", "SMTPUTF8"),
        ),
        (
            Said(
                "auth",
                "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
                *("account", "https://github.com/simonrob/email-oauth2-proxy/issues/193", LOGIN),
            ),
            Said(
                "auth",
                "550 5.7.30 Basic authentication is not supported for Client Submission",
                "account",
                NOTES,
                LOGIN,
            ),
            Said("mail", "432 4.3.2 Concurrent connections limit exceeded.", "passing", MICROSOFT, WAIT),
            Said(
                *(
                    "body",
                    "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
                    "account",
                ),
                source=MICROSOFT,
            ),
            Said(
                "body",
                "554 5.2.2 mailbox full; STOREDRV.Submission.Exception:QuotaExceededException"
                ".MapiExceptionShutoffQuotaExceeded",
                *("account", MICROSOFT),
            ),
            Said(
                "body",
                "550 5.2.251 Sender throttled due to continuous mailbox full errors.",
                "account",
                THROTTLED,
            ),
            Said(
                "body",
                "550 5.2.252 Sender throttled due to continuous send as denied errors.",
                "account",
                THROTTLED,
            ),
            Said(
                "body",
                "550 5.2.254 Sender throttled due to continuous too many recipients errors.",
                "account",
                THROTTLED,
            ),
            Said(
                "body",
                "554 5.2.252 SendAsDenied; a@alias.example not allowed to send as b@alias.example; STOREDRV.Submission"
                ".Exception:SendAsDeniedException.MapiExceptionSendAsDenied",
                *("passing", NOTES),
            ),
            Said(
                *(
                    "body",
                    "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
                    "passing",
                ),
                source="https://github.com/swiftmailer/swiftmailer/issues/1258",
            ),
        ),
    ),
    "sendgrid": Provider(
        # https://github.com/sendgrid/docs/issues/2191
        ("8BITMIME", "PIPELINING", "SIZE 31457280", "AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"),
        (
            Said(
                *("auth", "451 Authentication failed: Could not authenticate", "passing"),
                *("https://github.com/sendgrid/docs/issues/2191", LATER),
            ),
            Said("auth", "535 Authentication failed: Bad username / password", "account", NOTES, LOGIN),
            Said(
                *("mail", "550 Unauthenticated senders not allowed", "passing"),
                *("https://github.com/Billionmail/BillionMail/issues/171", VERIFY),
            ),
            Said("body", "451 Authentication failed: Maximum credits exceeded", "account", SENDGRID),
            Said("rcpt", "451 You have exceeded your messaging limits", "account", NOTES, LIMIT),
            Said(
                *(
                    "rcpt",
                    "452 Too many recipients received this hour (throttled)",
                    "account",
                    SENDGRID,
                    LIMIT,
                ),
                period="hour",
            ),
            Said("body", "403 You are not authorized to send from that email address", "passing", SENDGRID),
            Said("body", "550 The from address does not match a verified Sender Identity.", "passing", NOTES),
            Said(
                "rcpt", "550 Requested action not taken: mailbox unavailable", "permanent", SENDGRID, NOBODY
            ),
        ),
    ),
    "mailgun": Provider(
        # https://github.com/mludvig/smtp-cli/issues/26
        ("AUTH PLAIN LOGIN", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "PIPELINING"),
        (
            Said(
                *("auth", "535 5.7.0 Mailgun is not loving your login or password", "account"),
                *("https://github.com/mageplaza/magento-2-smtp/issues/31", LOGIN),
            ),
            Said(
                *("rcpt", "550 5.7.1 Relaying denied", "passing"),
                *("https://github.com/mludvig/smtp-cli/issues/26", VERIFY),
            ),
            Said(
                "data",
                "421 Domain alias.example is not allowed to send: recipient limit exceeded, try again after Sun, 05 Oct 2025"
                " 19:22:44 UTC",
                "passing",
                "https://github.com/coopdevs/timeoverflow/issues/820",
                slower=True,
            ),
            Said(
                "data",
                "421 Domain alias.example is not allowed to send: Please activate your Mailgun account.",
                "passing",
                "https://github.com/Monstarrrr/rebutify/issues/162",
                slower=True,
            ),
        ),
    ),
    "ses": Provider(
        # From the notes. No PIPELINING, no SIZE.
        ("8BITMIME", "AUTH PLAIN LOGIN", "Ok"),
        (
            Said("auth", "535 Authentication Credentials Invalid", "account", SES, LOGIN),
            Said("connect", "421 Too many concurrent SMTP connections", "passing", SES, AWAY, slower=True),
            Said(
                *("mail", "530 Authentication required", "account"),
                *("https://github.com/Billionmail/BillionMail/issues/156", LIMIT),
            ),
            Said("body", "451 Temporary service failure", "passing", SES),
            Said(
                "data",
                "454 Throttling failure: Maximum sending rate exceeded.",
                "account",
                SES_QUOTA,
                slower=True,
            ),
            Said(
                "data",
                "454 Throttling failure: Daily message quota exceeded.",
                "account",
                SES_QUOTA,
                period="day",
            ),
            Said(
                "body",
                "554 Message rejected: Email address is not verified. The following identities failed the check in region"
                " EU-WEST-1: shop@alias.example",
                *("passing", "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html"),
            ),
            Said("body", "554 Message rejected: Sending suspended for this account.", "account", NOTES),
        ),
    ),
    "brevo": Provider(
        # From the notes.
        ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "CHUNKING", "AUTH PLAIN LOGIN", "SIZE 20971520"),
        (
            Said(
                *("ehlo", "501 5.5.4 Invalid domain name", "account"),
                *("https://github.com/productdevbook/unemail/issues/8", "turns this machine away at ehlo"),
            ),
            Said(
                *("auth", "535 5.7.0 Invalid login or password", "account"),
                *("https://github.com/marcpope/borgbackupserver/issues/16", LOGIN),
            ),
            Said("auth", "525 5.7.1 Unauthorized IP address", "account", NOTES, LOGIN),
            Said(
                *("mail", "502 5.7.0 Please authenticate first", "account"),
                *("https://github.com/frappe/frappe/issues/38558", LIMIT),
            ),
            Said(
                "mail",
                "502 5.7.0 Your SMTP account is not yet activated. Please contact us to request activation",
                *("account", "https://github.com/WPManageNinja/fluent-smtp/issues/157", LIMIT),
            ),
        ),
    ),
    "postmark": Provider(
        # From the notes. Whom it will not write to, and senders that it does not know, it takes, and shows on its site.
        ("8BITMIME", "PIPELINING", "SIZE 14680064", "AUTH CRAM-MD5 PLAIN LOGIN"),
        (
            Said(
                *("auth", "535 5.7.8 Error: authentication failed", "account"),
                *("https://postmarkapp.com/support/article/common-smtp-connection-errors", LOGIN),
            ),
            Said(
                "body",
                "550 The 'From' address you supplied (a@alias.example) is not a Sender Signature on your account.",
                *("passing", "https://github.com/feedadoc/feedadoc/pull/110"),
            ),
        ),
    ),
    "smtp2go": Provider(
        # From the notes. An Exim.
        ("SIZE 52428800", "8BITMIME", "PIPELINING", "AUTH CRAM-MD5 PLAIN LOGIN", "HELP"),
        (
            Said("auth", "535 Incorrect authentication data", "account", SMTP2GO, LOGIN),
            Said("rcpt", "550 Relay access denied - please authenticate", "account", SMTP2GO, LIMIT),
            Said("body", "550 From header sender domain not verified", "passing", SMTP2GO),
            Said(
                *("rcpt", "550 that IP address is not allowed to send", "passing"),
                *("https://github.com/gophish/gophish/issues/1701", VERIFY),
            ),
        ),
    ),
    "mailjet": Provider(
        # From the notes.
        ("PIPELINING", "SIZE 15728640", "AUTH PLAIN LOGIN", "ENHANCEDSTATUSCODES", "8BITMIME"),
        (
            Said(
                *("auth", "535 5.7.8 Error: authentication failed", "account"),
                *("https://smtptester.org/guides/mailjet-smtp-test/", LOGIN),
            ),
            Said(
                *("mail", "550 Sender address rejected", "passing"),
                *("https://smtptester.org/guides/mailjet-smtp-test/", VERIFY),
            ),
            Said(
                "body",
                "550 Sender not allowed",
                "passing",
                "https://smtptester.org/guides/mailjet-smtp-test/",
            ),
        ),
    ),
    "zoho": Provider(
        # No 8BITMIME, no PIPELINING: https://github.com/jeremydumais/CPP-SMTPClient-library/issues/28
        ("AUTH LOGIN PLAIN", "SIZE 53477376"),
        (
            Said(
                "auth",
                "535 Authentication Failed",
                "account",
                "https://github.com/nodemailer/nodemailer/issues/456",
                LOGIN,
            ),
            Said("mail", "553 Relaying disallowed as shop@alias.example", "passing", ZOHO, VERIFY),
            Said(
                *("body", "553 Relaying disallowed as shop@alias.example", "passing"),
                source="https://github.com/frappe/erpnext/issues/19057",
            ),
            Said(
                *("body", "550 5.4.6 Unusual sending activity detected.", "account"),
                source="https://github.com/cachethq/cachet/issues/3052",
            ),
            Said(
                *("body", "554 5.1.8 Sender Address Blocked", "account"),
                source="https://help.zoho.com/portal/en/community/topic/issue-with-outgoing-mail",
            ),
            Said("body", "554 5.1.8 Email Outgoing Blocked", "account", NOTES),
        ),
    ),
    "resend": Provider(
        # From the notes.
        ("8BITMIME", "PIPELINING", "SMTPUTF8", "SIZE 41943040", "AUTH PLAIN LOGIN"),
        (
            Said("auth", "535 Invalid username or password", "account", NOTES, LOGIN),
            Said(
                *("mail", "538 Error: Must issue a STARTTLS command first", "account"),
                *("https://github.com/intuitem/ciso-assistant-community/issues/3269", LIMIT),
            ),
            Said(
                "body",
                "550 The alias.example domain is not verified. Please, add and verify your domain",
                *("passing", "https://resend.com/docs/api-reference/errors.md"),
            ),
            Said(
                "body", "450 You have reached your daily email sending quota.", "account", NOTES, period="day"
            ),
        ),
    ),
    "fastmail": Provider(
        # From the notes. A Postfix.
        (
            "PIPELINING",
            "SIZE 71000000",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "AUTH PLAIN LOGIN",
            "AUTH=PLAIN LOGIN",
        ),
        (
            Said("auth", "535 5.7.0 Incorrect username or password", "account", NOTES, LOGIN),
            Said("body", "551 5.7.1 Not authorised to send from this header address", "passing", NOTES),
            Said(
                *("body", "551 5.7.1 Multiple addresses in a From header is not allowed", "permanent"),
                source="https://github.com/mealie-recipes/mealie/issues/1887",
            ),
            Said(
                *(
                    "rcpt",
                    "554 5.7.1 <a@example.net>: Recipient address rejected: Relay access denied",
                    "passing",
                ),
                *("https://www.fastmail.com/help/send/undeliverable.html", VERIFY),
            ),
        ),
    ),
    "localhost": Provider(
        # https://github.com/PHPMailer/PHPMailer/issues/1343
        ("SIZE 52428800", "8BITMIME", "PIPELINING", "HELP"),
        (
            Said(
                "rcpt",
                '550 "Your IP: 192.0.2.1 : Your domain alias.example is not allowed in header From"',
                *("passing", "https://github.com/mbreit/dokku-monit/issues/11", VERIFY),
            ),
            Said(
                "rcpt",
                "550 Domain alias.example has exceeded the max emails per hour (100/100 (100%)) allowed. Message discarded.",
                *("account", CPANEL, LIMIT),
                period="hour",
            ),
            Said(
                "rcpt",
                "550 Domain alias.example has exceeded the max defers and failures per hour (5/5 (100%)) allowed.",
                *("account", CPANEL, LIMIT),
                period="hour",
            ),
            Said(
                "connect",
                "421 Too many concurrent SMTP connections; please try again later.",
                "passing",
                NOTES,
                AWAY,
                True,
            ),
            Said("rcpt", "550 No Such User Here", "permanent", NOTES, NOBODY),
        ),
    ),
}
EVERY = pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)


def test_every_preset_is_in_the_table_with_its_sources() -> None:
    assert set(PROVIDERS) == {preset.name for preset in PRESETS}
    for provider in PROVIDERS.values():
        assert provider.said
        assert all(said.source == NOTES or said.source.startswith("https://") for said in provider.said)


@pytest.fixture(scope="module")
def instance(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with ready_database(cluster) as place:
        made = Instance(
            tmp_path_factory.mktemp("providers"), {**place.env, "POSTERN_RELAY_HOST": "127.0.0.1"}
        )
        made.people()
        yield made
        made.close()


@contextlib.contextmanager
def spoken(instance: Instance, preset: Preset) -> Iterator[ScriptedRelay]:
    """A server that speaks as this provider, and the instance set to it by the preset."""
    users = {} if preset.name == "localhost" else {preset.user or USER: PASSWORD}
    with ScriptedRelay(tls=preset.tls, users=users) as relay:
        instance.settings = {
            name: value for name, value in instance.settings.items() if not name.startswith("POSTERN_RELAY")
        }
        account = {"POSTERN_RELAY_USER": preset.user or USER, "POSTERN_RELAY_PASSWORD": f'"{PASSWORD}"'}
        instance.write_env(
            **(account if users else {}),
            POSTERN_RELAY_PRESET=preset.name,
            POSTERN_RELAY_HOST="127.0.0.1",
            POSTERN_RELAY_PORT=str(relay.port),
            POSTERN_RELAY_CA_FILE=relay.ca_file,
            POSTERN_RELAY_SECONDS="20",
        )
        yield relay


def script(preset: Preset, said: Said | None = None) -> dict[str, Any]:
    """Its EHLO, and this answer at its stage."""

    def offer(session: Any, usual: str) -> str:
        lines = [preset.host or "localhost", *PROVIDERS[preset.name].offers]
        if preset.tls == "starttls" and not session.wire.tls:
            lines = [line for line in lines if not line.startswith("AUTH")] + ["STARTTLS"]
        return "\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])

    if said is None:
        return {"ehlo": offer}
    ends = said.stage == "connect" or said.text.startswith("421")
    return {"ehlo": offer, said.stage: say(said.text, drop=True) if ends else said.text}


def walked(instance: Instance) -> list[Step]:
    context = instance.context()
    with contextlib.closing(context.pool):
        (place,) = places(context.config)
        return walk(relay_settings(context, place), "postern@alias.example", "me@example.net")


def drained(instance: Instance) -> tuple[str, bool, bool]:
    """Of one new message: its state afterwards; whether the relay is in trouble, and whether it rests."""
    instance.query(
        "DELETE FROM deliveries; DELETE FROM messages; DELETE FROM relay_usage; DELETE FROM relays"
    )
    context = instance.context()
    with contextlib.closing(context.pool):
        put(instance, context, message())
        drain(context, Stop())
    ((state,),) = instance.query("SELECT state FROM deliveries")
    rows = instance.query("SELECT trouble IS NOT NULL, rest_until IS NOT NULL FROM relays")
    trouble, rests = rows[0] if rows else (False, False)
    return str(state), bool(trouble), bool(rests)


@EVERY
def test_a_provider_as_it_is_known_is_walked_to_the_end_and_takes_mail(
    preset: Preset, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)
    with spoken(instance, preset) as relay:
        relay.follow(script(preset))
        steps = walked(instance)
        assert all(step.ok for step in steps), steps[-1]
        assert steps[-1].stage == "rcpt"
        assert drained(instance) == ("sent", False, False)
        assert relay.count == 1
        taken = relay.messages[0]
        assert ("BODY=8BITMIME" in taken.options) is ("8BITMIME" in PROVIDERS[preset.name].offers)
        assert taken.tls if preset.tls != "none" else not taken.tls
        assert taken.user == ("" if preset.name == "localhost" else preset.user or USER)


@EVERY
def test_what_a_provider_says_is_understood_told_and_loses_no_mail(
    preset: Preset, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postern.flow.wake.drain", lambda _: None)
    with spoken(instance, preset) as relay:
        for said in PROVIDERS[preset.name].said:
            code, _, words = said.text.partition(" ")
            outcome = judge(said.stage, int(code), words)
            understood = (outcome.kind, outcome.asks_to_slow_down(), outcome.limit_period())
            assert understood == (said.kind, said.slower, said.period), said.text
            relay.follow(script(preset, said))
            if said.walk:
                last = walked(instance)[-1]
                assert (last.stage, last.ok) == (said.stage, False), said.text
                assert said.walk in last.said + last.remedy, said.text
            state, trouble, rests = drained(instance)
            assert state == ("failed" if said.kind == "permanent" else "queued"), said.text
            # Before there is a message, everything is trouble of the relay.
            early = said.stage in ("connect", "ehlo", "auth")
            assert trouble is (early or (said.kind == "account" and not outcome.is_rate())), said.text
            assert rests is (outcome.is_rate() or (early and said.slower)), said.text
