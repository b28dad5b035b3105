"""The signed envelope of a message that the Worker posts (docs: the webhook contract), and our bounce addresses.

Signature: HMAC-SHA256 over `webhook-id "." webhook-timestamp "." envelope JSON`, written `v1,<base64>`; one in the
list by one of our secrets is enough, so a secret can be changed without a gap. Three stages: Inbound (nothing believed),
Verified (only verify() makes one, or vouch() where another proof stands for it), and its Envelope. Nothing before the
signature costs more than decoding 4 KiB and an HMAC a secret.

Two types: `mail.inbound`, which the message follows, and `mail.probe`, without a body, which asks whether that message would be
taken. `sha256` may be empty for a message larger than HASHED_BYTES: a Worker on the free plan has not the time to hash it.

Bounce address (VERP): `bn-` and base32 (lower case, no padding) of 8 bytes delivery id, big-endian, and 8 bytes tag: 29
letters. Its alphabet survives servers that change case.
Not here: how the tag is made (base/keyring.py), webhook ids seen before (store/webhook_ids.py).
"""

from __future__ import annotations

import binascii
import hmac
import re
from dataclasses import dataclass, field

from postern.base.errors import BadInput, ConfigError, PosternError, WeakKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE_SECONDS = 300
MAX_SIGNATURES = 1_024
"""Characters: some 20 signatures, while two secrets at once are many."""

MAX_ENVELOPE64 = 4_096
"""Characters: two addresses of the longest kind, escaped. Apache takes 8,190 a field."""

HASHED_BYTES = 2 * 1024 * 1024
"""Up to this size the body's hash must be signed, as lib/postern/edge/worker.js does. What is larger is guarded by TLS."""

MAX_ADDRESS_BYTES = 512
"""Some senders' bounce addresses are longer than RFC 5321 allows, and refusing them helps nobody."""

_ID = re.compile(r"in_[0-9a-f]{32}", re.ASCII)
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029<>]")
_KEYS = {"v", "type", "mail_from", "rcpt_to", "size", "sha256", "source"}
_SECRET = re.compile(r"whsec_([A-Za-z0-9+/]+)={0,2}", re.ASCII)
_BOUNCE = re.compile(r"bn-([a-z2-7]{26})", re.ASCII)
_TAG_BYTES = 8
_MAKE_ONE = "Make one with `postern keys new`."


class Unsigned(PosternError):
    """Nobody who knows a secret sent this, or not now (EX_NOPERM)."""

    exit_code = 77
    http_status = 401


class Malformed(BadInput):
    """Not of the webhook contract."""


@dataclass(frozen=True)
class Inbound:
    """The four header values as they came, empty where there was none. Nothing in it is believed."""

    id: str
    timestamp: str
    signature: str = field(repr=False)
    envelope64: str = field(repr=False)


@dataclass(frozen=True)
class Envelope:
    """Who sent it to whom, and what its bytes must be. `mail_from` is empty for bounces; `sha256` is hex, or empty.

    `probe`: nothing follows; would it be taken?
    """

    mail_from: str = field(repr=False)
    rcpt_to: str = field(repr=False)
    size: int
    sha256: str
    source: str
    probe: bool = False


@dataclass(frozen=True)
class Verified:
    """A post whose signature, age and form were checked. Only verify() and vouch() make one.

    Not checked: was its id seen before?
    """

    id: str
    envelope: Envelope


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """The secrets of a setting, `whsec_…` with blanks between. ConfigError, or WeakKey for one that is not random."""
    secrets = []
    for place, word in enumerate(text.split(), 1):
        match = _SECRET.fullmatch(word)
        letters = match[1] if match else ""
        if not letters or len(letters) % 4 == 1:
            raise ConfigError(f"Webhook secret {place} is not whsec_ and base64.", _MAKE_ONE)
        secret = binascii.a2b_base64(letters + "=" * (-len(letters) % 4))
        if _is_weak(secret):
            raise WeakKey(f"Webhook secret {place} is weak: not 24 to 64 bytes, or not random.", _MAKE_ONE)
        secrets.append(secret)
    if not secrets:
        raise ConfigError("There is no webhook secret.", _MAKE_ONE)
    return tuple(secrets)


def _is_weak(secret: bytes) -> bool:
    size = len(secret)
    repeats = any(secret[period:] == secret[:-period] for period in range(1, size // 2 + 1))
    # 24 random bytes hold fewer than 16 different ones once in 3 * 10^7 secrets, 32 once in 3 * 10^16.
    return not 24 <= size <= 64 or repeats or len(set(secret)) < 16


def sign(secret: bytes, id: str, timestamp: int, envelope_json: bytes) -> str:  # noqa: A002 - the name in the contract
    """One signature, as it stands in `webhook-signature`."""
    digest = hmac.digest(secret, b"%s.%d.%s" % (id.encode("ascii"), timestamp, envelope_json), "sha256")
    return "v1," + binascii.b2a_base64(digest, newline=False).decode("ascii")


def verify(inbound: Inbound, secrets: Sequence[bytes], now: float) -> Verified:
    """Believe it, or raise: Malformed when it is not of the contract, Unsigned when it is not from one of us, or not recent."""
    envelope_json = _well_formed(inbound)
    timestamp = int(inbound.timestamp)
    if abs(now - timestamp) > TOLERANCE_SECONDS:
        raise Unsigned(
            "The post is stale, or from the future.", "Set the clock of this host; the sender tries again."
        )
    given = [word.encode("ascii") for word in inbound.signature.split(" ")]
    good = False
    for secret in secrets:
        expected = sign(secret, inbound.id, timestamp, envelope_json).encode("ascii")
        for word in given:
            good |= hmac.compare_digest(expected, word)
    if not good:
        raise Unsigned(
            "No signature of the post is by one of our secrets.",
            "Give the Worker and this host the same secret.",
        )
    return Verified(inbound.id, _read_envelope(envelope_json))


def vouch(id: str, sent: Envelope) -> Verified:  # noqa: A002 - the name in the contract
    """A message whose sender is proven another way: by a service's own signature, or because our own user runs the program.

    Malformed when the envelope makes no sense. `id` as in the contract: the same one is taken once in a while.
    """
    if not _ID.fullmatch(id) or not _is_sound(sent):
        raise _malformed("a value of the envelope is not what it should be")
    return Verified(id, sent)


def _well_formed(inbound: Inbound) -> bytes:
    """The envelope's bytes, when all four values are there, small, and of their form."""
    values = (inbound.id, inbound.timestamp, inbound.signature, inbound.envelope64)
    if not all(values):
        raise Unsigned(
            "The post is not signed: one of its four headers is missing.", "Only the Worker posts here."
        )
    if len(inbound.signature) > MAX_SIGNATURES or len(inbound.envelope64) > MAX_ENVELOPE64:
        raise _malformed("a header is too long")
    if not all(value.isascii() for value in values):
        raise _malformed("a header is not ASCII")
    if not _ID.fullmatch(inbound.id) or not _TIMESTAMP.fullmatch(inbound.timestamp):
        raise _malformed("webhook-id or webhook-timestamp has not its form")
    try:
        envelope_json = binascii.a2b_base64(inbound.envelope64)
    except binascii.Error:
        envelope_json = b""
    # Python skips what is not base64: one spelling only, so that nothing rides along unsigned.
    if binascii.b2a_base64(envelope_json, newline=False) != inbound.envelope64.encode("ascii"):
        raise _malformed("postern-envelope is not base64")
    return envelope_json


def _malformed(what: str) -> Malformed:
    return Malformed(f"Not a postern-inbound v1 post: {what}.", "Update the Worker to this host's version.")


def _read_envelope(envelope_json: bytes) -> Envelope:
    import json

    try:
        found = json.loads(envelope_json.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _malformed("the envelope is not strict JSON") from None
    if not isinstance(found, dict) or type(found.get("v")) is not int or found["v"] != 1:
        raise _malformed("the envelope's version is not 1")
    if set(found) != _KEYS or found["type"] not in ("mail.inbound", "mail.probe"):
        raise _malformed("the envelope has not the keys of its version")
    envelope = Envelope(
        found["mail_from"],
        found["rcpt_to"],
        found["size"],
        found["sha256"],
        found["source"],
        found["type"] == "mail.probe",
    )
    if not _is_sound(envelope):
        raise _malformed("a value of the envelope is not what it should be")
    return envelope


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # Two parsers that choose differently between two values of a key see two envelopes.
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _is_sound(envelope: Envelope) -> bool:
    # bool is an int in Python, and 1.0 equals 1: the type itself is asked.
    if type(envelope.size) is not int or not 0 <= envelope.size < 2**31:
        return False
    if not all(
        isinstance(text, str)
        for text in (envelope.mail_from, envelope.rcpt_to, envelope.sha256, envelope.source)
    ):
        return False
    if not _is_hash(envelope) or not _SOURCE.fullmatch(envelope.source):
        return False
    local, _, domain = envelope.rcpt_to.rpartition("@")
    return bool(local and domain) and _is_safe(envelope.rcpt_to) and _is_safe(envelope.mail_from)


def _is_hash(envelope: Envelope) -> bool:
    return bool(_SHA256.fullmatch(envelope.sha256)) or (
        envelope.sha256 == "" and envelope.size > HASHED_BYTES
    )


def _is_safe(address: str) -> bool:
    """Small enough, real Unicode, and without what would end a line or a path in SMTP."""
    try:
        return len(address.encode("utf-8")) <= MAX_ADDRESS_BYTES and not _UNSAFE.search(address)
    except UnicodeEncodeError:
        return False


def bounce_local(delivery_id: int, tag: bytes) -> str:
    """The local part that a bounce of this delivery comes back to. `tag`: 8 bytes, so that nobody makes one up."""
    import base64

    if len(tag) != _TAG_BYTES or not 0 <= delivery_id < 2**63:
        raise ValueError("a delivery id is a bigint, and a bounce tag has 8 bytes")
    return "bn-" + base64.b32encode(delivery_id.to_bytes(8, "big") + tag).decode("ascii").rstrip("=").lower()


def read_bounce_local(local: str) -> tuple[int, bytes] | None:
    """(delivery id, tag) of a bounce address in either case; None for any other. Not checked: is the tag ours?"""
    import base64

    match = _BOUNCE.fullmatch(local.lower()) if local.isascii() else None
    if match is None:
        return None
    raw = base64.b32decode(match[1].upper() + "=" * 6)
    delivery_id, tag = int.from_bytes(raw[:8], "big"), raw[8:]
    if delivery_id >= 2**63 or bounce_local(delivery_id, tag) != local.lower():
        return None
    return delivery_id, tag
