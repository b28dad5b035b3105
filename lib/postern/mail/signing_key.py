"""A key that signs mail: RSA (RFC 6376, with 2048 bits as RFC 8301 asks) or Ed25519 (RFC 8463).

Not here: where keys are kept (base/signing_keys.py), what is signed (mail/dkim.py, mail/arc.py), how a key is published
(mail/dkim_record.py). `cryptography` is imported by the first use only: most installations let their relay sign.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from postern.base.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, Union

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    Private = Union[RSAPrivateKey, Ed25519PrivateKey]

RSA, ED25519 = "rsa", "ed25519"
KINDS = (RSA, ED25519)
"""As in the tag k= of a record."""

RSA_BITS = 2048
"""More makes a record that DNS answers over UDP do not carry."""


@dataclass(frozen=True)
class SigningKey:
    """The key of one selector of one domain."""

    domain: str
    selector: str
    kind: str
    private: Private = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied")

    @property
    def algorithm(self) -> str:
        """As in the tag a= of a signature."""
        return f"{self.kind}-sha256"

    @property
    def public(self) -> str:
        """As in the tag p= of a record: base64 of SubjectPublicKeyInfo, of Ed25519 of the 32 bytes alone (RFC 8463 4)."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = self.private.public_key()
        if self.kind == ED25519:
            data = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        else:
            data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(data).decode()

    def sign(self, data: bytes) -> bytes:
        """The signature of SHA-256 of these bytes: of Ed25519 it is the hash that is signed (RFC 8463 3)."""
        import hashlib

        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(hashlib.sha256(data).digest())
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        return self.private.sign(data, PKCS1v15(), SHA256())


def generate(domain: str, selector: str, kind: str) -> SigningKey:
    """A fresh key."""
    private: Private
    if kind == ED25519:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        private = Ed25519PrivateKey.generate()
    else:
        from cryptography.hazmat.primitives.asymmetric import rsa

        private = rsa.generate_private_key(65537, RSA_BITS)
    return SigningKey(domain, selector, kind, private)


def to_pem(key: SigningKey) -> str:
    """PKCS #8, not encrypted: it lies where the keys of the seal lie."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")


def from_pem(domain: str, selector: str, pem: str) -> SigningKey:
    """The key that to_pem() wrote. ConfigError when it is none, or of a kind that signs no mail."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(pem.encode("ascii"), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if isinstance(private, Ed25519PrivateKey):
        return SigningKey(domain, selector, ED25519, private)
    if isinstance(private, RSAPrivateKey):
        return SigningKey(domain, selector, RSA, private)
    # Not from the library's error, which might quote what it read.
    raise ConfigError(
        f"The DKIM key {selector} of {domain} is broken.",
        f"Take it out: postern dkim remove {domain} {selector} --yes",
    )
