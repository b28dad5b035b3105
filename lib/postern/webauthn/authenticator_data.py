"""Authenticator data (6.1): what the authenticator says itself. Its signature covers it.

    32 bytes  SHA-256 of the relying party's id
     1        flags
     4        signature counter, big-endian
    with AT   AAGUID (16), length of the credential's id (2), the id, the public key (COSE_Key)
    with ED   extension outputs, a CBOR map

Extensions are not asked for; outputs that come unasked are read over. Not here: the signature, and what the key is (cose.py).
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from postern.webauthn import cbor
from postern.webauthn.refused import Refused, unreadable

MAX_CREDENTIAL_ID = 1023
"""Bytes, 6.5.1."""

_HEAD = struct.Struct(">32sBI")
_ATTESTED = struct.Struct(">16sH")
_USER_PRESENT, _USER_VERIFIED, _BACKUP_ELIGIBLE, _BACKED_UP = 0x01, 0x04, 0x08, 0x10
_HAS_ATTESTED, _HAS_EXTENSIONS = 0x40, 0x80


@dataclass(frozen=True)
class Attested:
    """The credential that was made; `public_key` is the COSE_Key as it came."""

    aaguid: bytes
    credential_id: bytes
    public_key: bytes


@dataclass(frozen=True)
class AuthenticatorData:
    """What is left to know of authenticator data that was found in order."""

    user_verified: bool
    backed_up: bool
    sign_count: int
    attested: Attested | None


def read(data: bytes, rp_id: str, must_verify_user: bool) -> AuthenticatorData:
    """What it says, when it is about this site and the user was there. Refused."""
    if len(data) < _HEAD.size:
        raise unreadable("it is cut off")
    rp_id_hash, flags, sign_count = _HEAD.unpack_from(data)
    if rp_id_hash != hashlib.sha256(rp_id.encode("utf-8")).digest():
        raise Refused("The passkey belongs to another site.", "Choose one that was made here.")
    _check(flags, must_verify_user)
    attested = _attested(data[_HEAD.size :], flags)
    return AuthenticatorData(bool(flags & _USER_VERIFIED), bool(flags & _BACKED_UP), sign_count, attested)


def _check(flags: int, must_verify_user: bool) -> None:
    if not flags & _USER_PRESENT:
        raise Refused("The passkey answered without anybody there.")
    if must_verify_user and not flags & _USER_VERIFIED:
        raise Refused(
            "The passkey did not check who is using it.",
            "Give the device or security key a PIN, a fingerprint or a face to ask for, then try again.",
        )
    # 6.1.3: such a passkey cannot be.
    if flags & _BACKED_UP and not flags & _BACKUP_ELIGIBLE:
        raise Refused("The passkey says that it is backed up, and that it cannot be.")


def _attested(rest: bytes, flags: int) -> Attested | None:
    """Nothing may stand behind what the flags announce."""
    attested = None
    if flags & _HAS_ATTESTED:
        attested, length = _credential(rest)
        rest = rest[length:]
    if flags & _HAS_EXTENSIONS:
        outputs, length = cbor.decode_first(rest)
        rest = rest[length:]
        if not isinstance(outputs, dict):
            raise unreadable("its extension outputs are no map")
    if rest:
        raise unreadable("something stands behind its end")
    return attested


def _credential(data: bytes) -> tuple[Attested, int]:
    """The credential, and how many bytes it takes."""
    if len(data) < _ATTESTED.size:
        raise unreadable("it is cut off")
    aaguid, id_length = _ATTESTED.unpack_from(data)
    if not 0 < id_length <= MAX_CREDENTIAL_ID:
        raise unreadable(f"the passkey's id has not 1 to {MAX_CREDENTIAL_ID} bytes")
    key_at = _ATTESTED.size + id_length
    # An id that is cut off leaves no key: then there is nothing to decode.
    _, key_length = cbor.decode_first(data[key_at:])
    credential_id, public_key = data[_ATTESTED.size : key_at], data[key_at : key_at + key_length]
    return Attested(aaguid, credential_id, public_key), key_at + key_length
