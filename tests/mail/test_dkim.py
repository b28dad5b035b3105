"""mail/dkim.py, mail/signing_key.py and mail/dkim_record.py: the standard's own example, and dkimpy as the judge."""

from __future__ import annotations

import base64
import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.base.errors import ConfigError
from postern.mail import canonical, dkim, dkim_record, header, signing_key
from postern.mail.signing_key import ED25519, RSA, SigningKey
from support.signing import judge, on_the_wire, signing_key_of, signing_keys

DOMAIN = "alias.example"

# RFC 8463, appendix A.
EXAMPLE_SECRET = base64.b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
EXAMPLE_PUBLIC = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
EXAMPLE_SIGNATURE = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
    b" d=football.example.com; i=@football.example.com;\r\n"
    b" q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b="
)
EXAMPLE_VALUE = b"/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
EXAMPLE_HEADER = (
    b"From: Joe SixPack <joe@football.example.com>\r\n"
    b"To: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\n"
    b"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
    b"\r\n"
)
EXAMPLE_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"


def test_the_example_of_rfc_8463_is_signed_as_it_stands_there():
    key = SigningKey(
        "football.example.com", "brisbane", ED25519, Ed25519PrivateKey.from_private_bytes(EXAMPLE_SECRET)
    )
    assert key.public == EXAMPLE_PUBLIC
    assert base64.b64encode(canonical.body_hash([EXAMPLE_BODY])) in EXAMPLE_SIGNATURE
    fields = header.parse(EXAMPLE_HEADER).fields
    names = [b"from", b"to", b"subject", b"date", b"message-id", b"from", b"subject", b"date"]
    raws = dkim.selected(fields, names)
    data = b"".join([canonical.field(raw) + b"\r\n" for raw in raws]) + canonical.field(EXAMPLE_SIGNATURE)
    assert base64.b64encode(key.sign(data)) == EXAMPLE_VALUE


def signed(content: bytes, *keys: SigningKey) -> bytes:
    """With a signature of each key on top, as the drain puts it there."""
    block, body = header.split([content])
    fields, digest = header.parse(block).fields, canonical.body_hash(body)
    made = [dkim.signature(key, fields, digest) for key in keys]
    return b"".join([field + b"\r\n" for field in made]) + content


def message(*fields: bytes, body: bytes = b"Hi.\r\n") -> bytes:
    return b"".join([field + b"\r\n" for field in (b"From: shop@alias.example", *fields)]) + b"\r\n" + body


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Content-Type", b"X-Other"]),
            st.lists(st.sampled_from([b"a@b", b" ", b"\t", b",\r\n ", b"\xe9", b";b=x"]), max_size=6).map(
                b"".join
            ),
        ),
        max_size=14,
    ),
    st.lists(
        st.sampled_from([b"a", b"b c", b" ", b"\t", b"\r\n", b"\n", b"\r", b".", b"\xe9"]), max_size=12
    ).map(b"".join),
)
def test_both_signatures_hold_for_dkimpy_as_the_message_stands_on_the_wire(
    fields: list[tuple[bytes, bytes]], body: bytes
):
    keys = signing_keys(DOMAIN)
    content = message(*(name + b": x" + value for name, value in fields), body=body)
    assert judge(on_the_wire(signed(content, *keys)), *keys) == 2


@pytest.mark.parametrize(
    "added",
    [
        b"From: x@y",
        b"Subject: Other",
        b"Reply-To: x@y",
        b"Cc: x@y",
        b"To: x@y",
        b"Date: now",
        b"Content-Type: text/html",
    ],
)
def test_a_field_that_is_slipped_in_breaks_the_signature(added: bytes):
    key = signing_key_of(DOMAIN, ED25519)
    content = signed(message(b"Subject: Hi", b"To: a@b", b"Date: Mon, 02 Nov 2026 10:14:01 +0100"), key)
    assert judge(content, key) == 1
    with pytest.raises(AssertionError):
        judge(added + b"\r\n" + content, key)


def test_what_relays_add_where_it_is_missing_breaks_nothing():
    key = signing_key_of(DOMAIN, ED25519)
    added = b"Received: by relay\r\nDate: now\r\nMessage-ID: <a@b>\r\nTo: undisclosed-recipients:;\r\nMIME-Version: 1.0\r\n"
    assert judge(added + signed(message(), key), key) == 1


def test_of_thousands_of_one_name_only_some_are_signed_and_lines_stay_short():
    key = signing_key_of(DOMAIN)
    content = signed(message(*[b"To: a@b"] * 3_000), key)
    assert judge(content, key) == 1
    signature = content.partition(b"\r\nFrom:")[0]
    assert 1 < signature.count(b":to") <= dkim.MOST_OF_ONE + 1
    assert max(len(line) for line in signature.split(b"\r\n")) <= 78
    assert b" l=" not in signature


@pytest.mark.parametrize("kind", [RSA, ED25519])
def test_a_key_comes_back_from_its_pem_and_shows_itself_to_nobody(kind: str):
    key = signing_key_of(DOMAIN, kind)
    pem = signing_key.to_pem(key)
    again = signing_key.from_pem(DOMAIN, key.selector, pem)
    assert (again.kind, again.public) == (kind, key.public)
    assert "private" not in repr(key)
    with pytest.raises(TypeError):
        pickle.dumps(key)
    with pytest.raises(ConfigError, match="is broken") as caught:
        signing_key.from_pem(DOMAIN, key.selector, pem[:60] + pem[70:])
    assert caught.value.__cause__ is None
    assert pem.split("\n")[1] not in str(caught.value)


def test_a_long_record_is_cut_into_strings_that_dns_can_carry():
    key = signing_key_of(DOMAIN)
    line = dkim_record.line(key)
    name, kind, rest = line.split(" ", 2)
    strings = rest[1:-1].split('" "')
    assert (name, kind) == (f"{key.selector}._domainkey.{DOMAIN}", "TXT")
    assert len(strings) == 2
    assert all(len(string) <= 255 for string in strings)
    assert "".join(strings) == dkim_record.text(key) == f"v=DKIM1; k=rsa; p={key.public}"


@pytest.mark.parametrize(
    ("published", "fault"),
    [
        ([], "no such record"),
        (["something else"], "no such record"),
        (["v=DKIM1; k=rsa; p={p}"], ""),
        (["k=rsa;  p={p};"], ""),
        (["v=DKIM1; k=rsa; h=sha1:sha256; s=email; t=s; n=note; p={p}"], ""),
        (["unrelated", "v=DKIM1; p={p}"], ""),
        (["v=DKIM1; k=rsa; p={half} {rest}"], ""),
        (["v=DKIM1; k=rsa; p={half}"], "cut off"),
        (["v=DKIM1; k=rsa; p=AAAA"], "another key"),
        (["v=DKIM1; k=rsa; p="], "takes the key back"),
        (["v=DKIM1; k=rsa; p={p}"] * 2, "2 records"),
        (["v=DKIM2; p={p}"], "instead of v=DKIM1"),
        (["v=DKIM1; k=ed25519; p={p}"], "instead of k=rsa"),
        (["v=DKIM1; h=sha1; p={p}"], "sha256"),
        (["v=DKIM1; s=tlsrpt; p={p}"], "email"),
        (["v=DKIM1; t=y; p={p}"], "test"),
    ],
)
def test_a_record_is_held_against_the_key(published: list[str], fault: str):
    key = signing_key_of(DOMAIN)
    public = key.public
    texts = [text.format(p=public, half=public[:100], rest=public[100:]) for text in published]
    found = dkim_record.fault(texts, key)
    assert fault in found
    assert bool(fault) == bool(found)
