"""cose.py: keys that are of no use, or of use to too many, are refused."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postern.webauthn import cose
from postern.webauthn.refused import Refused
from support.authenticator import Authenticator, changed, cose_key, encode

GOOD = {algorithm: cose_key(algorithm, Authenticator(algorithm).private) for algorithm in cose.ALGORITHMS}
P = 2**256 - 2**224 + 2**192 + 2**96 - 1  # of P-256
FIELD = 2**255 - 19  # of Ed25519


def modulus(bits: int) -> bytes:
    return ((1 << bits) - 1).to_bytes((bits + 7) // 8, "big")


BENT: tuple[tuple[int, dict[Any, Any]], ...] = (
    (cose.ES256, {-1: 2}),  # P-384
    (cose.ES256, {-1: 8}),  # secp256k1
    (cose.ES256, {-1: True}),
    (cose.ES256, {-1: None}),
    (cose.ES256, {1: 1}),
    (cose.ES256, {1: None}),
    (cose.ES256, {-2: bytes(32)}),  # no point of the curve
    (cose.ES256, {-2: bytes(32), -3: bytes(32)}),
    (cose.ES256, {-2: P.to_bytes(32, "big")}),
    (cose.ES256, {-2: bytes(1) + GOOD[cose.ES256][-2]}),
    (cose.ES256, {-2: GOOD[cose.ES256][-2][:31]}),
    (cose.ES256, {-3: True}),  # compressed
    (cose.ES256, {-3: None}),
    (cose.ES256, {4: [2]}),  # key_ops: optional, and so not allowed
    (cose.ES256, {2: b"kid"}),
    (cose.ES256, {"x": 1}),
    (cose.EDDSA, {-1: 7}),  # Ed448
    (cose.EDDSA, {-1: 4}),  # X25519
    (cose.EDDSA, {1: 2}),
    (cose.EDDSA, {-2: bytes(31)}),
    (cose.EDDSA, {-2: b"\x05" * 33}),
    (cose.EDDSA, {-2: "text"}),
    (cose.EDDSA, {-3: b"\x05" * 32}),
    (cose.RS256, {-1: modulus(2047)}),
    (cose.RS256, {-1: modulus(1024)}),
    (cose.RS256, {-1: modulus(4097)}),
    (cose.RS256, {-1: modulus(60_000)}),
    (cose.RS256, {-1: bytes(256)}),
    (cose.RS256, {-1: b""}),
    (cose.RS256, {-1: GOOD[cose.RS256][-1][:-1] + b"\x02"}),  # even
    (cose.RS256, {-2: b"\x03"}),
    (cose.RS256, {-2: b"\x01"}),
    (cose.RS256, {-2: bytes(1) + b"\x01\x00\x01"}),
    (cose.RS256, {-2: b""}),
    (cose.RS256, {1: 2}),
)


@pytest.mark.parametrize(("algorithm", "by"), BENT)
def test_a_key_of_a_wrong_kind_is_refused(algorithm: int, by: dict[Any, Any]) -> None:
    assert cose.read(encode(GOOD[algorithm])).algorithm == algorithm
    with pytest.raises(Refused, match="of no kind"):
        cose.read(encode(changed(GOOD[algorithm], by)))


@pytest.mark.parametrize("algorithm", [-35, -36, -37, -47, -65535, -9, 0, 7, None, "ES256", True])
def test_an_algorithm_that_was_not_asked_for_is_refused(algorithm: object) -> None:
    with pytest.raises(Refused, match="algorithm"):
        cose.read(encode(changed(GOOD[cose.ES256], {3: algorithm})))


def test_a_key_under_the_name_of_another_algorithm_is_refused() -> None:
    for algorithm, members in GOOD.items():
        for other in set(GOOD) - {algorithm}:
            with pytest.raises(Refused, match="of no kind"):
                cose.read(encode({**members, 3: other}))


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x01", b"\xa0\0"])
def test_what_is_no_key_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        cose.read(data)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_usual_sizes_of_rsa_pass(bits: int) -> None:
    assert isinstance(cose.read(encode({**GOOD[cose.RS256], -1: modulus(bits)})).key, rsa.RSAPublicKey)


def small_order() -> list[bytes]:
    """Every encoding of the eight points whose order divides 8, computed: roots of the doubling formulas."""
    d = -121665 * pow(121666, -1, FIELD) % FIELD
    # Order 8 means that doubling gives y = 0, that is x² = -y² on -x² + y² = 1 + d x² y²: then d y⁴ + 2 y² = 1.
    root = sqrt(1 + d)
    squares = [(-1 + sign * root) * pow(d, -1, FIELD) % FIELD for sign in (1, -1)]
    ys = {0, 1, FIELD - 1} | {
        y for square in squares for y in (sqrt(square), -sqrt(square) % FIELD) if y * y % FIELD == square
    }
    assert len(ys) == 5
    return [
        (y + FIELD * more + (sign << 255)).to_bytes(32, "little")
        for y in ys
        for more in (0, 1)
        for sign in (0, 1)
        if y + FIELD * more < 2**255
    ]


def sqrt(square: int) -> int:
    """Modulo 2²⁵⁵ - 19, where there is one."""
    square %= FIELD
    found = pow(square, (FIELD + 3) // 8, FIELD)
    return found if found * found % FIELD == square else found * pow(2, (FIELD - 1) // 4, FIELD) % FIELD


@pytest.mark.parametrize("x", small_order(), ids=bytes.hex)
def test_a_point_of_small_order_is_no_key(x: bytes) -> None:
    with pytest.raises(Refused, match="of no kind"):
        cose.read(encode({**GOOD[cose.EDDSA], -2: x}))


def test_with_a_point_of_small_order_anybody_could_sign() -> None:
    """Why they are refused: this signature was made by nobody."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    neutral = (1).to_bytes(32, "little")
    public = cose.PublicKey(cose.EDDSA, Ed25519PublicKey.from_public_bytes(neutral))
    cose.verify(public, neutral + bytes(32), b"anything")
