"""Registering a new credential (7.1): a new passkey of a user who is signed in.

Not here: whether the id is taken (the database knows), and attestation (see the room's docstring).
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.webauthn import authenticator_data, cbor, client_data, cose
from postern.webauthn.refused import Refused, unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postern.webauthn.answer import Answer


@dataclass(frozen=True)
class Credential:
    """What to keep of a passkey. `public_key` is the COSE_Key as it came; `aaguid` names the model, as it says itself."""

    id: bytes
    public_key: bytes
    algorithm: int
    sign_count: int
    aaguid: bytes
    backed_up: bool
    transports: tuple[str, ...]


def register(
    answer: Answer, challenge: bytes, origin: str, rp_id: str, must_verify_user: bool = True
) -> Credential:
    """The passkey that was made for this challenge, on this origin. Refused."""
    client_data.check(answer.data("clientDataJSON"), client_data.CREATE, challenge, origin)
    told = authenticator_data.read(_authenticator_data(answer), rp_id, must_verify_user)
    made = told.attested
    if made is None:
        raise unreadable("it holds no new passkey")
    if made.credential_id != answer.credential_id:
        raise Refused("The browser and the passkey name different passkeys.")
    return Credential(
        id=made.credential_id,
        public_key=made.public_key,
        algorithm=cose.read(made.public_key).algorithm,
        sign_count=told.sign_count,
        aaguid=made.aaguid,
        backed_up=told.backed_up,
        transports=answer.transports(),
    )


def _authenticator_data(answer: Answer) -> bytes:
    """What the attestation object (6.5.4) is about."""
    found = cbor.decode(answer.data("attestationObject"))
    data = found.get("authData") if isinstance(found, dict) else None
    if not isinstance(data, bytes):
        raise unreadable("its attestation object holds no authenticator data")
    return data
