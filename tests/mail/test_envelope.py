"""mail/envelope.py: webhook secrets, signatures, the order of the checks, strict JSON, bounce addresses.

Signatures come from the public `standardwebhooks` package's own signer, whose payload is here the envelope JSON.
"""

from __future__ import annotations

import base64
import json
from dataclasses import fields, replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from postern.base.errors import ConfigError, WeakKey
from postern.mail.address import is_bounce
from postern.mail.envelope import (
    HASHED_BYTES,
    Envelope,
    Inbound,
    Malformed,
    Unsigned,
    bounce_local,
    parse_secrets,
    read_bounce_local,
    sign,
    verify,
)

SECRET = bytes.fromhex("9f1c5be07724d83a1163e9b24c0fa85d76c2e81f3390ab47de5a08f491c36b7e")
OTHER = bytes.fromhex("31d07a96ce52b8f40d15e3a77c8b2946f05dab3ce81497620fb8d1437a5ec902")
OLD = bytes.fromhex("b50e4fd2881c6a97e3407d29f5ab12c6387d9e0146cf8ba2")
NOW = 1_795_397_240
ID = "in_0123456789abcdef0123456789abcdef"
FIELDS: dict[str, object] = {
    "v": 1,
    "type": "mail.inbound",
    "mail_from": "jane@example.com",
    "rcpt_to": "shop.blue@alias.example",
    "size": 1234,
    "sha256": "ab" * 32,
    "source": "cloudflare",
}
ENVELOPE = Envelope("jane@example.com", "shop.blue@alias.example", 1234, "ab" * 32, "cloudflare")


def whsec(secret: bytes) -> str:
    return "whsec_" + base64.b64encode(secret).decode()


def public_signature(secret: bytes, text: str, at: int = NOW) -> str:
    return Webhook(whsec(secret)).sign(ID, datetime.fromtimestamp(at, timezone.utc), text)


def inbound(
    text: str | bytes = json.dumps(FIELDS), *secrets: bytes, at: int = NOW, webhook_id: str = ID
) -> Inbound:
    """A post signed with these secrets (SECRET when none is given)."""
    raw = text if isinstance(text, bytes) else text.encode()
    signature = " ".join(sign(secret, webhook_id, at, raw) for secret in secrets or (SECRET,))
    return Inbound(webhook_id, str(at), signature, base64.b64encode(raw).decode())


def changed(**values: object) -> str:
    return json.dumps({**FIELDS, **values})


# Secrets


def test_secrets_are_read_in_their_order() -> None:
    assert parse_secrets(f" {whsec(SECRET)}\n{whsec(OLD)} ") == (SECRET, OLD)
    assert parse_secrets(whsec(OLD + OTHER[:1]).rstrip("=")) == (OLD + OTHER[:1],)


WEAK = [
    SECRET[:23],
    SECRET + OTHER + b"x",
    b"\0" * 32,
    bytes(range(16)) * 2,
    bytes(range(16)) * 2 + b"\0",
    SECRET[:20] * 3 + SECRET[:4],
    SECRET[:3] * 8,
    bytes(range(15)) + b"\0" * 17,
]


@pytest.mark.parametrize("secret", WEAK)
def test_a_weak_secret_is_refused_and_not_repeated(secret: bytes) -> None:
    with pytest.raises(WeakKey) as caught:
        parse_secrets(f"{whsec(SECRET)} {whsec(secret)}")
    assert "secret 2" in caught.value.reason
    assert base64.b64encode(secret).decode()[:8] not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "whsec_",
        "abc",
        whsec(SECRET)[6:],
        "whsec_!!!!",
        "whsec_AAAAA",
        "whsk_AAAA",
        whsec(OLD) + "x=",
    ],
)
def test_what_is_no_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_secrets(text)
    assert len(text) < 10 or text not in str(caught.value)
    assert caught.value.exit_code == 78


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_read_as_the_public_package_reads_it(secret: bytes) -> None:
    try:
        (found,) = parse_secrets(whsec(secret))
    except WeakKey:
        return
    assert found == secret == Webhook(whsec(secret))._whsecret


# Signatures


@pytest.mark.parametrize("mail_from", ["jane@example.com", "", "żaneta@poczta.example"])
def test_what_the_public_package_signed_is_believed(mail_from: str) -> None:
    text = json.dumps({**FIELDS, "mail_from": mail_from}, ensure_ascii=False)
    post = Inbound(ID, str(NOW), public_signature(SECRET, text), base64.b64encode(text.encode()).decode())
    verified = verify(post, [SECRET], NOW + 12.5)
    assert verified.id == ID
    assert verified.envelope == replace(ENVELOPE, mail_from=mail_from)


@given(st.text(st.characters(blacklist_categories=("Cs",))), st.integers(1, 2**31))
def test_our_signature_is_the_public_packages(text: str, at: int) -> None:
    assert sign(SECRET, ID, at, text.encode()) == public_signature(SECRET, text, at=at)


def test_the_public_package_verifies_what_we_sign() -> None:
    at = int(datetime.now(timezone.utc).timestamp())
    text = json.dumps(FIELDS)
    headers = {
        "webhook-id": ID,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(SECRET, ID, at, text.encode()),
    }
    assert Webhook(whsec(SECRET)).verify(text, headers) == FIELDS


@pytest.mark.parametrize("name", [field.name for field in fields(Inbound)])
def test_no_byte_of_a_post_can_be_altered(name: str) -> None:
    good = inbound()
    assert verify(good, [SECRET], NOW).envelope == ENVELOPE
    value = getattr(good, name)
    for at in range(len(value)):
        for other in {chr(ord(value[at]) ^ 1), "A", "0", " ", "é", "\0", ""} - {value[at]}:
            tampered = replace(good, **{name: value[:at] + other + value[at + 1 :]})
            with pytest.raises((Unsigned, Malformed)):
                verify(tampered, [SECRET], NOW)


@pytest.mark.parametrize("name", [field.name for field in fields(Inbound)])
def test_no_header_can_be_cut_or_lengthened(name: str) -> None:
    good = inbound()
    value = getattr(good, name)
    for other in (
        value[:-1],
        value[1:],
        "",
        value + "=",
        value + "0",
        "0" + value,
        value + "\n",
        "\n" + value,
    ):
        with pytest.raises((Unsigned, Malformed)):
            verify(replace(good, **{name: other}), [SECRET], NOW)


def test_one_good_signature_of_several_is_enough() -> None:
    assert verify(inbound(json.dumps(FIELDS), OTHER, OLD, SECRET), [SECRET], NOW).envelope == ENVELOPE
    assert verify(inbound(), [OTHER, OLD, SECRET], NOW).envelope == ENVELOPE
    foreign = inbound()
    mixed = replace(foreign, signature="v1a,AAAA v2,BBBB v1,CCCC v1 , " + foreign.signature + " v1,")
    assert verify(mixed, [SECRET], NOW).envelope == ENVELOPE


UNSIGNED = [
    ("an unknown secret", inbound(json.dumps(FIELDS), OTHER)),
    ("several unknown secrets", inbound(json.dumps(FIELDS), OTHER, OLD)),
    ("another version", replace(inbound(), signature=inbound().signature.replace("v1,", "v2,"))),
    ("no version", replace(inbound(), signature=inbound().signature[3:])),
    ("an upper-case version", replace(inbound(), signature=inbound().signature.replace("v1,", "V1,"))),
    ("hex", replace(inbound(), signature="v1," + base64.b64decode(inbound().signature[3:]).hex())),
    ("commas between", replace(inbound(), signature="v1,AAAA," + inbound().signature)),
    ("the signature of another id", replace(inbound(), id=ID.replace("0", "f"))),
    ("the signature of another time", replace(inbound(), timestamp=str(NOW + 1))),
    ("no id", replace(inbound(), id="")),
    ("no timestamp", replace(inbound(), timestamp="")),
    ("no signature", replace(inbound(), signature="")),
    ("no envelope", replace(inbound(), envelope64="")),
    ("nothing", Inbound("", "", "", "")),
    ("from five minutes and a second ago", inbound(at=NOW - 301)),
    ("from five minutes and a second ahead", inbound(at=NOW + 301)),
    ("from long ago", inbound(at=1)),
    ("from far ahead", inbound(at=999_999_999_999)),
]


@pytest.mark.parametrize("post", [post for _, post in UNSIGNED], ids=[name for name, _ in UNSIGNED])
def test_a_post_that_is_not_from_us_or_not_from_now_is_unsigned(post: Inbound) -> None:
    with pytest.raises(Unsigned) as caught:
        verify(post, [SECRET], NOW)
    assert caught.value.http_status == 401
    assert caught.value.remedy


def test_no_secret_at_all_believes_nothing() -> None:
    with pytest.raises(Unsigned):
        verify(inbound(), [], NOW)


@pytest.mark.parametrize("at", [NOW - 300, NOW, NOW + 300])
def test_five_minutes_either_way_are_in_time(at: int) -> None:
    assert verify(inbound(at=at), [SECRET], NOW).envelope == ENVELOPE


PADDED = next(p for p in (inbound(changed(size=10**n)) for n in range(3)) if p.envelope64.endswith("="))
MALFORMED_HEADERS = [
    ("an id of another form", inbound(webhook_id="msg_0123456789abcdef")),
    ("an id in upper case", inbound(webhook_id=ID.replace("abcdef", "ABCDEF"))),
    ("an id with a dot", inbound(webhook_id="in_0123456789abcdef0123456789abcde.")),
    ("an id with a line end", inbound(webhook_id=ID + "\n")),
    ("a huge id", replace(inbound(), id="in_" + "0" * 1_000_000)),
    ("a timestamp with a fraction", replace(inbound(), timestamp=f"{NOW}.0")),
    ("a timestamp with a sign", replace(inbound(), timestamp=f"+{NOW}")),
    ("a timestamp in other digits", replace(inbound(), timestamp="١٢٣")),
    ("a timestamp with a zero in front", replace(inbound(), timestamp=f"0{NOW}")),
    ("a huge timestamp", replace(inbound(), timestamp="1" * 1_000_000)),
    ("a huge signature", replace(inbound(), signature=inbound().signature + " v1,AAAA" * 1_000)),
    ("a signature that is not ASCII", replace(inbound(), signature=inbound().signature + " v1,é")),
    ("a huge envelope", inbound(json.dumps(FIELDS) + " " * 4_000)),
    ("an envelope that is no base64", replace(inbound(), envelope64="{}")),
    (
        "an envelope with a blank inside",
        replace(inbound(), envelope64=inbound().envelope64[:8] + " " + inbound().envelope64[8:]),
    ),
    ("an envelope without its padding", replace(PADDED, envelope64=PADDED.envelope64.rstrip("="))),
    ("an envelope in the alphabet of URLs", replace(inbound(), envelope64="-_-_")),
]


@pytest.mark.parametrize(
    "post", [post for _, post in MALFORMED_HEADERS], ids=[name for name, _ in MALFORMED_HEADERS]
)
def test_a_header_that_has_not_its_form_is_malformed(post: Inbound) -> None:
    with pytest.raises(Malformed) as caught:
        verify(post, [SECRET], NOW)
    assert caught.value.http_status == 400
    assert caught.value.remedy


# The envelope


def raw(**values: str) -> bytes:
    """The envelope's JSON with some values written as given."""
    parts = {key: json.dumps(value) for key, value in FIELDS.items()}
    return ("{" + ",".join(f'"{key}":{text}' for key, text in {**parts, **values}.items()) + "}").encode()


NOT_STRICT = [
    ("no JSON", b"mail"),
    ("nothing", b" "),
    ("a list", b"[1]"),
    ("a number", b"1"),
    ("null", b"null"),
    ("not UTF-8", raw(mail_from='"\xff"').decode().encode("latin-1")),
    ("UTF-16", json.dumps(FIELDS).encode("utf-16")),
    ("a byte order mark", b"\xef\xbb\xbf" + raw()),
    ("something behind", raw() + b"{}"),
    ("a key twice", raw()[:-1] + b',"size":1}'),
    ("the same key twice with the same value", raw()[:-1] + b',"v":1}'),
    ("an unknown key", json.dumps({**FIELDS, "extra": 1}).encode()),
    ("a missing key", json.dumps({key: value for key, value in FIELDS.items() if key != "source"}).encode()),
    ("no version", json.dumps({key: value for key, value in FIELDS.items() if key != "v"}).encode()),
    ("version 2", raw(v="2")),
    ("version 1 as text", raw(v='"1"')),
    ("version true", raw(v="true")),
    ("version 1.0", raw(v="1.0")),
    ("version 1e0", raw(v="1e0")),
    ("another type", raw(type='"mail.outbound"')),
    ("a type that is no text", raw(type='["mail.inbound"]')),
    ("size true", raw(size="true")),
    ("size as text", raw(size='"1234"')),
    ("size with a fraction", raw(size="1234.0")),
    ("size NaN", raw(size="NaN")),
    ("size Infinity", raw(size="Infinity")),
    ("size below zero", raw(size="-1")),
    ("size over 2 GiB", raw(size=str(2**31))),
    ("a size of 2,000 digits", raw(size="9" * 2_000)),
    ("size null", raw(size="null")),
    ("mail_from null", raw(mail_from="null")),
    ("mail_from a list", raw(mail_from="[]")),
    ("mail_from with a line end", raw(mail_from='"a@b.example\\r\\nX: y"')),
    ("mail_from with NUL", raw(mail_from='"a\\u0000@b.example"')),
    ("mail_from with a blank", raw(mail_from='"a @b.example"')),
    ("mail_from in brackets", raw(mail_from='"<a@b.example>"')),
    ("mail_from with U+2028", raw(mail_from='"a\\u2028@b.example"')),
    ("mail_from with half a character", raw(mail_from='"\\ud800@b.example"')),
    ("mail_from too long", raw(mail_from='"' + "x" * 503 + '@b.example"')),
    ("rcpt_to empty", raw(rcpt_to='""')),
    ("rcpt_to without @", raw(rcpt_to='"postmaster"')),
    ("rcpt_to without a local part", raw(rcpt_to='"@b.example"')),
    ("rcpt_to without a domain", raw(rcpt_to='"a@"')),
    ("rcpt_to with a line end", raw(rcpt_to='"a@b.example\\n"')),
    ("rcpt_to a number", raw(rcpt_to="5")),
    ("sha256 in upper case", raw(sha256='"' + "AB" * 32 + '"')),
    ("sha256 too short", raw(sha256='"abab"')),
    ("sha256 too long", raw(sha256='"' + "ab" * 33 + '"')),
    ("sha256 no text", raw(sha256="0")),
    ("sha256 empty and not large", raw(sha256='""', size=str(HASHED_BYTES))),
    ("a probe without a hash", raw(type='"mail.probe"', sha256='""')),
    ("source empty", raw(source='""')),
    ("source with a blank", raw(source='"cloud flare"')),
    ("source too long", raw(source='"' + "x" * 33 + '"')),
    ("deeply nested", b"[" * 3_000),
    ("deeply nested and closed", b'{"v":' * 500 + b"1" + b"}" * 500),
]


@pytest.mark.parametrize("text", [text for _, text in NOT_STRICT], ids=[name for name, _ in NOT_STRICT])
def test_an_envelope_that_is_signed_but_not_of_the_contract_is_malformed(text: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        verify(inbound(text), [SECRET], NOW)
    assert caught.value.http_status == 400
    assert "example" not in str(caught.value)


@pytest.mark.parametrize("text", [text for _, text in NOT_STRICT], ids=[name for name, _ in NOT_STRICT])
def test_the_json_of_a_stranger_is_not_looked_at(text: bytes) -> None:
    with pytest.raises(Unsigned):
        verify(inbound(text, OTHER), [SECRET], NOW)


STRICT = [
    (raw(), ENVELOPE),
    (json.dumps(FIELDS, indent=1).encode(), ENVELOPE),
    (raw(mail_from='""'), replace(ENVELOPE, mail_from="")),
    (raw(mail_from='"' + "x" * 502 + '@b.example"'), replace(ENVELOPE, mail_from="x" * 502 + "@b.example")),
    (raw(mail_from='"\\u017caneta@poczta.example"'), replace(ENVELOPE, mail_from="żaneta@poczta.example")),
    (raw(rcpt_to='"a+b@c@d.example"'), replace(ENVELOPE, rcpt_to="a+b@c@d.example")),
    (raw(size="0"), replace(ENVELOPE, size=0)),
    (raw(source='"pipe"'), replace(ENVELOPE, source="pipe")),
]


@pytest.mark.parametrize(("text", "expected"), STRICT)
def test_an_envelope_is_read(text: bytes, expected: Envelope) -> None:
    assert verify(inbound(text), [SECRET], NOW).envelope == expected


@given(st.binary(max_size=200) | st.text('{}[]",:v1typesize \\u0', max_size=200).map(str.encode))
def test_whatever_is_signed_is_believed_or_malformed(text: bytes) -> None:
    if text:
        with pytest.raises(Malformed):
            verify(inbound(text), [SECRET], NOW)


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_the_headers_hold_it_is_not_believed(a: str, b: str, c: str, d: str) -> None:
    with pytest.raises((Unsigned, Malformed)):
        verify(Inbound(a, b, c, d), [SECRET], NOW)


def test_no_address_and_no_signature_shows_in_repr() -> None:
    post = inbound()
    shown = repr(post) + repr(verify(post, [SECRET], NOW))
    assert "jane" not in shown
    assert "shop" not in shown
    assert post.signature not in shown
    assert post.envelope64 not in shown


# Bounce addresses

TAG = bytes.fromhex("0123456789abcdef")


def test_the_format_of_a_bounce_address_is_pinned() -> None:
    assert bounce_local(1, TAG) == "bn-aaaaaaaaaaaacajdivtytk6n54"
    assert bounce_local(2**63 - 1, b"\xff" * 8) == "bn-p" + "7" * 24 + "4"


@given(st.integers(0, 2**63 - 1), st.binary(min_size=8, max_size=8))
def test_a_bounce_address_is_read_back_in_either_case(delivery_id: int, tag: bytes) -> None:
    local = bounce_local(delivery_id, tag)
    assert len(local) <= 64
    assert is_bounce(local)
    assert read_bounce_local(local) == read_bounce_local(local.upper()) == (delivery_id, tag)


LOCAL = bounce_local(77, TAG)
NO_BOUNCES = [
    "",
    "bn-",
    LOCAL[:-1],
    LOCAL + "a",
    LOCAL[3:],
    "re-" + LOCAL[3:],
    LOCAL + "\n",
    " " + LOCAL,
    LOCAL[:-1] + "1",
]
NO_BOUNCES += [
    bounce_local(1, TAG).replace("k", "\u212a"),  # the Kelvin sign: its lower case is k
    LOCAL + "======",
    "bn-" + "7" * 26,
    "bn-" + "a" * 25 + "b",
    LOCAL[:9] + "é" + LOCAL[10:],
    "x" * 100_000,
]


@pytest.mark.parametrize("local", NO_BOUNCES)
def test_what_is_no_bounce_address_is_none(local: str) -> None:
    assert read_bounce_local(local) is None


@given(st.text() | st.from_regex(r"bn-[a-z2-7]{26}", fullmatch=True))
def test_only_one_spelling_reads_as_a_bounce_address(local: str) -> None:
    found = read_bounce_local(local)
    assert found is None or bounce_local(*found) == local.lower()


@pytest.mark.parametrize("tag", [b"", b"1234567", b"123456789"])
def test_a_tag_of_another_size_is_refused(tag: bytes) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        bounce_local(1, tag)


@pytest.mark.parametrize("delivery_id", [-1, 2**63])
def test_an_id_that_no_delivery_can_have_is_refused(delivery_id: int) -> None:
    with pytest.raises(ValueError, match="bigint"):
        bounce_local(delivery_id, TAG)
