"""Postern's own signatures, from the key to what the relay gets: the whole road, and dkimpy as the judge."""

from __future__ import annotations

import os
import pathlib

import dkim
import pytest

from postern.base import dkim_keys
from postern.base.dkim_keys import KeptKey
from postern.base.errors import ConfigError
from postern.flow import deliver
from postern.mail import signing_key
from postern.mail.signing_key import ED25519
from support.doh import DohServer
from support.house import House
from support.instance import DOMAIN, MAILBOX, Instance
from support.mail import body_of, canonical, message
from support.page import block
from support.queue import put
from support.relay import ScriptedRelay
from support.signing import chain, judge, parsed, signing_key_of, signing_keys

BODY = b"Line with  blanks. \t\r\n.\r\n..dots\r\n8 bit: \xc3\xbc\xe9\r\nbare\nLF, bare\rCR\r\n\r\n\r\nno end"
VERDICT = "mx.cloudflare.net; dkim=pass header.d=shop.example; dmarc=pass header.from=shop.example"


@pytest.fixture(autouse=True)
def _asleep(monkeypatch: pytest.MonkeyPatch):
    """Receipts wake no drain here: each test runs its own."""
    monkeypatch.setattr("postern.flow.wake.drain", lambda context: None)


def keep(instance: Instance, *keys: signing_key.SigningKey, since: int = 1) -> None:
    """Put them into the instance's home."""
    with dkim_keys.lock(instance.home):
        dkim_keys.write(
            instance.home,
            [KeptKey(key.domain, key.selector, key.kind, 1, since, signing_key.to_pem(key)) for key in keys],
        )


@pytest.mark.parametrize("without", [(), ("8BITMIME", "PIPELINING")], ids=["eight-bit", "seven-bit"])
def test_a_forwarded_message_is_signed_and_sealed_as_the_relay_gets_it(
    instance: Instance, relay: ScriptedRelay, without: tuple[str, ...]
):
    relay.without = set(without)
    keys = signing_keys(DOMAIN)
    keep(instance, *keys)
    # Header and body are too long for memory: both readings of the body come from the same file.
    body = b"".join([os.urandom(36).hex().encode() + b"\r\n" for _ in range(3_000)]) + BODY
    mime = message(body=body, Authentication_Results=VERDICT, X_Long="\r\n ".join(["x" * 900] * 400))
    put(instance, instance.context(), mime)
    assert instance.drain() == ""
    (got,) = relay.messages
    assert judge(got.content, *keys) == 2
    assert [one.value.split(b";")[1] for one in parsed(got.content).all(b"DKIM-Signature")] == [
        b" a=rsa-sha256",
        b" a=ed25519-sha256",
    ]
    assert chain(got.content, *keys)[0] == dkim.CV_Pass
    assert body_of(got.content) == canonical(body)
    with pytest.raises(dkim.ValidationError, match="body hash"):
        judge(got.content.replace(b"blanks", b"blAnks"), *keys)


def test_a_key_for_another_domain_or_one_that_waits_signs_nothing(instance: Instance, relay: ScriptedRelay):
    context = instance.context()
    keep(instance, signing_key_of("other.example", ED25519))
    put(instance, context, message(Authentication_Results=VERDICT))
    instance.drain()
    keep(instance, signing_key_of(DOMAIN), since=0)
    put(instance, context, message(Authentication_Results=VERDICT))
    instance.drain()
    for got in relay.messages:
        assert b"DKIM-Signature" not in got.content
        assert b"ARC-" not in got.content


def test_the_key_that_came_last_signs_also_when_the_clock_was_set_back(tmp_path: pathlib.Path):
    keys = [KeptKey(DOMAIN, name, ED25519, made, 1, "") for name, made in (("new", 100), ("old", 200))]
    dkim_keys.write(str(tmp_path), keys)
    assert [one.selector for one in dkim_keys.in_use(dkim_keys.read(str(tmp_path)))] == ["new"]


def test_notices_and_replies_are_signed_and_not_sealed(instance: Instance, relay: ScriptedRelay):
    """The body of a reply is changed on its way: it is the changed one that is signed."""
    from postern.base.database import SYSTEM
    from postern.flow import notify
    from postern.mail.notice import Notice
    from postern.store import aliases, contacts, mailboxes, users

    key = signing_key_of(DOMAIN, ED25519)
    keep(instance, key, signing_key_of(DOMAIN))
    context = instance.context()
    with context.pool.connection() as db, db.transaction(SYSTEM):
        alias = aliases.find(db, "shop", DOMAIN)
        assert alias is not None
        contact = contacts.ensure(db, context.ring, alias.id, "bob@shop.example", "Bob")
        user = users.find(db, "jane")
        assert user is not None
        mailbox = mailboxes.of_user(db, user.id)[0]
        notify.post(context, db, user.id, mailbox.id, Notice("News", ("Something came.",)))
    reverse = f"{contact.reverse_local}@{DOMAIN}"
    verdict = "mx.cloudflare.net; dmarc=pass header.from=real-mailbox.example"
    mime = message(
        From=f"Jane <{MAILBOX}>",
        To=reverse,
        Authentication_Results=verdict,
        body=f"I am {MAILBOX}.\r\n".encode(),
    )
    put(instance, context, mime, rcpt_to=reverse)
    assert instance.drain() == ""
    assert sorted(one.rcpt_to for one in relay.messages) == [("bob@shop.example",), (MAILBOX,)]
    for got in relay.messages:
        assert judge(got.content, key, signing_key_of(DOMAIN)) == 2
        assert b"ARC-" not in got.content
        assert (f"I am shop@{DOMAIN}." in got.content.decode()) == (got.rcpt_to == ("bob@shop.example",))


def test_a_file_of_keys_that_cannot_be_used_holds_the_mail_rather_than_letting_it_out_unsigned(
    instance: Instance, relay: ScriptedRelay
):
    context = instance.context()
    put(instance, context, message())
    keep(instance, signing_key_of(DOMAIN))
    path = pathlib.Path(instance.home, dkim_keys.FILE)
    for break_it, words in (
        (lambda: path.write_text("{"), "cannot be read"),
        (lambda: path.chmod(0o644), "can be read by others"),
    ):
        keep(instance, signing_key_of(DOMAIN))
        break_it()
        with pytest.raises(ConfigError, match=words):
            deliver.drain(context, None)
    assert relay.messages == []
    path.chmod(0o600)
    instance.drain()
    assert len(relay.messages) == 1


def test_a_drain_without_keys_loads_nothing_that_signs(instance: Instance, relay: ScriptedRelay):
    import subprocess
    import sys

    put(instance, instance.context(), message())
    code = (
        "import sys; from postern.flow import deliver; from postern.flow.context import open_context; "
        "from postern.base.stop import Stop; deliver.drain(open_context({}, 'test'), Stop()); "
        "print([m for m in sys.modules if m.startswith('postern.mail.') and m.split('.')[-1] in "
        "('dkim', 'arc', 'canonical', 'signing_key')], 'cryptography.hazmat.primitives.asymmetric.rsa' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=instance.environ, capture_output=True, text=True)
    assert done.stdout.strip() == "[] False", done.stderr
    assert len(relay.messages) == 1


# The command.


def test_a_key_signs_once_its_record_is_published_and_the_next_one_takes_its_place(
    instance: Instance, relay: ScriptedRelay, doh_server: DohServer
):
    house = House(pathlib.Path(instance.home), {**instance.settings, "POSTERN_DOH_URL": doh_server.url})
    out = follow(house, "postern dkim new alias.example.org\n")
    lines = [line.split(" TXT ") for line in out.splitlines() if " TXT " in line]
    assert [name.partition("._domainkey.")[2] for name, _ in lines] == [DOMAIN] * 2
    assert os.stat(pathlib.Path(instance.home, dkim_keys.FILE)).st_mode & 0o777 == 0o600
    assert "there is no such record" in house.cli("dkim", "check", code=1)
    put(instance, instance.context(), message())
    instance.drain()
    assert b"DKIM-Signature" not in relay.messages[0].content
    for name, text in lines:
        doh_server.zone[name] = [f"TXT {text}"]
    assert "as it should be" in follow(house, "postern dkim check")
    put(instance, instance.context(), message())
    instance.drain()
    assert relay.messages[1].content.count(b"DKIM-Signature: ") == 2
    # The page's steps; in between the record is published, and before that the old keys go on.
    new, check, show = block("dkim.md", "sh", "postern dkim new alias.example.org --selector").splitlines()
    for line in run(house, new).splitlines():
        name, _, text = line.partition(" TXT ")
        if name.startswith("next-rsa"):
            doh_server.zone[name] = [f"TXT {text}"]
    assert house.cli("dkim", "check", DOMAIN, code=1).count("signs") == 2
    listed = run(house, show)
    assert {line.split()[1]: line.split()[3] for line in listed.splitlines() if DOMAIN in line} == {
        "next-rsa": "signs",
        "next-ed25519": "waits",
        lines[0][0].partition(".")[0]: "replaced",
        lines[1][0].partition(".")[0]: "signs",
    }
    for line in house.cli("dkim", "record", DOMAIN).splitlines():
        name, _, text = line.partition(" TXT ")
        if text:
            doh_server.zone[name] = [f"TXT {text}"]
    run(house, check)
    assert {key.selector for key in dkim_keys.in_use(dkim_keys.read(instance.home))} == {
        "next-rsa",
        "next-ed25519",
    }
    old = lines[0][0].partition(".")[0]
    assert "--yes" in house.cli("dkim", "remove", DOMAIN, old, code=64)
    house.cli("dkim", "remove", DOMAIN, old, "--yes")
    assert "no key" in house.cli("dkim", "remove", DOMAIN, old, "--yes", code=66)
    assert old not in house.cli("dkim", "list")
    assert house.cli("dkim", "new", DOMAIN, "--selector", "next", code=73)
    assert house.cli("dkim", "new", DOMAIN, "--selector", "no.dots", code=64)
    assert "No mail leaves" in house.cli("dkim", "new", "other.example", code=66)


def follow(house: House, beginning: str) -> str:
    """Run the block of docs/dkim.md that begins so."""
    return "".join(run(house, line) for line in block("dkim.md", "sh", beginning).splitlines())


def run(house: House, line: str) -> str:
    """A line of the page; only the domain is another."""
    return house.cli(*line.replace("alias.example.org", DOMAIN).split()[1:])
