"""answer.py, base64url.py, json_object.py: what a browser's page sends, and what somebody else may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.webauthn import answer, base64url, client_data, json_object
from postern.webauthn.refused import Refused

GOOD: dict[str, Any] = {"id": "AAEC", "rawId": "AAEC", "type": "public-key", "response": {"signature": "_-8"}}


def parse(**changed: Any) -> answer.Answer:
    return answer.parse(json.dumps({**GOOD, **changed}))


def test_an_answer_is_read() -> None:
    found = parse(authenticatorAttachment="platform", clientExtensionResults={}, future=[1])
    assert found.credential_id == b"\0\1\2"
    assert found.data("signature") == b"\xff\xef"
    assert found.user_handle() is None


@pytest.mark.parametrize(
    "changed",
    [
        {"type": "password"},
        {"type": None},
        {"id": "AAED"},
        {"id": None},
        {"id": "", "rawId": ""},
        {"id": 1, "rawId": 1},
        {"id": "A" * 1368, "rawId": "A" * 1368},
        {"response": None},
        {"response": []},
        {"response": "signature"},
    ],
)
def test_what_is_no_answer_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        parse(**changed)


NO_JSON = [
    "",
    "null",
    "[]",
    "1",
    '"a"',
    "{",
    "{} {}",
    "[" * 60_000,
    '{"a":' * 10_000,
    "\ud800",
    "9" * 60_000,
    "{}" + " " * 65_536,
]


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: text[:8])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        json_object.read(text)


@pytest.mark.parametrize("data", [b"\xff", b"{}", b"[]", b"", b'{"type":"webauthn.get"}'])
def test_client_data_that_says_too_little_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        client_data.check(data, client_data.GET, bytes(32), "https://example.org")


def test_a_byte_order_mark_before_client_data_goes() -> None:
    told = {
        "type": client_data.GET,
        "challenge": base64url.encode(bytes(32)),
        "origin": "https://example.org",
    }
    client_data.check(
        b"\xef\xbb\xbf" + json.dumps(told).encode(), client_data.GET, bytes(32), "https://example.org"
    )


@pytest.mark.parametrize("missing", [None, 1, ["AA"], {}])
def test_a_member_that_is_no_text_is_refused(missing: object) -> None:
    with pytest.raises(Refused, match="signature is missing"):
        parse(response={"signature": missing}).data("signature")


@pytest.mark.parametrize(("given_", "expected"), [(None, None), ("", None), ("dTE", b"u1")])
def test_a_user_handle_may_be_missing(given_: object, expected: object) -> None:
    assert parse(response={"userHandle": given_}).user_handle() == expected


TRANSPORTS = (
    (["usb", "nfc", "ble", "smart-card", "hybrid", "internal"], 6),
    (["usb", "usb"], 1),
    (["telepathy"], 1),
    (["a b", "", "USB", "-", "x" * 33, "usb\n", 1, None, ["usb"]], 0),
    ([f"t{'x' * number}" for number in range(20)], 8),
    ("usb", 0),
    (None, 0),
)


@pytest.mark.parametrize(("told", "count"), TRANSPORTS)
def test_transports_that_fit_are_kept(told: Any, count: int) -> None:
    found = parse(response={"transports": told}).transports()
    assert len(found) == count
    assert list(found) == list(dict.fromkeys(told))[: len(found)] if count else found == ()


@pytest.mark.parametrize(
    "text", ["A", "AAAAA", "AA==", "AA=", "A A", "AA\n", "+A", "/A", "AB", "AAF", "é", "AA\0A"]
)
def test_base64url_is_strict(text: str) -> None:
    with pytest.raises(Refused, match="base64url"):
        base64url.decode(text)


@given(st.binary(max_size=100))
def test_base64url_goes_both_ways(data: bytes) -> None:
    assert base64url.decode(base64url.encode(data)) == data


MEMBERS = st.none() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=3)


@given(
    st.dictionaries(st.sampled_from([*GOOD, "x"]), MEMBERS | st.dictionaries(st.text(max_size=9), MEMBERS))
)
def test_hostile_answers_are_read_or_refused(told: dict[str, Any]) -> None:
    try:
        found = answer.parse(json.dumps(told))
        found.transports()
        found.user_handle()
    except Refused:
        pass
