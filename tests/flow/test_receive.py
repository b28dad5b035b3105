"""Receipt over HTTP: each answer of the contract, and that nothing is stored unless it is 202 stored."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

import pytest
import standardwebhooks

from postern.mail.envelope import HASHED_BYTES
from postern.ops import post
from support.instance import ALIAS, DOMAIN, ROOT, Instance
from support.mail import message
from support.patience import PATIENCE


def send(site: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str]]:
    """Post as it is; status and headers of the answer."""
    request = urllib.request.Request(f"{site}/hooks/inbound", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return reply.status, {name.lower(): value for name, value in reply.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {name.lower(): value for name, value in error.headers.items()}


def signed(
    instance: Instance, mime: bytes, rcpt_to: str = ALIAS, mail_from: str = "bob@shop.example"
) -> dict[str, str]:
    return post.headers(instance.secret, mail_from, rcpt_to, mime, "cloudflare")


def stored(instance: Instance) -> tuple[int, int, int]:
    """Rows of messages, deliveries and webhook ids."""
    counts = instance.query(
        "SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM deliveries), (SELECT count(*) FROM webhook_ids)"
    )[0]
    return tuple(int(str(count)) for count in counts)  # type: ignore[return-value]


@pytest.fixture
def quiet(instance: Instance) -> Instance:
    """The instance with a relay that is paused: receipts stay in the queue to be counted."""
    instance.query(
        "INSERT INTO relays (name, paused_until) VALUES (:n, now() + interval '1 day')",
        n=f"127.0.0.1:{instance.settings['POSTERN_RELAY_PORT']}",
    )
    return instance


def test_a_signed_message_is_stored_once_for_each_verified_mailbox(quiet: Instance, site: str):
    mime = message()
    status, headers = send(site, signed(quiet, mime), mime)
    assert (status, headers["postern-receipt"]) == (202, "stored")
    assert stored(quiet) == (1, 1, 1)


def test_the_message_comes_out_of_the_database_byte_for_byte(quiet: Instance, site: str):
    mime = message(body=os.urandom(200_000))
    send(site, signed(quiet, mime), mime)
    message_id = quiet.query("SELECT id FROM messages")[0][0]
    out = subprocess.run(
        [sys.executable, "-m", "postern", "message", "show", str(message_id), "--raw"],
        env=quiet.environ,
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    assert out == mime


def test_nothing_in_the_database_shows_mail_or_real_addresses(quiet: Instance, site: str, ready_database):
    mime = message(subject="zebracrossing", body=b"walrusbody\r\n" * 100)
    send(site, signed(quiet, mime, mail_from="bob@shop.example"), mime)
    with ready_database.connect_superuser() as connection:
        tables = [
            row[0] for row in connection.run("SELECT tablename FROM pg_tables WHERE schemaname = 'postern'")
        ]
        dump = "\n".join(str(connection.run(f'SELECT * FROM postern."{table}"')) for table in tables)
    assert len(tables) > 10
    for secret in (
        "zebracrossing",
        "walrusbody",
        "bob@shop",
        "jane.doe",
        "real-mailbox",
        base64.b64encode(b"walrusbody").decode(),
        b"walrusbody".hex(),
    ):
        assert secret not in dump


TAMPERED = {
    "no id": {"webhook-id": None},
    "no timestamp": {"webhook-timestamp": None},
    "no signature": {"webhook-signature": None},
    "no envelope": {"postern-envelope": None},
    "another id": {"webhook-id": "in_" + "0" * 32},
    "another version": {"webhook-signature": lambda value: "v2," + value[3:]},
    "garbled": {"webhook-signature": "v1,AAAA"},
    "another envelope": {"postern-envelope": base64.b64encode(b'{"v":1}').decode()},
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_what_is_not_signed_by_us_is_401_and_leaves_nothing(quiet: Instance, site: str, change: dict):
    mime = message()
    headers = signed(quiet, mime)
    for name, value in change.items():
        old = headers.pop(name)
        if value is not None:
            headers[name] = value(old) if callable(value) else value
    status, answer = send(site, headers, mime)
    assert status == 401
    assert "postern-receipt" not in answer
    assert stored(quiet) == (0, 0, 0)


@pytest.mark.parametrize("seconds", [-301, 360, -86400])  # 360: the post itself takes a while
def test_a_stale_or_future_timestamp_is_401(
    quiet: Instance, site: str, seconds: int, monkeypatch: pytest.MonkeyPatch
):
    from postern.base import clock

    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + seconds)
    mime = message()
    headers = signed(quiet, mime)
    assert send(site, headers, mime)[0] == 401
    assert stored(quiet) == (0, 0, 0)


def test_a_replay_is_401_and_is_not_queued_again(quiet: Instance, site: str):
    mime = message()
    headers = signed(quiet, mime)
    assert send(site, headers, mime)[0] == 202
    assert send(site, headers, mime)[0] == 401
    assert stored(quiet) == (1, 1, 1)


def test_the_public_standard_webhooks_signer_is_understood(quiet: Instance, site: str):
    mime = message()
    headers = signed(quiet, mime)
    envelope = base64.b64decode(headers["postern-envelope"]).decode()
    signer = standardwebhooks.Webhook(quiet.settings["POSTERN_WEBHOOK_SECRETS"])
    when = datetime.fromtimestamp(int(headers["webhook-timestamp"]), timezone.utc)
    headers["webhook-signature"] = signer.sign(headers["webhook-id"], when, envelope)
    assert send(site, headers, mime)[0] == 202


def test_either_of_two_secrets_signs_while_they_are_changed(quiet: Instance, site: str):
    old = quiet.secret
    fresh = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    quiet.write_env(POSTERN_WEBHOOK_SECRETS=f'"{fresh} {quiet.settings["POSTERN_WEBHOOK_SECRETS"]}"')
    with quiet.served() as changed:
        for secret in (old, base64.b64decode(fresh[6:])):
            mime = message()
            headers = post.headers(secret, "bob@shop.example", ALIAS, mime, "cloudflare")
            assert send(changed, headers, mime)[0] == 202


def resign(instance: Instance, headers: dict[str, str], **changes: object) -> dict[str, str]:
    """The same headers with another envelope, rightly signed."""
    envelope = {**json.loads(base64.b64decode(headers["postern-envelope"])), **changes}
    text = json.dumps({key: value for key, value in envelope.items() if value is not None}).encode()
    signed_text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + text
    signature = base64.b64encode(hmac.new(instance.secret, signed_text, hashlib.sha256).digest()).decode()
    return {
        **headers,
        "postern-envelope": base64.b64encode(text).decode(),
        "webhook-signature": f"v1,{signature}",
    }


MALFORMED = [
    {"v": 2},
    {"v": None},
    {"type": "mail.outbound"},
    {"size": -1},
    {"size": True},
    {"size": 1.5},
    {"sha256": "abc"},
    {"rcpt_to": ""},
    {"rcpt_to": "shop"},
    {"rcpt_to": ["a@b"]},
    {"mail_from": None},
    {"sha256": hashlib.sha256(b"something else").hexdigest()},
]


@pytest.mark.parametrize("changes", MALFORMED, ids=str)
def test_a_signed_envelope_that_makes_no_sense_is_400(quiet: Instance, site: str, changes: dict):
    mime = message()
    status, _ = send(site, resign(quiet, signed(quiet, mime), **changes), mime)
    assert status == 400
    assert stored(quiet) == (0, 0, 0)


def test_a_large_message_needs_no_hash_but_its_size(quiet: Instance, site: str):
    mime = message(body=b"0123456789abcdef" * (HASHED_BYTES // 16))
    assert len(mime) > HASHED_BYTES
    headers = resign(quiet, signed(quiet, mime), sha256="")
    assert send(site, headers, mime[:-1])[0] == 400
    assert stored(quiet) == (0, 0, 0)
    assert send(site, resign(quiet, signed(quiet, mime), sha256=""), mime)[0] == 202


def test_a_probe_is_told_whether_the_message_would_be_taken_and_stores_nothing(quiet: Instance, site: str):
    def probe(rcpt_to: str, size: int = 1000) -> tuple:
        headers = post.headers(quiet.secret, "bob@shop.example", rcpt_to, b"", "cloudflare")
        return send(site, resign(quiet, headers, type="mail.probe", size=size), b"")

    def said(answer: tuple) -> tuple:
        status, headers = answer
        return status, headers.get("postern-receipt") or headers.get("postern-reject")

    assert said(probe(ALIAS)) == (202, "ready")
    assert said(probe("nobody@alias.example")) == (422, "5.1.1 no such alias")
    assert said(probe(ALIAS, 2**29)) == (422, "5.3.4 message larger than 26214400 bytes")
    assert stored(quiet)[0] == 0
    assert said(probe("bn-aaaaaaaaaaaaaaaaaaaaaaaaaa@alias.example")) == (422, "5.1.1 no such alias")


def test_a_body_longer_than_signed_is_400(quiet: Instance, site: str):
    mime = message()
    assert send(site, signed(quiet, mime), mime + b"more")[0] == 400
    assert stored(quiet) == (0, 0, 0)


def test_a_body_cut_off_by_a_vanished_client_leaves_nothing(quiet: Instance, site: str):
    import socket

    mime = message(body=b"x" * 300_000)
    head = "".join(
        f"{name}: {value}\r\n"
        for name, value in {**signed(quiet, mime), "content-length": str(len(mime))}.items()
    )
    host, port = site[7:].split(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(f"POST /hooks/inbound HTTP/1.1\r\nhost: x\r\n{head}\r\n".encode() + mime[:100_000])
        line.shutdown(socket.SHUT_WR)
        answer = line.makefile("rb").readline()
    assert b" 400 " in answer
    assert stored(quiet) == (0, 0, 0)


def test_without_a_length_it_is_411(quiet: Instance, site: str):
    import http.client

    host, port = site[7:].split(":")
    connection = http.client.HTTPConnection(host, int(port))
    mime = message()
    connection.putrequest("POST", "/hooks/inbound")
    for name, value in {**signed(quiet, mime), "transfer-encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(mime), mime))
    assert connection.getresponse().status == 411
    connection.close()


REFUSED = {
    "unknown alias": (f"nobody@{DOMAIN}", "5.1.1 no such alias"),
    "unknown domain": ("shop@elsewhere.example", "5.1.1 no such alias"),
    "forged bounce": (f"bn-aaaaaaaaaaaabaaaaaaaaaaaaa@{DOMAIN}", "5.1.1 no such alias"),
}


@pytest.mark.parametrize(("rcpt_to", "reject"), REFUSED.values(), ids=REFUSED)
def test_mail_to_nobody_is_refused_in_words_for_the_sender(
    quiet: Instance, site: str, rcpt_to: str, reject: str
):
    mime = message()
    status, headers = send(site, signed(quiet, mime, rcpt_to), mime)
    assert (status, headers["postern-reject"]) == (422, reject)
    assert stored(quiet) == (0, 0, 0)


def test_a_disabled_alias_refuses_and_an_enabled_one_takes_mail_again(quiet: Instance, site: str):
    quiet.cli("alias", "off", ALIAS)
    mime = message()
    status, headers = send(site, signed(quiet, mime), mime)
    assert (status, headers["postern-reject"]) == (422, "5.2.1 this alias takes no mail")
    quiet.cli("alias", "on", ALIAS)
    assert send(site, signed(quiet, mime), mime)[0] == 202


def test_an_unverified_mailbox_gets_nothing(quiet: Instance, site: str):
    quiet.query("UPDATE mailboxes SET verified_at = NULL")
    mime = message()
    status, headers = send(site, signed(quiet, mime), mime)
    assert (status, headers["postern-reject"]) == (422, "5.2.1 this alias takes no mail")


def test_a_forged_reply_is_refused_in_words_that_tell_nothing(quiet: Instance, site: str):
    mime = message()
    send(site, signed(quiet, mime), mime)
    ((local,),) = quiet.query("SELECT reverse_local FROM contacts")
    forged = message(From="jane.doe@real-mailbox.example")
    status, headers = send(site, signed(quiet, forged, f"{local}@{DOMAIN}"), forged)
    assert (status, headers["postern-reject"]) == (422, "5.7.1 this address takes mail from its owner only")
    assert stored(quiet)[:2] == (1, 1)
    told = json.loads(quiet.cli("user", "events", "jane", "--json"))
    assert "refused" in [event["kind"] for event in told]


def test_over_a_users_quota_the_sender_is_asked_to_come_back_later(quiet: Instance, site: str):
    quiet.query("UPDATE users SET max_messages_day = 1")
    first, second = message(), message()
    assert send(site, signed(quiet, first), first)[0] == 202
    status, headers = send(site, signed(quiet, second), second)
    assert status == 503
    assert headers["retry-after"].isdigit()
    assert stored(quiet) == (1, 1, 1)


def test_the_alias_is_found_in_any_case(quiet: Instance, site: str):
    mime = message()
    assert send(site, signed(quiet, mime, "ShOp@ALIAS.Example"), mime)[0] == 202


def test_an_oversize_message_is_refused_and_leaves_its_user_a_notice(quiet: Instance, site: str):
    mime = message()
    headers = resign(quiet, signed(quiet, mime), size=26_214_401)
    status, answer = send(site, headers, mime)
    assert (status, answer["postern-reject"]) == (422, "5.3.4 message larger than 26214400 bytes")
    assert stored(quiet)[:2] == (0, 0)
    told = json.loads(quiet.cli("user", "events", "jane", "--json"))
    assert [event["kind"] for event in told] == ["oversize"]
    assert "size=26214401" in told[0]["note"] and "from=bob@shop.example" in told[0]["note"]


def test_the_same_mail_sent_again_with_new_trace_headers_is_queued_once(quiet: Instance, site: str):
    first = message(Message_ID="<same@shop.example>")
    again = b"Received: from elsewhere by cloudflare-email.net id 2\r\n" + first
    assert send(site, signed(quiet, first), first)[1]["postern-receipt"] == "stored"
    assert send(site, signed(quiet, again), again)[1]["postern-receipt"] == "duplicate"
    assert stored(quiet) == (1, 1, 2)


def test_after_a_week_the_same_mail_is_new(quiet: Instance, site: str):
    first = message(Message_ID="<same@shop.example>")
    send(site, signed(quiet, first), first)
    quiet.query("UPDATE fingerprints SET seen_at = seen_at - interval '8 days'")
    assert send(site, signed(quiet, first), first)[1]["postern-receipt"] == "stored"


def test_twenty_posts_of_one_mail_at_once_are_queued_once(quiet: Instance, site: str):
    from concurrent.futures import ThreadPoolExecutor

    mime = message(Message_ID="<same@shop.example>")
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: send(site, signed(quiet, mime), mime), range(20)))
    assert {status for status, _ in answers} <= {202, 503}
    receipts = [headers.get("postern-receipt") for _, headers in answers]
    assert receipts.count("stored") == 1
    assert stored(quiet)[:2] == (1, 1)


def test_one_file_part_of_a_form_is_taken_too(quiet: Instance, site: str):
    mime = message(body=b"--not the boundary\r\n--xyz\r\n")
    body = (
        b"--xyz\r\ncontent-disposition: form-data; name=mail; filename=mail\r\n\r\n"
        + mime
        + b"\r\n--xyz--\r\n"
    )
    headers = {**signed(quiet, mime), "content-type": "multipart/form-data; boundary=xyz"}
    status, answer = send(site, headers, body)
    assert (status, answer.get("postern-receipt")) == (202, "stored")


def test_a_mail_that_has_been_everywhere_is_a_loop(quiet: Instance, site: str):
    mime = b"Received: from a by b; Mon, 02 Nov 2026 10:14:01 +0100\r\n" * 26 + message()
    status, headers = send(site, signed(quiet, mime), mime)
    assert (status, headers["postern-reject"]) == (422, "5.4.6 mail loop detected")
    assert stored(quiet) == (0, 0, 0)


def test_our_own_hop_count_stops_a_loop_and_a_stranger_cannot_forge_it(quiet: Instance, site: str):
    from postern.flow import loop

    ring = quiet.context().ring
    forged = message(Postern_Loop="9.000000000000000000000000")
    assert send(site, signed(quiet, forged), forged)[0] == 202
    fourth = message(Postern_Loop=loop.mark(ring, loop.MAX_HOPS - 1).decode())
    assert send(site, signed(quiet, fourth), fourth)[0] == 202
    fifth = message(Postern_Loop=loop.mark(ring, loop.MAX_HOPS).decode())
    assert send(site, signed(quiet, fifth), fifth)[1]["postern-reject"] == "5.4.6 mail loop detected"


def test_a_header_block_without_end_is_refused(quiet: Instance, site: str):
    mime = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 900) for number in range(700)) + b"\r\nbody\r\n"
    status, headers = send(site, signed(quiet, mime), mime)
    assert status == 422
    assert headers["postern-reject"].startswith("5.6.0 ")


def test_a_full_disk_asks_to_come_back_later(quiet: Instance):
    quiet.write_env(POSTERN_DISK_FREE_BYTES=str(10**15))
    with quiet.served() as full:
        mime = message()
        status, headers = send(full, signed(quiet, mime), mime)
    assert (status, headers["retry-after"]) == (503, "60")
    assert stored(quiet) == (0, 0, 0)


def test_every_line_about_a_receipt_carries_the_request_id_of_its_answer(quiet: Instance, site: str):
    mime = message()
    _, headers = send(site, signed(quiet, mime), mime)
    lines = [json.loads(line) for line in quiet.log().splitlines()]
    assert [line["request"] for line in lines if line["event"] == "receipt.stored"] == [
        headers["x-request-id"]
    ]


def test_the_log_tells_the_story_without_addresses_or_secrets(quiet: Instance, site: str):
    mime = message(subject="zebracrossing")
    send(site, signed(quiet, mime), mime)
    quiet.wait_for_drain()
    log = quiet.log()
    assert '"event":"receipt.stored"' in log.replace('": "', '":"')
    for secret in (
        "bob@shop.example",
        "jane.doe",
        "zebracrossing",
        quiet.settings["POSTERN_WEBHOOK_SECRETS"],
        quiet.settings["POSTERN_INDEX_KEY"],
    ):
        assert secret not in log
