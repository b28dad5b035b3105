"""registration.py and assertion.py with an authenticator in software: what is in order passes; each thing that is checked,
broken alone, is refused for that reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from postern.webauthn import answer, assertion, cose, options, registration
from postern.webauthn.assertion import Known
from postern.webauthn.options import Owner
from postern.webauthn.refused import Refused
from support.authenticator import BE, BS, ED, UP, UV, Authenticator, b64, encode

ORIGIN, RP_ID = "https://alias.example.org", "alias.example.org"
CHALLENGE = bytes(range(32))
CREATION = options.creation(CHALLENGE, RP_ID, Owner(b"u" * 64, "jane"), ())
REQUEST = options.request(CHALLENGE, RP_ID)

every_algorithm = pytest.mark.parametrize("algorithm", cose.ALGORITHMS)


def register(told: dict[str, Any], **more: Any) -> registration.Credential:
    return registration.register(answer.parse(json.dumps(told)), CHALLENGE, ORIGIN, RP_ID, **more)


def sign_in(told: dict[str, Any], known: Known, **more: Any) -> assertion.Assertion:
    return assertion.sign_in(answer.parse(json.dumps(told)), CHALLENGE, ORIGIN, RP_ID, known, **more)


@every_algorithm
def test_a_passkey_registers_and_signs_in(algorithm: int) -> None:
    authenticator = Authenticator(algorithm)
    made = register(authenticator.create(CREATION, ORIGIN))
    assert (made.id, made.algorithm, made.sign_count) == (authenticator.id, algorithm, 0)
    assert made.backed_up
    assert made.transports == ("internal", "hybrid")
    signed = sign_in(authenticator.get(REQUEST, ORIGIN), Known(made.public_key, 0))
    assert signed == assertion.Assertion(0, True, True, b"u" * 64)


def test_the_answer_names_the_passkey_before_anything_is_proven() -> None:
    authenticator = Authenticator()
    told = answer.parse(json.dumps(authenticator.create(CREATION, ORIGIN)))
    assert told.credential_id == authenticator.id


Bend = Callable[[Authenticator], None]


def setting(name: str, value: object) -> Bend:
    return lambda authenticator: setattr(authenticator, name, value)


BOTH: tuple[tuple[str, Bend], ...] = (
    ("another question", setting("client", {"challenge": b64(bytes(32))})),
    ("another question", setting("client", {"challenge": b64(CHALLENGE) + "="})),
    ("another question", setting("client", {"challenge": None})),
    ("another question", setting("client", {"challenge": 1})),
    ("another question", setting("client", {"challenge": "\ud800"})),
    ("another kind", setting("client", {"type": "payment.get"})),
    ("another kind", setting("client", {"type": None})),
    ("another site", setting("client", {"origin": "https://alias.example.org:8443"})),
    ("another site", setting("client", {"origin": "http://alias.example.org"})),
    ("another site", setting("client", {"origin": "https://alias.example.org/"})),
    ("another site", setting("client", {"origin": "https://alias.example.org.evil.example"})),
    ("another site", setting("client", {"origin": "https://example.org"})),
    ("another site", setting("client", {"origin": [ORIGIN]})),
    ("another site", setting("client", {"origin": None})),
    ("frame", setting("client", {"crossOrigin": True})),
    ("frame", setting("client", {"crossOrigin": "false"})),
    ("frame", setting("client", {"topOrigin": "https://evil.example"})),
    ("belongs to another site", setting("rp_id", "example.org")),
    ("belongs to another site", setting("rp_id", "ALIAS.example.org")),
    ("without anybody", setting("flags", UV | BE | BS)),
    ("did not check who", setting("flags", UP | BE | BS)),
    ("backed up", setting("flags", UP | UV | BS)),
    ("behind its end", setting("tail", b"\0")),
    ("behind its end", setting("tail", encode({"credProtect": 2}))),  # without ED
    ("cut off", setting("flags", UP | UV | ED)),
)


@pytest.mark.parametrize(("why", "bend"), BOTH)
def test_what_is_wrong_in_a_registration_is_refused(why: str, bend: Bend) -> None:
    authenticator = Authenticator()
    bend(authenticator)
    with pytest.raises(Refused, match=why):
        register(authenticator.create(CREATION, ORIGIN))


@pytest.mark.parametrize(("why", "bend"), BOTH)
def test_what_is_wrong_in_a_sign_in_is_refused(why: str, bend: Bend) -> None:
    authenticator = Authenticator()
    known = Known(register(authenticator.create(CREATION, ORIGIN)).public_key, 0)
    bend(authenticator)
    with pytest.raises(Refused, match=why):
        sign_in(authenticator.get(REQUEST, ORIGIN), known)


def test_a_registration_is_no_sign_in_and_the_other_way_round() -> None:
    authenticator = Authenticator()
    made = authenticator.create(CREATION, ORIGIN)
    known = Known(register(made).public_key, 0)
    got = authenticator.get(REQUEST, ORIGIN)
    # The whole of the one in the shape of the other.
    with pytest.raises(Refused, match="another kind"):
        sign_in({**got, "response": {**got["response"], **made["response"]}}, known)
    with pytest.raises(Refused, match="another kind"):
        register({**made, "response": {**made["response"], **got["response"]}})


def test_without_a_new_key_nothing_is_registered() -> None:
    authenticator = Authenticator()
    told = authenticator.create(CREATION, ORIGIN)
    data = hashlib.sha256(RP_ID.encode()).digest() + bytes([UP | UV]) + bytes(4)
    for given, why in ((data, "no new passkey"), (data[:-1], "cut off"), (None, "no authenticator data")):
        told["response"]["attestationObject"] = b64(encode({"fmt": "none", "attStmt": {}, "authData": given}))
        with pytest.raises(Refused, match=why):
            register(told)


def test_browser_and_passkey_must_name_the_same_passkey() -> None:
    told = Authenticator().create(CREATION, ORIGIN)
    with pytest.raises(Refused, match="different passkeys"):
        register({**told, "id": b64(b"other"), "rawId": b64(b"other")})


@pytest.mark.parametrize("length", [0, 1024])
def test_an_id_has_1_to_1023_bytes(length: int) -> None:
    authenticator = Authenticator()
    told = authenticator.create(CREATION, ORIGIN)
    authenticator.id = bytes(length)
    with pytest.raises(Refused, match="1 to 1023"):
        register(authenticator.create(CREATION, ORIGIN))
    with pytest.raises(Refused, match="1 to 1023"):
        register({**authenticator.create(CREATION, ORIGIN), "id": told["id"], "rawId": told["id"]})


def test_extensions_that_nobody_asked_for_do_no_harm() -> None:
    authenticator = Authenticator()
    authenticator.flags |= ED
    authenticator.tail = encode({"credProtect": 2, "hmac-secret": True})
    made = register(authenticator.create(CREATION, ORIGIN))
    assert sign_in(authenticator.get(REQUEST, ORIGIN), Known(made.public_key, 0)).user_verified
    authenticator.tail = encode([1])
    with pytest.raises(Refused, match="extension outputs"):
        register(authenticator.create(CREATION, ORIGIN))


def test_a_user_who_was_not_verified_passes_where_that_was_not_asked() -> None:
    authenticator = Authenticator()
    authenticator.flags = UP
    made = register(authenticator.create(CREATION, ORIGIN), must_verify_user=False)
    assert not made.backed_up
    told = authenticator.get(REQUEST, ORIGIN)
    assert not sign_in(told, Known(made.public_key, 0), must_verify_user=False).user_verified


@every_algorithm
def test_a_signature_of_another_key_or_over_other_bytes_is_refused(algorithm: int) -> None:
    authenticator, other = Authenticator(algorithm), Authenticator(algorithm)
    known = Known(register(authenticator.create(CREATION, ORIGIN)).public_key, 0)
    told = authenticator.get(REQUEST, ORIGIN)
    good = told["response"]["signature"]
    foreign = other.get(REQUEST, ORIGIN)["response"]["signature"]
    for signature in (foreign, b64(b""), b64(bytes(64)), b64(bytes(256)), good[:-2], "A" + good[1:] + "AA"):
        told["response"]["signature"] = signature
        with pytest.raises(Refused, match=r"signature|base64url"):
            sign_in(told, known)
    told = authenticator.get(REQUEST, ORIGIN)
    client = json.dumps({"type": "webauthn.get", "challenge": b64(CHALLENGE), "origin": ORIGIN}).encode()
    told["response"]["clientDataJSON"] = b64(client)
    with pytest.raises(Refused, match="signature"):
        sign_in(told, known)


COUNTERS = (  # kept, told, passes
    (0, 0, True),
    (0, 1, True),
    (7, 8, True),
    (7, 4_294_967_295, True),
    (7, 7, False),
    (7, 6, False),
    (7, 0, False),
)


@pytest.mark.parametrize(("kept", "told", "passes"), COUNTERS)
def test_a_counter_only_grows_or_is_always_0(kept: int, told: int, passes: bool) -> None:
    authenticator = Authenticator()
    public_key = register(authenticator.create(CREATION, ORIGIN)).public_key
    authenticator.count = told - 1 if told else None
    given = authenticator.get(REQUEST, ORIGIN)
    if passes:
        assert sign_in(given, Known(public_key, kept)).sign_count == told
    else:
        with pytest.raises(Refused, match="copy"):
            sign_in(given, Known(public_key, kept))


STATEMENTS = (
    {"fmt": "packed", "attStmt": {"alg": -7, "sig": b"not even a signature"}},
    {"fmt": "compound", "attStmt": [{"fmt": "packed", "attStmt": {"x5c": [b"a", b"b"]}}]},
    {"fmt": "of a future standard", "attStmt": {"x": 1}},
)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one["fmt"])
def test_attestation_changes_nothing(statement: dict[str, Any]) -> None:
    authenticator = Authenticator()
    authenticator.statement = statement
    assert register(authenticator.create(CREATION, ORIGIN)).id == authenticator.id


def test_nothing_of_an_answer_stands_in_an_error_or_a_repr() -> None:
    authenticator = Authenticator()
    told = authenticator.get(REQUEST, ORIGIN)
    authenticator.client = {"origin": "https://marked.example", "challenge": b64(b"marked")}
    parsed = answer.parse(json.dumps(told))
    assert told["response"]["signature"] not in repr(parsed)
    with pytest.raises(Refused) as caught:
        sign_in(authenticator.get(REQUEST, ORIGIN), Known(b"", 0))
    assert "marked" not in str(caught.value) and b64(b"marked") not in str(caught.value)
    assert (caught.value.http_status, caught.value.exit_code) == (400, 64)
