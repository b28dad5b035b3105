"""The key ring: seals short values, derives the keys of streams, makes look-up hashes and tags.

Owns the format of a sealed value and which key derives what; docs/sealing.md has both byte by byte, and why.
Not here: sealed streams (base/stream.py), where keys are kept (base/config.py), what a place is called (store/).

Key bytes stay inside: repr() shows ids only, nothing here can be pickled or copied, and the methods of a ring hold
no key bytes in a variable, so that not even a traceback with variables shows them.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
from dataclasses import dataclass

from postern.base.errors import ConfigError, SealBroken, WeakKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VALUE, STREAM = 1, 2
"""First byte of what is sealed: version and kind in one."""

KEY_SIZE, ID_SIZE, NONCE_SIZE, TAG_SIZE = 32, 8, 12, 16
PREFIX_SIZE = 1 + ID_SIZE
"""Version and key id: how everything sealed begins."""

_ID = re.compile(r"[a-z0-9]{1,8}")
_MAKE_ONE = "Make one with `postern keys new`."


@dataclass(frozen=True, repr=False)
class Key:
    """One key of the ring. WeakKey when its bytes are not random."""

    # Slots instead of a __dict__: vars() has nothing to show.
    __slots__ = ("id", "secret")

    id: str
    secret: bytes

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ConfigError("A key has an id that is not 1 to 8 of a-z and 0-9.", _MAKE_ONE)
        fault = _weakness(self.secret)
        if fault:
            raise WeakKey(f"Key {self.id} is weak: {fault}.", _MAKE_ONE)

    def __repr__(self) -> str:
        return f"Key(id={self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled or copied")


def _weakness(secret: bytes) -> str:
    """What shows that these are not 32 random bytes; empty when nothing does."""
    if len(secret) != KEY_SIZE:
        return "it is not 32 bytes long"
    if any(secret == (secret[:n] * KEY_SIZE)[:KEY_SIZE] for n in range(1, 17)):
        return "it repeats a pattern"
    if len(set(secret)) < 16:
        return "too few of its bytes differ"
    if all(0x20 <= byte < 0x7F for byte in secret):
        return "it is text, not random bytes"
    return ""


def parse_keys(text: str) -> tuple[Key, ...]:
    """Read "id:base64 id:base64", blanks or commas between, newest first. ConfigError, or WeakKey."""
    words = text.replace(",", " ").split()
    if not words:
        raise ConfigError("POSTERN_SEAL_KEYS holds no key.", _MAKE_ONE)
    keys = []
    for number, word in enumerate(words, 1):
        key_id, _, encoded = word.partition(":")
        secret = _bytes_of(encoded)
        if secret is None or not _ID.fullmatch(key_id):
            # Not even the id is told: what stands there may be a key without one.
            raise ConfigError(f"Key number {number} of POSTERN_SEAL_KEYS is not id:base64.", _MAKE_ONE)
        keys.append(Key(key_id, secret))
    _refuse_twins(keys)
    return tuple(keys)


def parse_index_key(text: str) -> bytes:
    """Read the index key: base64 of 32 bytes. ConfigError, or WeakKey."""
    secret = _bytes_of(text.strip())
    if secret is None:
        raise ConfigError("POSTERN_INDEX_KEY is not base64.", _MAKE_ONE)
    return Key("index", secret).secret


def new_key(key_id: str | None = None) -> str:
    """A fresh key, "id:base64". Without an id it gets a random one."""
    key = Key(key_id or os.urandom(4).hex(), os.urandom(KEY_SIZE))
    return f"{key.id}:{base64.b64encode(key.secret).decode()}"


def _bytes_of(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _refuse_twins(keys: Sequence[Key]) -> None:
    """An id must tell one key from another, and a key under two ids would only look rotated."""
    if len({key.id for key in keys}) < len(keys):
        raise ConfigError("Two keys of POSTERN_SEAL_KEYS have the same id.", "Give each an id of its own.")
    if len({key.secret for key in keys}) < len(keys):
        raise WeakKey("Two keys of POSTERN_SEAL_KEYS are the same key.", _MAKE_ONE)


class KeyRing:
    """The keys of one instance. The first seals, all open; the index key hashes."""

    __slots__ = ("_index", "_keys", "_look_again", "_macs", "_newest", "_value_ciphers")

    def __init__(
        self, keys: Sequence[Key], index_key: bytes, look_again: Callable[[], Sequence[Key]] = tuple
    ) -> None:
        """`look_again` is asked when something needs a key that is not there: one may have come since (a rotation)."""
        self._look_again = look_again
        self._keys = {_padded(key.id): key for key in keys}
        self._index = Key("index", index_key)
        del index_key
        if not keys:
            raise ConfigError("The key ring holds no key.", _MAKE_ONE)
        _refuse_twins(keys)
        if self._index.secret in [key.secret for key in keys]:
            raise WeakKey("POSTERN_INDEX_KEY is also in POSTERN_SEAL_KEYS.", _MAKE_ONE)
        self._newest = _padded(keys[0].id)
        self._value_ciphers: dict[bytes, AESGCM] = {}
        self._macs: dict[str, hmac.HMAC] = {}

    def __repr__(self) -> str:
        return f"KeyRing(ids={[key.id for key in self._keys.values()]})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key ring is not pickled or copied")

    @property
    def ids(self) -> list[str]:
        """The ids of its keys, newest first."""
        return [key.id for key in self._keys.values()]

    @property
    def newest(self) -> bytes:
        """The newest key's id as it stands in what is sealed: 8 bytes."""
        return self._newest

    def seal(self, plain: bytes, place: str) -> bytes:
        """Seal a value under the newest key, bound to its place."""
        return self._seal(plain, place, os.urandom(NONCE_SIZE))

    def _seal(self, plain: bytes, place: str, nonce: bytes) -> bytes:
        prefix = self.prefix(VALUE)
        cipher = self._value_cipher(prefix, place)
        return prefix + nonce + cipher.encrypt(nonce, plain, prefix + place.encode())

    def open(self, sealed: bytes, place: str) -> bytes:
        """The value that was sealed for this place. SealBroken when it was altered, cut or moved, or its key is gone."""
        from cryptography.exceptions import InvalidTag

        prefix, nonce = bytes(sealed[:PREFIX_SIZE]), sealed[PREFIX_SIZE : PREFIX_SIZE + NONCE_SIZE]
        if len(sealed) < PREFIX_SIZE + NONCE_SIZE + TAG_SIZE or prefix[0] != VALUE:
            raise broken(place)
        cipher = self._value_cipher(prefix, place)
        try:
            return cipher.decrypt(nonce, sealed[PREFIX_SIZE + NONCE_SIZE :], prefix + place.encode())
        except InvalidTag:
            raise broken(place) from None

    def index(self, purpose: str, value: bytes) -> bytes:
        """A look-up hash of 32 bytes: the same for the same purpose and value, and nobody without the key can make it."""
        return self._mac("postern/1 index " + purpose, value)

    def tag(self, purpose: str, value: bytes, size: int) -> bytes:
        """What proves that we wrote `value`, in `size` bytes. Compare it with hmac.compare_digest."""
        if not 4 <= size <= 32:
            raise ValueError("a tag has 4 to 32 bytes")
        return self._mac("postern/1 tag " + purpose, value)[:size]

    def key_id_of(self, sealed: bytes) -> str:
        """The id of the key that a sealed value, or the header of a sealed stream, names. SealBroken when it names none."""
        key_id = _named(bytes(sealed[:PREFIX_SIZE]))
        if not key_id or sealed[0] not in (VALUE, STREAM):
            raise SealBroken("This is nothing that Postern sealed.", "docs/sealing.md has the formats.")
        return key_id

    def prefix(self, kind: int) -> bytes:
        """How something that is sealed now begins: VALUE or STREAM, and the newest key's id."""
        return bytes([kind]) + self._newest

    def stream_cipher(self, prefix: bytes, salt: bytes, place: str) -> AESGCM:
        """The cipher of the one stream that has this prefix, salt and place. For base/stream.py only."""
        return _cipher(self._key(prefix, place), salt, b"postern/1 seal stream" + place.encode())

    def _value_cipher(self, prefix: bytes, place: str) -> AESGCM:
        cipher = self._value_ciphers.get(prefix)
        if cipher is None:
            cipher = _cipher(self._key(prefix, place), b"", b"postern/1 seal value")
            self._value_ciphers[prefix] = cipher
        return cipher

    def _key(self, prefix: bytes, place: str) -> Key:
        key = self._keys.get(prefix[1:]) or self._found_since(prefix)
        if key is not None:
            return key
        name = _named(prefix)
        if not name:
            raise broken(place)
        # Key ids are no secret, and this one tells the operator what to look for.
        reason = f"What is sealed at {place} needs key {name}, which is not in the ring."
        raise SealBroken(reason, "Put that key back into POSTERN_SEAL_KEYS, behind the others.")

    def _found_since(self, prefix: bytes) -> Key | None:
        """Such keys open; which one seals, this process decided at its start."""
        for key in self._look_again():
            self._keys.setdefault(_padded(key.id), key)
        return self._keys.get(prefix[1:])

    def _mac(self, info: str, value: bytes) -> bytes:
        # The keyed state is kept, not the subkey: it is faster, and shows nothing.
        keyed = self._macs.get(info)
        if keyed is None:
            keyed = self._macs[info] = hmac.new(_derive(self._index, b"", info.encode()), digestmod="sha256")
        mac = keyed.copy()
        mac.update(value)
        return mac.digest()


def broken(place: str) -> SealBroken:
    """The one error for whatever was done to sealed bytes; which check failed is nobody's business."""
    return SealBroken(
        f"What is sealed at {place} does not open: it was altered, cut or moved.",
        "Bring it back from a backup. docs/sealing.md says what else can be the matter.",
    )


def _padded(key_id: str) -> bytes:
    return key_id.encode().ljust(ID_SIZE, b"\0")


def _named(prefix: bytes) -> str:
    """The key id in a prefix; empty when that is no id."""
    key_id = prefix[1:].rstrip(b"\0").decode("latin-1")
    return key_id if len(prefix) == PREFIX_SIZE and _ID.fullmatch(key_id) else ""


def _derive(key: Key, salt: bytes, info: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(hashes.SHA256(), KEY_SIZE, salt or None, info).derive(key.secret)


def _cipher(key: Key, salt: bytes, info: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derive(key, salt, info))
