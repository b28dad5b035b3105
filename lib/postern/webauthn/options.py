"""What navigator.credentials.create() and get() are asked for, as JSON (5.4, 5.5): bytes stand in it as base64url.

A passkey is discoverable ("residentKey"), so that people sign in without saying who they are. It has to check its user by
PIN, finger or face ("userVerification"): it is all that is asked for, so a key that was found in the street must not do.
Who has no device that can do that signs in by mail. No attestation: see the room's docstring.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.webauthn import base64url, cose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

CHALLENGE_BYTES = 32
"""The standard asks for 16 (Cryptographic Challenges)."""

TIMEOUT_SECONDS = 300
"""15.1 recommends 5 to 10 minutes where the user is verified."""

_VERIFICATION = "required"


@dataclass(frozen=True)
class Owner:
    """`handle`: up to 64 bytes that name the user and tell nothing about him (14.6.1); `name`: what browsers show."""

    handle: bytes
    name: str


def creation(
    challenge: bytes, rp_id: str, owner: Owner, taken: Iterable[tuple[bytes, tuple[str, ...]]]
) -> dict[str, object]:
    """For a new passkey. `taken`: ids and transports of those that the user has, so that no device makes a second one."""
    return {
        "rp": {"id": rp_id, "name": rp_id},
        "user": {"id": base64url.encode(owner.handle), "name": owner.name, "displayName": owner.name},
        "challenge": base64url.encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in cose.ALGORITHMS],
        "timeout": TIMEOUT_SECONDS * 1000,
        "excludeCredentials": [_descriptor(*passkey) for passkey in taken],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,  # 5.4.4: for browsers of Level 1
            "userVerification": _VERIFICATION,
        },
        "attestation": "none",
    }


def request(challenge: bytes, rp_id: str) -> dict[str, object]:
    """For signing in with any passkey of this site; the browser lets its user choose."""
    return {
        "challenge": base64url.encode(challenge),
        "timeout": TIMEOUT_SECONDS * 1000,
        "rpId": rp_id,
        "userVerification": _VERIFICATION,
    }


def _descriptor(credential_id: bytes, transports: tuple[str, ...]) -> dict[str, object]:
    return {"type": "public-key", "id": base64url.encode(credential_id), "transports": list(transports)}
