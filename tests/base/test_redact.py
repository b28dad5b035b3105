"""base/redact: registered secrets in every form they travel in, what only looks like a secret, addresses of people; that
ordinary text stays as it is; that hostile text costs no more than its length; and values of any kind on their way into JSON.
"""

from __future__ import annotations

import base64
import enum
import itertools
import json
import os
import time
import urllib.parse
import uuid
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.base import redact
from postern.base.redact import MARK, clean, plain, register


@pytest.fixture(autouse=True)
def _nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_known", ())


# --- registered secrets

RAW_KEY = bytes.fromhex("00ff10ef27225c0a0d7f80c3a9fbfebeefdeadbeef1234567890abcdeffedcba98")[:32]
SECRETS: dict[str, str | bytes] = {
    "a password": "hunter2 & co",
    "with quotes": 'it\'s "quoted" \\ here',
    "not ASCII": "pässwörd-日本",
    "four characters": "x9!k",
    "with a marker's look": "[not]secret[at-all]",
    "bytes": RAW_KEY,
    "text as bytes": b"relay-password-1",
}


def forms(secret: str | bytes) -> dict[str, str]:
    raw = secret if isinstance(secret, bytes) else secret.encode()
    text = secret if isinstance(secret, str) else secret.decode("utf-8", "backslashreplace")
    return {
        "as it is": text,
        "repr": repr(text),
        "repr of bytes": repr(raw),
        "JSON": json.dumps({"x": text}),
        "JSON in JSON": json.dumps({"x": json.dumps(text)}),
        "repr of bytes in JSON": json.dumps(repr(raw)),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "base64": base64.b64encode(raw).decode(),
        "URL-safe base64": base64.urlsafe_b64encode(raw).decode(),
        "without padding": base64.b64encode(raw).decode().rstrip("="),
        "percent": urllib.parse.quote(raw, safe=""),
        "percent, but for /": urllib.parse.quote(raw),
        "percent and plus": urllib.parse.quote_plus(raw),
    }


# The shortest secret has encoded forms that cannot be told from ordinary text.
CASES = [
    (name, form)
    for name, secret in SECRETS.items()
    for form, shown in forms(secret).items()
    if len(shown) > 6
]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_a_registered_secret_is_taken_out_in_every_form(name: str, form: str) -> None:
    shown = forms(SECRETS[name])[form]
    register(SECRETS[name])
    for around in ("<{}>", "said {} to us", "{0}{0}"):
        cleaned = clean(around.format(shown))
        assert MARK in cleaned
        assert shown not in cleaned


@pytest.mark.parametrize("size", range(9, 33))
def test_a_secret_is_found_inside_longer_base64_at_any_offset(size: int) -> None:
    """AUTH PLAIN and Basic encode user and password together."""
    secret = ("Zq7" + "x!K9" * 8)[:size]
    register(secret)
    befores, afters = ("", "\0\0", "\0us\0", "u:", "us:", "use:"), ("", "\0", "~", "~~", "~~~")
    for before, after in itertools.product(befores, afters):
        whole = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
        cleaned = clean(f"335 {whole} 235")
        assert MARK in cleaned, (before, after)
        # A border character of base64 may stay on either side: each holds at most four bits of the secret.
        around = len(f"335 {whole} 235") - len(secret) * 8 // 6
        assert len(cleaned) <= around + len(MARK) + 2


INSIDE = {
    "the key behind its id": ("k1:" + base64.b64encode(RAW_KEY).decode(), base64.b64encode(RAW_KEY).decode()),
    "the bytes of a key": ("k1:" + base64.b64encode(RAW_KEY).decode(), RAW_KEY.hex()),
    "the bytes of a webhook secret": ("whsec_" + base64.b64encode(RAW_KEY).decode(), repr(RAW_KEY)),
    "the bytes of an index key": (base64.b64encode(RAW_KEY).decode(), RAW_KEY.hex()),
    "the bytes of hex": (RAW_KEY.hex(), base64.b64encode(RAW_KEY).decode()),
    "the password of a URL": ("postgres://bob:a%2Fb%26cd@db.example/x", "a%2Fb%26cd"),
    "the password of a URL, unquoted": ("postgres://bob:a%2Fb%26cd@db.example/x", "a/b&cd"),
    "the password of a URL, quoted in its own way": ("postgres://bob:a%2fb-cd@db.example/x", "a%2fb-cd"),
    "a password that breaks its URL": ("smtp://bob:a/b:@:cd@relay.example:587", "a/b:@:cd"),
}


@pytest.mark.parametrize(("secret", "inside"), INSIDE.values(), ids=INSIDE)
def test_what_is_inside_a_registered_secret_is_taken_out_too(secret: str, inside: str) -> None:
    register(secret)
    assert inside not in clean(f"it is {inside}, is it")


def test_a_secret_inside_another_does_not_leave_the_rest_behind() -> None:
    register("inner-secret")
    register("outer-inner-secret-outer")
    assert clean("outer-inner-secret-outer inner-secret") == f"{MARK} {MARK}"


@pytest.mark.parametrize("secret", ["", "a", "abc", b"", b"ab"])
def test_what_is_too_short_to_be_a_secret_does_not_spoil_the_log(secret: str | bytes) -> None:
    register(secret)
    assert clean("a b c abc delivery.sent") == "a b c abc delivery.sent"


def test_registering_twice_changes_nothing() -> None:
    register("a-password")
    before = redact._known
    register("a-password")
    assert redact._known == before


# --- what looks like a secret

KEY64 = base64.b64encode(RAW_KEY).decode()
LOOKS = {
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": "[secret]",
    "sent with whsec_abc/+=- today": "sent with [secret] today",
    f"k1:{KEY64}": "k1:[secret]",
    f"KEYS k2:{KEY64},k1:{KEY64} end": "KEYS k2:[secret],k1:[secret] end",
    f"POSTERN_SEAL_KEYS=k1:{KEY64}": "POSTERN_SEAL_KEYS=[secret]",
    f"POSTERN_INDEX_KEY='{KEY64}'": "POSTERN_INDEX_KEY='[secret]'",
    "-----BEGIN PRIVATE KEY-----\nMIIE\nvQ==\n-----END PRIVATE KEY-----\nrest": "[secret]\nrest",
    "x -----BEGIN RSA PRIVATE KEY-----\nMIIEow": "x [secret]",
    r"-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----": "[secret]",
    "Authorization: Bearer abc.def-ghi": "Authorization: [secret]",
    'authorization: Digest username="bob", response="6629"\r\nHost: x': "authorization: [secret]\r\nHost: x",
    "{'Authorization': 'Basic Ym9iOmh1bnRlcjI=', 'Host': 'x'}": "{'Authorization': '[secret]', 'Host': 'x'}",
    "Proxy-Authorization=Basic Ym9i": "Proxy-Authorization=[secret]",
    "Authentication: 0123456789": "Authentication: [secret]",
    "Set-Cookie: session=abc; Path=/": "Set-Cookie: [secret]",
    "the bearer abcdef.123 came": "the bearer [secret] came",
    "Basic Ym9iOmh1bnRlcjI=": "Basic [secret]",
    "send: 'AUTH PLAIN AGJvYgBodW50ZXIy\\r\\n'": "send: 'AUTH PLAIN [secret]\\r\\n'",
    "AUTH LOGIN Ym9iQGI=": "AUTH LOGIN [secret]",
    "auth xoauth2 dXNlcj1ib2IBYXV0aD0=": "auth xoauth2 [secret]",
    "password=hunter2": "password=[secret]",
    "PASSWORD = hunter2, then": "PASSWORD = [secret] then",
    "RELAY_PASSWORD=a,b;c": "RELAY_PASSWORD=[secret]",
    "host=db password='two words' user=bob": "host=db password='[secret]' user=bob",
    '{"password": "two words", "user": "bob"}': '{"password": "[secret]", "user": "bob"}',
    r"{\"password\": \"two\", \"user\": 1}": r'{\"password\": \"[secret]", \"user\": 1}',
    "{b'passwd': b'two words'}": "{b'passwd': b'[secret]'}",
    "client_secret => xyz": "client_secret => [secret]",
    "/login?token=abc123&next=/": "/login?token=[secret]&next=/",
    "api_key: 42": "api_key: [secret]",
    "X-Api-Key: 42": "X-Api-Key: [secret]",
    "postgres://bob:hunter2@db/x": "postgres://bob:[secret]@db/x",
    "smtp://bob:a@b/c@relay:587": "smtp://bob:[secret]@relay:587",
}


@pytest.mark.parametrize(("text", "shown"), LOOKS.items(), ids=range(len(LOOKS)))
def test_what_looks_like_a_secret_is_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


ADDRESSES = {
    "jane@example.org": "j***@e***.org",
    "Jane.Doe+tag@mail.example.co.uk": "J***@m***.uk",
    "a@b.c": "a***@b***.c",
    "from <jane@example.org>, to <bob@example.net>.": "from <j***@e***.org>, to <b***@e***.net>.",
    "write to jane@example.org.": "write to j***@e***.org.",
    "'jane@example.org'": "'j***@e***.org'",
    "to=jane@example.org": "t***@e***.org",
    "bounce+17=jane=example.com@alias.example": "b***@a***.example",
    '"jane doe"@example.org': "j***@e***.org",
    "jane@localhost": "j***@l***",
    "jane@[192.0.2.1]": "j***@[***]",
    "jörg@exämple.org": "j***@e***.org",
    "日本@例え.jp": "日***@例***.jp",
    "one@two@three.org": "o***@t***@t***.org",
    "x@y.z=jane@example.org": "x***@y***@e***.org",
    "jane@@example.org": "j***@@e***.org",
    "@jane@example.org@": "@j***@e***.org@",
    "name@ @name and@": "name@ @name and@",
    "?email=jane%40example.org&x=1": "?e***%40e***.org&x=1",
    '"Jane - jane(at)example.com" <re-x@a.org>': '"Jane - j***(at)e***.com" <r***@a***.org>',
    "Message-ID: <abc.123@mail.example.org>": "Message-ID: <a***@m***.org>",
    "Key (address)=(bob@example.org) exists": "Key (address)=(b***@e***.org) exists",
    "***@x.org _@y.org": "***@x***.org ***@y***.org",
    "postgres://bob:hunter2@db for jane@example.org": "postgres://bob:[secret]@db for j***@e***.org",
}


@pytest.mark.parametrize(("text", "shown"), ADDRESSES.items(), ids=range(len(ADDRESSES)))
def test_addresses_are_masked(text: str, shown: str) -> None:
    assert clean(text) == shown


ORDINARY = [
    "",
    "delivery.sent",
    "250 2.0.0 Ok: queued as 4F2B91C0",
    "250-AUTH PLAIN LOGIN XOAUTH2",
    "250-AUTH LOGIN OAUTHBEARER",
    "Authentication-Results: mx.cloudflare.net; dkim=pass header.d=example.org; spf=pass",
    'password authentication failed for user "bob"',
    "535 5.7.8 authentication failed",
    "2026-01-31T12:00:00.123Z",
    "sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "0b9e6f1c-6a53-4c1e-9d0b-3a4b5c6d7e8f",
    "https://alias.example.org:8443/health?x=1",
    "http://[::1]:8080/ a @ b, 50% off, @property, name@ and @name",
    "basic rules, the bearer of it",
    "a secret and a token",
    "-----BEGIN",
    MARK,
]


@pytest.mark.parametrize("text", ORDINARY, ids=range(len(ORDINARY)))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("text", [*LOOKS, *ADDRESSES], ids=range(len(LOOKS) + len(ADDRESSES)))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


ATEXT = "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789!#$%&'*+-/=?^_`{|}~."
NEAR = st.text(st.sampled_from(" \t\n<>()[],;:\"'\\@.=%-abc0é[secret]*&/"), max_size=12)


@given(
    before=NEAR,
    local=st.text(st.sampled_from(ATEXT), min_size=1, max_size=20),
    after=NEAR,
)
def test_no_local_part_survives_whatever_stands_around_it(before: str, local: str, after: str) -> None:
    person = local + "Jane7Doe"
    assert "Jane7Doe" not in clean(f"{before}{person}@example.org{after}")
    assert "Jane7Doe" not in clean(f"{before}{person}%40example.org{after}")


@given(before=NEAR, after=st.text(st.sampled_from(" \n,;<>()ab0'\"@.:"), max_size=12))
def test_no_registered_secret_survives_whatever_stands_around_it(before: str, after: str) -> None:
    register("Tr0ub4dor&3")
    assert "Tr0ub4dor" not in clean(f"{before}Tr0ub4dor&3{after}")


# --- hostile text

HOSTILE = {
    "one word": "a",
    "at signs": "@",
    "short addresses": "a@",
    "domains": "@a.",
    "literals": "a@[",
    "percent": "a%4",
    "percent addresses": "a%40",
    "spelt out": "(at)",
    "open spelt out": "a(at",
    "quotes": '"',
    "quoted words": '"a',
    "stops": "x@y.-",
    "URLs": "://:",
    "URLs with a user": "://a:b",
    "PEM begins": "-----BEGIN A-----",
    "half PEM begins": "-----BEGIN ",
    "PEM ends": "-----BEGIN A-----x-----END ",
    "half PEM ends": "-----END A",
    "headers": "authorization",
    "headers with a colon": "authorization:",
    "headers and quotes": "cookie='",
    "secrets by name": "password",
    "names and blanks": "password   ",
    "names and quotes": "password='",
    "names and backslashes": "password\\",
    "long names": "secret_",
    "webhook secrets": "whsec_",
    "ids": "a:",
    "almost keys": "k1:" + "A" * 42,
    "bearers": "bearer ",
    "basics": "basic a",
    "AUTH": "auth plain ",
    "SCRAM": "auth scram-a",
    "blanks": " ",
    "line ends": "\r\n",
    "equals": "=",
}
WORST = [
    "short addresses",
    "domains",
    "stops",
    "URLs with a user",
    "long names",
    "almost keys",
    "bearers",
    "one word",
]
SMALL, LARGE = 8 * 1024, 64 * 1024


def seconds(text: str) -> float:
    """CPU of this thread: what others do on the machine does not count."""
    took = []
    for _ in range(3):
        start = time.thread_time()
        clean(text)
        took.append(time.thread_time() - start)
    return min(took)


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("end", ["=", "@x"], ids=["equals", "address"])
def test_eight_times_the_text_costs_about_eight_times(unit: str, end: str) -> None:
    """Quadratic would be 64 times; 24 leaves room for caches and clocks, and the floor for what is too quick to measure."""
    small, large = ((unit * size)[:size] + end for size in (SMALL, LARGE))
    assert seconds(large) < 24 * max(seconds(small), 0.001)


@pytest.mark.parametrize("name", WORST)
def test_a_megabyte_of_hostile_text_is_cleaned(name: str) -> None:
    """With one quadratic expression this would run for an hour."""
    assert MARK in clean((HOSTILE[name] * 1_000_000)[:1_000_000] + " password=hunter2")


@given(text=st.text())
def test_no_text_makes_cleaning_fail(text: str) -> None:
    clean(text)
    clean(text + "\ud800@\udfff=")


# --- any value


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("hunter2")


class Colour(str, enum.Enum):
    RED = "red"


def cycle() -> list[object]:
    inner: list[object] = []
    inner.append(inner)
    return inner


VALUES: dict[str, tuple[object, object]] = {
    "nothing": (None, None),
    "yes": (True, True),
    "a number": (42, 42),
    "a fraction": (0.25, 0.25),
    "not a number": (float("nan"), "nan"),
    "infinity": (float("-inf"), "-inf"),
    "a huge number": (2**64, "0x10000000000000000"),
    "text": ("jane@example.org", "j***@e***.org"),
    "bytes": (b"jane@example.org \xff", "j***@e***.org \\xff"),
    "half a surrogate": ("\ud800", "\ud800"),
    "a list": (["password=x", ("jane@example.org",)], ["password=[secret]", ["j***@e***.org"]]),
    "a dict": ({"to": "jane@example.org", 5: b"x"}, {"to": "j***@e***.org", "5": "x"}),
    "a dict's keys": ({"jane@example.org": 1}, {"j***@e***.org": 1}),
    "a field that names a secret": (
        {"password": "x", "api_key": 1, "Cookie": ["y"]},
        dict.fromkeys(["password", "api_key", "Cookie"], MARK),
    ),
    "whether there is a secret": (
        {"has_password": True, "token": None},
        {"has_password": True, "token": None},
    ),
    "an id": (uuid.UUID(int=7), "00000000-0000-0000-0000-000000000007"),
    "a time": (datetime(2026, 1, 31, tzinfo=timezone.utc), "2026-01-31 00:00:00+00:00"),
    "an error": (ValueError("jane@example.org"), "j***@e***.org"),
    "a member": (Colour.RED, str(Colour.RED)),
    "what cannot be printed": (Unprintable(), "<Unprintable whose text fails with RuntimeError>"),
    "itself": (cycle(), [[[["[[...]]"]]]]),
}


@pytest.mark.parametrize(("value", "shown"), VALUES.values(), ids=VALUES)
def test_any_value_becomes_what_json_can_hold(value: object, shown: object) -> None:
    assert plain(value) == shown
    json.dumps(plain(value), allow_nan=False)


def test_what_is_long_is_cut_in_the_middle_and_says_so() -> None:
    text = "begin " + "x" * 50_000 + " end"
    shown = plain(text)
    assert isinstance(shown, str)
    assert shown.startswith("begin xxx")
    assert shown.endswith("xxx end")
    assert "characters left out" in shown
    assert len(shown) < redact.MAX_TEXT + 100


def test_no_half_secret_stays_where_a_text_was_cut() -> None:
    secret = os.urandom(16).hex()
    register(secret)
    for at in range(redact.MAX_RAW - len(secret), redact.MAX_RAW + 1):
        text = "y" * at + secret + "y" * redact.MAX_RAW
        assert secret[:4] not in str(plain(text))


def test_large_lists_and_dicts_are_cut() -> None:
    assert plain(list(range(1000))) == list(range(redact.MAX_ITEMS))
    assert plain({str(n): n for n in range(1000)}) == {str(n): n for n in range(redact.MAX_ITEMS)}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
        ),
        max_leaves=30,
    )
)
def test_whatever_is_logged_becomes_one_line_of_json(value: object) -> None:
    line = json.dumps(plain(value), allow_nan=False)
    assert line.isascii()
    assert "\n" not in line
