"""The SMTP server of ops/local/sink.py as others see it, by smtplib, and byte by byte where that is too polite."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.ops.local.sink import Sink
from postern.ops.local.sink_session import Received
from postern.ops.local.sink_wire import Hangup, Wire
from postern.relay.data import transparent
from support.patience import PATIENCE, child, join

USERS = {"demo": "s3cret"}
BODY = b"Subject: x\r\n\r\n.a dot\r\n..\r\n\xff\r\nend\r\n"


@contextlib.contextmanager
def client_of(sink, *, sign_in=True):
    """Python's smtplib, verified and signed in."""
    context = ssl.create_default_context(cafile=sink.ca_file) if sink.ca_file else None
    if sink.tls == "implicit":
        client = smtplib.SMTP_SSL(
            "localhost", sink.port, local_hostname="me", timeout=PATIENCE, context=context
        )
    else:
        client = smtplib.SMTP("localhost", sink.port, local_hostname="me", timeout=PATIENCE)
    with client:
        if sink.tls == "starttls":
            client.starttls(context=context)
        if sign_in and sink.users:
            client.login(*next(iter(sink.users.items())))
        yield client


def exchange(sink, sent):
    """Send these bytes in one go, and read until the sink closes."""
    with socket.create_connection((sink.host, sink.port), timeout=PATIENCE) as sock:
        sock.sendall(sent)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def codes(answer):
    return [int(line[:3]) for line in answer.splitlines() if line[3:4] != b"-"]


@pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
def test_a_stranger_s_client_signs_in_and_leaves_a_message(tls):
    with Sink(tls=tls, users=USERS) as sink, client_of(sink) as client:
        assert client.sendmail("a@example.org", ["b@example.com", "c@example.com"], BODY) == {}
        (message,) = sink.messages
        assert message.content == BODY
        assert (message.mail_from, message.rcpt_to) == ("a@example.org", ("b@example.com", "c@example.com"))
        assert (message.user, message.helo, message.size) == ("demo", "me", len(BODY))
        assert message.options == (f"size={len(BODY)}",)
        assert message.tls.startswith("TLSv1.") == (tls != "none")
        assert (sink.count, sink.size) == (1, len(BODY))


def test_what_it_offers_depends_on_tls():
    with (
        Sink(users=USERS) as sink,
        smtplib.SMTP("localhost", sink.port, local_hostname="me", timeout=PATIENCE) as client,
    ):
        client.ehlo()
        before = set(client.esmtp_features)
        client.starttls(context=ssl.create_default_context(cafile=sink.ca_file))
        client.ehlo()
        after = set(client.esmtp_features)
    always = {"pipelining", "size", "8bitmime", "smtputf8", "enhancedstatuscodes"}
    assert before == always | {"starttls"}
    assert after == always | {"auth"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("initial", [True, False])
def test_both_mechanisms_work_with_and_without_an_initial_response(mechanism, initial):
    with Sink(users=USERS) as sink, client_of(sink, sign_in=False) as client:
        client.ehlo()
        client.user, client.password = "demo", "s3cret"
        action = getattr(client, f"auth_{mechanism.lower()}")
        assert client.auth(mechanism, action, initial_response_ok=initial)[0] == 235


@pytest.mark.parametrize(("user", "password"), [("demo", "wrong"), ("demo", "S3CRET"), ("other", "s3cret")])
def test_a_wrong_login_is_refused_and_mail_with_it(user, password):
    with Sink(users=USERS) as sink, client_of(sink, sign_in=False) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
            client.login(user, password)
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@example.org", "b@example.com", BODY)
        assert not sink.messages


def test_its_certificate_is_for_this_machine_only():
    context = ssl.create_default_context()
    with (
        Sink() as sink,
        smtplib.SMTP("localhost", sink.port, local_hostname="me", timeout=PATIENCE) as client,
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            client.starttls(context=context)
        client.close()


DIALOGUES = [
    (b"QUIT\r\n", [220, 221]),
    (b"NOOP\r\nNOOP\r\nQUIT\r\n", [220, 250, 250, 221]),
    (b"HELLO\r\nVRFY x\r\n\r\nQUIT\r\n", [220, 502, 502, 502, 221]),
    (b"_clear\r\nclear\r\nDO_QUIT\r\nQUIT\r\n", [220, 502, 502, 502, 221]),
    (b"RCPT TO:<a@b>\r\nDATA\r\nQUIT\r\n", [220, 503, 554, 221]),
    (b"MAIL FROM:<>\r\nMAIL FROM:<a@b>\r\nQUIT\r\n", [220, 250, 503, 221]),
    (
        b"MAIL FROM: <a@b>  BODY=8BITMIME\r\nRCPT TO:<a@b>\r\nRSET\r\nDATA\r\nQUIT\r\n",
        [220, 250, 250, 250, 554, 221],
    ),
    (b"MAIL a@b\r\nMAIL FROM:a@b\r\nMAIL\r\nQUIT\r\n", [220, 501, 501, 501, 221]),
    (b"MAIL FROM:<a@b> SIZE=1001\r\nMAIL FROM:<a@b> SIZE=1000\r\nQUIT\r\n", [220, 552, 250, 221]),
    (b"MAIL FROM:<a@b> SIZE=" + b"9" * 5000 + b"\r\nQUIT\r\n", [220, 250, 221]),
    (b"AUTH PLAIN AAAA\r\nAUTH\r\nAUTH CRAM-MD5\r\nQUIT\r\n", [220, 504, 504, 504, 221]),
    (b"STARTTLS\r\nQUIT\r\n", [220, 503, 221]),
    (b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\nQUIT\r\n", [220, 250, 250, 354, 250, 221]),
    (
        b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n" + b"x" * 1000 + b"\r\n.\r\nQUIT\r\n",
        [220, 250, 250, 354, 552, 221],
    ),
    (b"noop " + b"x" * 13000, [220]),
]


@pytest.mark.parametrize(("sent", "wanted"), DIALOGUES)
def test_commands_sent_ahead_are_answered_in_order(sent, wanted):
    with Sink(tls="none", size_limit=1000) as sink:
        assert codes(exchange(sink, sent)) == wanted


BAD_LOGINS = [b"AUTH PLAIN !!!\r\n", b"AUTH PLAIN AAAA\r\n", b"AUTH LOGIN !\r\n", b"AUTH LOGIN\r\n*\r\n"]


@pytest.mark.parametrize("sent", BAD_LOGINS)
def test_a_login_that_cannot_be_read_is_refused(sent):
    with Sink(tls="none", users=USERS) as sink:
        assert codes(exchange(sink, sent + b"QUIT\r\n"))[-2] in (501, 535)


def test_a_login_in_clear_is_refused_where_tls_is_to_be_had():
    with Sink(users=USERS) as sink:
        assert codes(exchange(sink, b"AUTH PLAIN AGRlbW8AczNjcmV0\r\nMAIL FROM:<a@b>\r\nQUIT\r\n")) == [
            220,
            538,
            530,
            221,
        ]


def test_what_was_sent_in_clear_is_forgotten_after_starttls():
    with Sink() as sink, socket.create_connection((sink.host, sink.port), timeout=PATIENCE) as sock:
        with sock.makefile("rb") as answers:
            answers.readline()
            sock.sendall(b"STARTTLS\r\nMAIL FROM:<evil@example.org>\r\n")
            assert answers.readline().startswith(b"220")
        context = ssl.create_default_context(cafile=sink.ca_file)
        with context.wrap_socket(sock, server_hostname="localhost") as safe:
            safe.sendall(b"MAIL FROM:<good@example.org>\r\nQUIT\r\n")
            assert codes(b"".join(iter(lambda: safe.recv(1000), b""))) == [250, 221]


def test_a_message_that_breaks_off_is_not_taken(tmp_path):
    for options in ({}, {"folder": str(tmp_path)}, {"keep": False}):
        with (
            Sink(tls="none", **options) as sink,
            socket.create_connection((sink.host, sink.port), timeout=PATIENCE) as sock,
        ):
            sock.sendall(b"MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\nSubject: x\r\n\r\nhalf\r\n.")
            sock.shutdown(socket.SHUT_WR)
            assert b"".join(iter(lambda: sock.recv(1000), b"")).count(b"\r\n") == 4
        assert (sink.count, sink.messages) == (0, [])
    assert os.listdir(tmp_path) == []


def test_messages_are_kept_in_a_folder(tmp_path):
    with Sink(users=USERS, folder=str(tmp_path)) as sink, client_of(sink) as client:
        for number in range(3):
            client.sendmail("a@example.org", f"b{number}@example.com", BODY)
        assert sink.ca_file == str(tmp_path / "tls" / "ca.pem")
        assert sink.messages == []
    with Sink(tls="none", folder=str(tmp_path)) as sink, client_of(sink) as client:
        client.sendmail("later@example.org", "b@example.com", BODY)
    names = sorted(name for name in os.listdir(tmp_path) if name != "tls")
    assert names == [f"00000{n}.{kind}" for n in (1, 2, 3, 4) for kind in ("eml", "json")]
    assert (tmp_path / "000002.eml").read_bytes() == BODY
    envelope = json.loads((tmp_path / "000002.json").read_text())
    assert envelope["rcpt_to"] == ["b1@example.com"]
    assert (envelope["mail_from"], envelope["user"], envelope["size"]) == ("a@example.org", "demo", len(BODY))
    assert json.loads((tmp_path / "000004.json").read_text())["mail_from"] == "later@example.org"
    assert {os.stat(tmp_path / name).st_mode & 0o777 for name in names} == {0o600}


def test_counting_keeps_nothing():
    with Sink(tls="none", keep=False) as sink, client_of(sink) as client:
        client.sendmail("a@example.org", "b@example.com", BODY)
        assert (sink.count, sink.size, sink.messages) == (1, len(BODY), [])


def test_many_clients_at_once_each_leave_theirs():
    with Sink(tls="none") as sink:

        def work(number):
            with client_of(sink) as client:
                for turn in range(10):
                    client.sendmail(f"{number}-{turn}@example.org", "b@example.com", BODY)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        join(*threads)
        assert sorted(m.mail_from for m in sink.messages) == sorted(
            f"{n}-{t}@example.org" for n in range(8) for t in range(10)
        )


def test_stopping_ends_open_connections_and_frees_the_port():
    sink = Sink(tls="none")
    sink.start()
    with socket.create_connection((sink.host, sink.port), timeout=PATIENCE) as sock:
        assert sock.recv(100).startswith(b"220")
        sink.stop()
        assert sock.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((sink.host, sink.port), timeout=PATIENCE)
    sink.stop()


def test_the_repr_of_a_message_does_not_spill_it():
    assert "secret words" not in repr(Received("a@b", (), (), "", "", "", 1, b"secret words"))


class Fed(Wire):
    """A wire whose bytes come in these portions."""

    def __init__(self, portions):
        self._in = b""
        self._portions = list(portions)

    def receive(self):
        if not self._portions:
            raise Hangup
        return self._portions.pop(0)


tokens = st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"\r\n.\r\n", b"a", b"\r\n..", b"\xff"])


@given(parts=st.lists(tokens, max_size=30), cuts=st.lists(st.integers(0, 120), max_size=10))
def test_content_comes_back_as_it_went_out_however_it_is_cut(parts, cuts):
    wire = b"".join(transparent([b"".join(parts)]))
    content = wire[: -len(b".\r\n")].replace(b"\r\n.", b"\r\n")
    content = content[1:] if content.startswith(b".") else content
    stream = wire + b"QUIT\r\n"
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    fed = Fed(stream[a:b] for a, b in zip(places, places[1:]))
    assert b"".join(fed.content()) == content
    assert fed.line() == "QUIT"


LOOSE_ENDS = [
    b"\n.\n",
    b"\r.\r",
    b"\r\n.\n",
    b"\n.\r\n",
    b"\r\n.\r",
    b"\r.\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n. \r\n",
]


@pytest.mark.parametrize("loose", LOOSE_ENDS)
def test_nothing_but_the_real_end_mark_ends_a_message_and_bytes_stay_as_they_came(loose):
    for at in range(len(loose) + 1):
        fed = Fed([b"a" + loose[:at], loose[at:] + b"b\r\n.\r\n"])
        assert b"".join(fed.content()) == b"a" + loose.replace(b"\r\n.", b"\r\n") + b"b\r\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_runs_by_itself_and_ends_when_told(tmp_path, number):
    (tmp_path / "password").write_text("pass word\n")
    folder = tmp_path / "mail"
    command = [
        sys.executable,
        "-m",
        "postern.ops.local.sink",
        "--port",
        "0",
        "--folder",
        str(folder),
        "--user",
        "demo",
    ]
    command += ["--password-file", str(tmp_path / "password")]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with child(command, stdout=subprocess.PIPE, env=environ, text=True) as process:
        host, _, port = process.stdout.readline().strip().rpartition(":")
        assert host == "127.0.0.1"
        with smtplib.SMTP(host, int(port), local_hostname="me", timeout=PATIENCE) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(folder / "tls" / "ca.pem")))
            client.login("demo", "pass word")
            client.sendmail("a@example.org", "b@example.com", BODY)
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
        assert process.stdout.read() == ""
    assert (folder / "000001.eml").read_bytes() == BODY
