"""cron/pipe.py as a mail server starts it: exit codes, silence, and the message as it was before the server touched it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from postern.flow.piped import crlf
from support.instance import ALIAS, ROOT, Instance
from support.mail import body_of, message
from support.patience import PATIENCE
from support.relay import ScriptedRelay

SENDER = "bob@shop.example"


def pipe(instance: Instance, mime: bytes, rcpt_to: str = ALIAS, **environ: str) -> int:
    """The exit code. It says nothing, even where Python would like to warn."""
    done = subprocess.run(
        [sys.executable, "-W", "always", str(ROOT / "cron" / "pipe.py")],
        env={**instance.environ, "SENDER": SENDER, "RECIPIENT": rcpt_to, **environ},
        input=mime,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    return done.returncode


def test_a_piped_message_arrives_as_it_was_sent(instance: Instance, relay: ScriptedRelay):
    mime = message(body=b"one\r\n\r\nFrom two\r\n.\r\nthree\rfour\r\n")
    piped = b"From bob@shop.example Mon Nov 02 10:14:01 2026\n" + mime.replace(b"\r\n", b"\n") + b"\n"
    assert pipe(instance, piped) == 0
    assert pipe(instance, piped, RECIPIENT="", LOCAL_PART="shop", DOMAIN="alias.example") == 0
    instance.finish()
    (got,) = relay.messages
    # A lone CR cannot stand on the wire (RFC 5321 2.3.8).
    assert body_of(got.content) == body_of(mime).replace(b"three\rfour", b"three\r\nfour")


def test_exit_codes_say_what_they_mean(instance: Instance):
    looping = message(Received="from a by b; now")
    looping = b"".join([b"Received: from a by b; now\r\n"] * 200) + looping
    cases = [
        ("no such alias", 67, pipe(instance, message(), "nobody@alias.example")),
        ("an address that is none", 65, pipe(instance, message(), "shop")),
        ("a sender that is none", 65, pipe(instance, message(), SENDER="a b@c.example")),
        ("nobody named", 75, pipe(instance, message(), "")),
        ("a loop", 69, pipe(instance, looping)),
    ]
    instance.write_env(POSTERN_MAX_MESSAGE_BYTES="2048")
    cases.append(("too large", 65, pipe(instance, message(body=b"x" * 4000))))
    instance.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    cases.append(("the disk is full", 75, pipe(instance, message())))
    instance.write_env(POSTERN_SEAL_KEYS="")
    cases.append(("settings are broken", 75, pipe(instance, message())))
    assert [(name, got) for name, want, got in cases if got != want] == []


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"a\nb\r\nc"], b"a\r\nb\r\nc"),
        ([b"a\r", b"\nb"], b"a\r\nb"),
        ([b"a\r", b"b\n", b"\n"], b"a\rb\r\n\r\n"),
        ([b"\r", b"\r", b"\n"], b"\r\r\n"),
        ([b"a\r"], b"a\r"),
        ([], b""),
    ],
)
def test_bare_line_feeds_become_crlf_wherever_the_pieces_end(pieces: list[bytes], expected: bytes):
    assert b"".join(crlf(iter(pieces))) == expected
