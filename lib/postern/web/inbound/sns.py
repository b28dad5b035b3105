"""Messages of Amazon SNS, and the proof that they are: the topic is ours, and the signature is by a certificate of SNS itself.

The certificate's address comes with the message, so it is believed only if it is https at the SNS host of the topic's own
region, and the certificate names SNS. It is kept in home/run, for it serves for months. Only SignatureVersion 2 (SHA-256) is
taken. The string that is signed: AWS, "Verifying the signatures of Amazon SNS messages".
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
import re

from postern.base import clock
from postern.base.errors import Busy
from postern.mail.envelope import Unsigned
from postern.web.inbound.posted import Posted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

TOPIC = re.compile(r"arn:aws(?:-cn|-us-gov)?:sns:([a-z0-9-]{3,30}):\d{12}:[A-Za-z0-9_.-]{1,256}", re.ASCII)
_URL = re.compile(r"https://(sns\.([a-z0-9-]{3,30})\.amazonaws\.com(?:\.cn)?)(/[!-~]*)", re.ASCII)
_PEM = re.compile(r"/(SimpleNotificationService-[0-9a-f]{32}\.pem)", re.ASCII)
_NAMES = re.compile(r"sns(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?", re.ASCII)
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message",
        "MessageId",
        "SubscribeURL",
        "Timestamp",
        "Token",
        "TopicArn",
        "Type",
    ),
}
OLDEST_SECONDS = 24 * 3600
FETCH_SECONDS = 20
MAX_PEM = 65536


def verified(body: bytes, topic: str, home: str) -> dict[str, str]:
    """The message's fields. Posted when it is none, Unsigned when it is not from our topic, Busy while it cannot be proven."""
    try:
        found = json.loads(body)
        sent = {name: value for name, value in found.items() if isinstance(value, str)}
    except (ValueError, AttributeError, RecursionError):
        raise Posted("The post is no message of Amazon SNS.", "Point only the topic here.") from None
    region = TOPIC.fullmatch(topic)
    if sent.get("TopicArn") != topic or region is None or sent.get("Type") not in _SIGNED:
        raise Unsigned("The message is not from our topic.", "POSTERN_SES_TOPIC: the topic's ARN.")
    if sent.get("SignatureVersion") != "2":
        raise Unsigned(
            "The topic signs with SHA-1.", "Set its attribute SignatureVersion to 2 (docs/webhooks.md)."
        )
    _check_signature(sent, _certificate(sent.get("SigningCertURL", ""), region[1], home))
    _check_age(sent.get("Timestamp", ""))
    return sent


def confirm(sent: dict[str, str], topic: str) -> None:
    """Say yes to the subscription. Its address is signed, and yet must be that of SNS."""
    region = TOPIC.fullmatch(topic)
    assert region
    host, path = _place(sent.get("SubscribeURL", ""), region[1])
    fetch(host, path)


def _place(url: str, region: str) -> tuple[str, str]:
    """Host and path of an address of SNS in this region. Unsigned for any other."""
    found = _URL.fullmatch(url)
    if found is None or found[2] != region:
        raise Unsigned(
            "An address in the message is not that of Amazon SNS.", "Somebody else may have posted it."
        )
    return found[1], found[3]


def _certificate(url: str, region: str, home: str) -> Certificate:
    """The certificate at that address, kept or fetched."""
    from cryptography import x509

    host, path = _place(url, region)
    name = _PEM.fullmatch(path)
    if name is None:
        raise Unsigned("The message names no certificate of Amazon SNS.", "Somebody else may have posted it.")
    kept = os.path.join(home, "run", f"{host}-{name[1]}")
    with contextlib.suppress(OSError, ValueError), open(kept, "rb") as file:
        return _believed(x509.load_pem_x509_certificate(file.read()))
    pem = fetch(host, path)
    try:
        certificate = _believed(x509.load_pem_x509_certificate(pem))
    except ValueError:
        raise Unsigned(
            "The certificate is not one of Amazon SNS that is valid now.", "Look at the clock."
        ) from None
    beside = f"{kept}.{os.getpid()}"
    with open(beside, "wb", opener=lambda place, flags: os.open(place, flags, 0o600)) as file:
        file.write(pem)
    os.replace(beside, kept)
    return certificate


def _believed(certificate: Certificate) -> Certificate:
    """ValueError unless it names SNS and is valid now."""
    from cryptography.x509.oid import NameOID

    names = [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    now = clock.now()
    begins, ends = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    if not any(_NAMES.fullmatch(name) for name in names) or not begins <= now <= ends:
        raise ValueError
    return certificate


def _check_signature(sent: dict[str, str], certificate: Certificate) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    text = "".join(f"{name}\n{sent[name]}\n" for name in _SIGNED[sent["Type"]] if name in sent)
    key = certificate.public_key()
    try:
        assert isinstance(key, rsa.RSAPublicKey)
        signature = binascii.a2b_base64(sent.get("Signature", ""))
        key.verify(signature, text.encode("utf-8", "surrogatepass"), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, ValueError, AssertionError):
        raise Unsigned(
            "The message is not signed by Amazon SNS.", "Somebody else may have posted it."
        ) from None


def _check_age(timestamp: str) -> None:
    """Unsigned for what is older than SNS tries."""
    from datetime import datetime, timezone

    try:
        at = datetime.strptime(timestamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        at = 0.0
    if not -300 <= clock.now() - at <= OLDEST_SECONDS:
        raise Unsigned("The message is stale, or from the future.", "Set the clock of this host.")


def fetch(host: str, path: str) -> bytes:
    """GET over HTTPS, verified, redirects not followed. Busy when it does not answer: SNS tries again."""
    import ssl
    from http.client import HTTPException, HTTPSConnection

    connection = HTTPSConnection(host, timeout=FETCH_SECONDS, context=ssl.create_default_context())
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(MAX_PEM)
        if answer.status != 200:
            raise OSError(f"status {answer.status}")
    except (OSError, HTTPException) as error:
        raise Busy(f"Amazon SNS does not answer ({error}).", "It tries again.") from None
    finally:
        connection.close()
    return body
