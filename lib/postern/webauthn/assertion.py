"""Verifying an authentication assertion (7.2): a known passkey signs its user in.

Not here: looking the passkey up, by the answer's `credential_id`, and whether `user_handle` is that of its user.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from postern.webauthn import authenticator_data, client_data, cose
from postern.webauthn.refused import Copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.webauthn.answer import Answer


@dataclass(frozen=True)
class Known:
    """What was kept of a passkey: its COSE_Key, and its counter when it last signed."""

    public_key: bytes
    sign_count: int


@dataclass(frozen=True)
class Assertion:
    """What the passkey proved. `sign_count` and `backed_up` are to be kept; `user_handle` is whose it says it is."""

    sign_count: int
    backed_up: bool
    user_verified: bool
    user_handle: bytes | None


def sign_in(
    answer: Answer, challenge: bytes, origin: str, rp_id: str, known: Known, must_verify_user: bool = True
) -> Assertion:
    """That this passkey signed this challenge, on this origin. Refused, Copied."""
    client, authenticator = answer.data("clientDataJSON"), answer.data("authenticatorData")
    client_data.check(client, client_data.GET, challenge, origin)
    told = authenticator_data.read(authenticator, rp_id, must_verify_user)
    signed = authenticator + hashlib.sha256(client).digest()
    cose.verify(cose.read(known.public_key), answer.data("signature"), signed)
    _check_counter(told.sign_count, known.sign_count)
    return Assertion(told.sign_count, told.backed_up, told.user_verified, answer.user_handle())


def _check_counter(now: int, before: int) -> None:
    """6.1.1: it only grows, or is always 0. One that does not grow may belong to a copy."""
    if (now or before) and now <= before:
        raise Copied
