"""COSE_Key (RFC 9052 7, RFC 9053, RFC 8230): the public keys of passkeys, and their signatures.

    -7    ES256   ECDSA with SHA-256, on P-256, point uncompressed (WebAuthn 5.8.5)
    -8    EdDSA   Ed25519
    -257  RS256   RSASSA-PKCS1-v1_5 with SHA-256, 2048 to 4096 bits, exponent 65537

A key holds the members of its type and no others (WebAuthn 6.5.1). Keys with which anybody, or many, could sign are refused:
they would hurt their own user only, but no authenticator makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.webauthn import cbor
from postern.webauthn.refused import Refused, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

ES256, EDDSA, RS256 = -7, -8, -257
ALGORITHMS = (EDDSA, ES256, RS256)
"""The most wanted first. Windows Hello has made RS256 only."""

MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
_RSA_EXPONENT = (65_537).to_bytes(3, "big")

_KTY, _ALG = 1, 3
_CRV, _X, _Y = -1, -2, -3
_N, _E = -1, -2
_OKP, _EC2, _RSA = 1, 2, 3  # values of kty
_P256, _ED25519 = 1, 6  # values of crv

_FIELD = 2**255 - 19
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = frozenset((0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8))
"""y of the points of Ed25519 whose order divides 8: as keys, they pass signatures that nobody made."""


@dataclass(frozen=True)
class PublicKey:
    """A key that this room verifies with. Only `read` makes one."""

    algorithm: int
    key: EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey


def read(data: bytes) -> PublicKey:
    """The key that a COSE_Key holds. Refused."""
    members = cbor.decode(data)
    if not isinstance(members, dict):
        raise unreadable("its key is no map")
    algorithm = members.get(_ALG)
    if algorithm == ES256:
        return PublicKey(ES256, _p256(members))
    if algorithm == EDDSA:
        return PublicKey(EDDSA, _ed25519(members))
    if algorithm == RS256:
        return PublicKey(RS256, _rsa(members))
    raise Refused(
        "The passkey uses an algorithm that was not asked for.", "Use another device or security key."
    )


def verify(public: PublicKey, signature: bytes, data: bytes) -> None:
    """That the key's owner signed the data. Refused."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    how: dict[int, tuple[Any, ...]] = {ES256: (ECDSA(SHA256()),), EDDSA: (), RS256: (PKCS1v15(), SHA256())}
    key: Any = public.key
    try:
        key.verify(signature, data, *how[public.algorithm])
    except InvalidSignature:
        raise Refused("The passkey's signature is not valid.") from None


def _p256(members: dict[int | str, object]) -> EllipticCurvePublicKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    x, y = _numbers(members, {_KTY: _EC2, _ALG: ES256, _CRV: _P256}, (_X, _Y))
    if len(x) != 32 or len(y) != 32:
        raise _wrong_key()
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    try:
        return numbers.public_key()
    except ValueError:  # no point of the curve
        raise _wrong_key() from None


def _ed25519(members: dict[int | str, object]) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    (x,) = _numbers(members, {_KTY: _OKP, _ALG: EDDSA, _CRV: _ED25519}, (_X,))
    # RFC 8032 5.1.2: y, little-endian, below the sign of x.
    y = int.from_bytes(x, "little") & (2**255 - 1)
    if len(x) != 32 or y % _FIELD in _SMALL_ORDER:
        raise _wrong_key()
    return Ed25519PublicKey.from_public_bytes(x)


def _rsa(members: dict[int | str, object]) -> RSAPublicKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    modulus, exponent = _numbers(members, {_KTY: _RSA, _ALG: RS256}, (_N, _E))
    n = int.from_bytes(modulus, "big")
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS or not n & 1 or exponent != _RSA_EXPONENT:
        raise _wrong_key()
    return RSAPublicNumbers(65_537, n).public_key()


def _numbers(
    members: dict[int | str, object], fixed: dict[int, int], names: tuple[int, ...]
) -> tuple[bytes, ...]:
    """The byte strings of these names; all else that the key holds must be `fixed`, and there. Refused."""
    values = tuple(value for value in map(members.get, names) if isinstance(value, bytes))
    rest = {name: value for name, value in members.items() if name not in names}
    # To Python, true is 1.
    if len(values) != len(names) or rest != fixed or any(isinstance(value, bool) for value in rest.values()):
        raise _wrong_key()
    return values


def _wrong_key() -> Refused:
    return Refused(
        "The passkey's key is of no kind that can be used here.", "Use another device or security key."
    )
