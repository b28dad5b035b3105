"""options.py: what the browser is asked for."""

from __future__ import annotations

import json

from postern.webauthn import options
from postern.webauthn.options import Owner

CHALLENGE = b"\xff" * 32


def test_a_new_passkey_is_asked_for_as_the_standard_writes_it() -> None:
    taken = [(b"\x01\x02", ("usb", "nfc")), (b"\x03", ())]
    asked = options.creation(CHALLENGE, "alias.example.org", Owner(b"\xfe\xff", "jane"), taken)
    assert json.loads(json.dumps(asked)) == {
        "rp": {"id": "alias.example.org", "name": "alias.example.org"},
        "user": {"id": "_v8", "name": "jane", "displayName": "jane"},
        "challenge": "_" * 42 + "8",
        "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in (-8, -7, -257)],
        "timeout": 300_000,
        "excludeCredentials": [
            {"type": "public-key", "id": "AQI", "transports": ["usb", "nfc"]},
            {"type": "public-key", "id": "Aw", "transports": []},
        ],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def test_signing_in_names_no_passkey() -> None:
    assert options.request(CHALLENGE, "alias.example.org") == {
        "challenge": "_" * 42 + "8",
        "timeout": 300_000,
        "rpId": "alias.example.org",
        "userVerification": "required",
    }


def test_a_challenge_has_enough_bytes() -> None:
    assert options.CHALLENGE_BYTES >= 16
