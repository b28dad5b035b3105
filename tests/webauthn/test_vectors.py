"""The standard's own test vectors (tests/vectors/webauthn.json): each passes, or is refused for what we refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest

import tiers
from postern.webauthn import answer, assertion, registration
from postern.webauthn.answer import Answer
from postern.webauthn.assertion import Known
from postern.webauthn.refused import Refused
from support.authenticator import b64

FILE = json.loads((tiers.TOP / "tests/vectors/webauthn.json").read_text(encoding="utf-8"))
ORIGIN, RP_ID = FILE["origin"], FILE["rp_id"]
VECTORS = {one["name"]: one for one in FILE["vectors"]}

ALGORITHMS = {
    "none-es256": -7,
    "packed-self-es256": -7,
    "none-es256-long-credential-id": -7,
    "packed-es256": -7,
    "packed-rs256": -257,
    "packed-eddsa": -8,
    "tpm-es256": -7,
    "android-key-es256": -7,
    "apple-es256": -7,
    "fido-u2f-es256": -7,
}
FRAMED = ("none-es256-crossOrigin", "none-es256-topOrigin")
NOT_ASKED_FOR = ("packed-es384", "packed-es512", "packed-ed448")


def said(name: str, ceremony: str) -> tuple[Answer, bytes]:
    """The answer, and the challenge."""
    vector = VECTORS[name]
    raw = {member: bytes.fromhex(value) for member, value in vector[ceremony].items()}
    identity = b64(bytes.fromhex(vector["registration"]["credential_id"]))
    told: dict[str, Any] = {"id": identity, "rawId": identity, "type": "public-key"}
    told["response"] = {member: b64(value) for member, value in raw.items()}
    return answer.parse(json.dumps(told)), raw["challenge"]


def register(name: str) -> registration.Credential:
    told, challenge = said(name, "registration")
    return registration.register(told, challenge, ORIGIN, RP_ID, must_verify_user=False)


def test_no_vector_is_left_out() -> None:
    assert {*ALGORITHMS, *FRAMED, *NOT_ASKED_FOR} == set(VECTORS)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_credential_registers_and_signs_in(name: str) -> None:
    made = register(name)
    vector = VECTORS[name]["registration"]
    assert made.id.hex() == vector["credential_id"]
    assert made.algorithm == ALGORITHMS[name]
    assert made.public_key.hex() in vector["attestationObject"]
    assert made.aaguid.hex() == vector["aaguid"]

    told, challenge = said(name, "authentication")
    known = Known(made.public_key, made.sign_count)
    signed = assertion.sign_in(told, challenge, ORIGIN, RP_ID, known, must_verify_user=False)
    assert signed.sign_count == 0
    flags = bytes.fromhex(VECTORS[name]["authentication"]["authenticatorData"])[32]
    assert (signed.user_verified, signed.backed_up) == (bool(flags & 4), bool(flags & 16))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_vectors_signature_is_over_every_bit_of_what_it_signs(name: str) -> None:
    told, challenge = said(name, "authentication")
    known = Known(register(name).public_key, 0)
    raw = bytearray(told.data("authenticatorData"))
    raw[36] ^= 1  # the counter
    bent = Answer(told.credential_id, {**told.response, "authenticatorData": b64(bytes(raw))})
    with pytest.raises(Refused, match="signature"):
        assertion.sign_in(bent, challenge, ORIGIN, RP_ID, known, must_verify_user=False)


@pytest.mark.parametrize("name", FRAMED)
def test_what_happened_in_a_frame_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="frame"):
        register(name)
    told, challenge = said(name, "authentication")
    with pytest.raises(Refused, match="frame"):
        assertion.sign_in(told, challenge, ORIGIN, RP_ID, Known(b"", 0), must_verify_user=False)


@pytest.mark.parametrize("name", NOT_ASKED_FOR)
def test_an_algorithm_that_was_not_asked_for_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="algorithm"):
        register(name)
