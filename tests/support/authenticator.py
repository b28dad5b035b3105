"""An authenticator in software: it answers options as a browser with a passkey does, and wrongly when told to.

    authenticator = Authenticator(cose.ES256)
    authenticator.create(options, "https://example.org")    a RegistrationResponseJSON, as a dict
    authenticator.get(options, "https://example.org")       an AuthenticationResponseJSON

What it says can be bent before it is signed, so that one thing alone is wrong: `flags`, `count` (None: keeps no counter),
`rp_id`, `client` (members of the client data put in, None takes one out), `key` (members of the COSE_Key, likewise), `tail`
(bytes behind the authenticator data), `statement` (fmt, attStmt). encode() writes CBOR with no word of the program's.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT, ED = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
ES256, EDDSA, RS256 = -7, -8, -257


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encode(value: Any) -> bytes:
    """CTAP2 canonical CBOR."""
    if value is None or isinstance(value, bool):
        return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
    if isinstance(value, int):
        return head(0, value) if value >= 0 else head(1, -1 - value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(encode, value))
    pairs = sorted((encode(key), encode(one)) for key, one in value.items())
    pairs.sort(key=lambda pair: (pair[0][0] >> 5, len(pair[0]), pair[0]))
    return head(5, len(pairs)) + b"".join(key + one for key, one in pairs)


def head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([kind << 5 | 23 + size.bit_length()]) + number.to_bytes(size, "big")


class Authenticator:
    """One passkey."""

    def __init__(self, algorithm: int = ES256) -> None:
        self.algorithm = algorithm
        self.private: Any = _PRIVATE[algorithm]()
        self.id = os.urandom(32)
        self.aaguid = bytes(16)
        self.user_handle: bytes | None = None
        self.flags = UP | UV | BE | BS
        self.count: int | None = None
        self.rp_id: str | None = None
        self.client: dict[str, Any] = {}
        self.key: dict[int | str, Any] = {}
        self.tail = b""
        self.statement: dict[str, Any] = {"fmt": "none", "attStmt": {}}

    def create(self, options: Mapping[str, Any], origin: str) -> dict[str, Any]:
        self.user_handle = unb64(options["user"]["id"])
        key = encode(changed(cose_key(self.algorithm, self.private), self.key))
        made = self.aaguid + struct.pack(">H", len(self.id)) + self.id + key
        data = self._data(options["rp"]["id"], AT) + made + self.tail
        return self._answer(
            clientDataJSON=b64(self._client("webauthn.create", options, origin)),
            attestationObject=b64(encode({**self.statement, "authData": data})),
            transports=["internal", "hybrid"],
        )

    def get(self, options: Mapping[str, Any], origin: str) -> dict[str, Any]:
        if self.count is not None:
            self.count += 1
        client = self._client("webauthn.get", options, origin)
        data = self._data(options["rpId"], 0) + self.tail
        return self._answer(
            clientDataJSON=b64(client),
            authenticatorData=b64(data),
            signature=b64(self.sign(data + hashlib.sha256(client).digest())),
            userHandle=None if self.user_handle is None else b64(self.user_handle),
        )

    def sign(self, data: bytes) -> bytes:
        return bytes(self.private.sign(data, *_HOW[self.algorithm]))

    def _data(self, rp_id: str, more: int) -> bytes:
        of = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return of + struct.pack(">BI", self.flags | more, self.count or 0)

    def _client(self, kind: str, options: Mapping[str, Any], origin: str) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": origin, "crossOrigin": False}
        return json.dumps(changed(told, self.client), separators=(",", ":")).encode()

    def _answer(self, **response: object) -> dict[str, Any]:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": response,
        }


def changed(members: dict[Any, Any], by: Mapping[Any, Any]) -> dict[Any, Any]:
    return {name: value for name, value in {**members, **by}.items() if value is not None}


def cose_key(algorithm: int, private: Any) -> dict[Any, Any]:
    """The COSE_Key."""
    public = private.public_key()
    if algorithm == ES256:
        at = public.public_numbers()
        return {1: 2, 3: ES256, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
    if algorithm == EDDSA:
        return {1: 1, 3: EDDSA, -1: 6, -2: public.public_bytes_raw()}
    numbers = public.public_numbers()
    return {1: 3, 3: RS256, -1: numbers.n.to_bytes(public.key_size // 8, "big"), -2: b"\x01\x00\x01"}


_PRIVATE: dict[int, Any] = {
    ES256: lambda: ec.generate_private_key(ec.SECP256R1()),
    EDDSA: ed25519.Ed25519PrivateKey.generate,
    RS256: lambda: rsa.generate_private_key(65537, 2048),
}
_HOW: dict[int, tuple[Any, ...]] = {
    ES256: (ec.ECDSA(SHA256()),),
    EDDSA: (),
    RS256: (padding.PKCS1v15(), SHA256()),
}
