"""The webhooks of Mailgun, Postmark and Amazon SES, by posts of the form that each documents."""

from __future__ import annotations

import base64
import datetime
import hmac
import json
import time
import urllib.parse

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from postern.web.app import App
from postern.web.inbound import sns
from support.instance import ALIAS, Instance
from support.mail import message
from support.wsgi import Answer, ask

KEY, LOGIN = "a-signing-key-0123456789", "postmark:a long password"
TOPIC = "arn:aws:sns:eu-west-1:012345678912:mail-in"
CERTIFICATE = (
    "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
)
SENDER = "bob@shop.example"
NOBODY = "nobody@alias.example"


@pytest.fixture
def app(instance: Instance) -> App:
    instance.write_env(
        POSTERN_MAILGUN_SIGNING_KEY=KEY, POSTERN_POSTMARK_LOGIN=f'"{LOGIN}"', POSTERN_SES_TOPIC=TOPIC
    )
    instance.query(
        "INSERT INTO relays (name, paused_until) VALUES (:name, now() + interval '1 day')",
        name=f"127.0.0.1:{instance.settings['POSTERN_RELAY_PORT']}",
    )
    return App(instance.context)


def stored(instance: Instance) -> int:
    return int(str(instance.query("SELECT count(*) FROM messages")[0][0]))


def test_each_way_is_shut_until_its_setting_is_there(instance: Instance):
    for path in ("/hooks/mailgun/mime", "/hooks/postmark", "/hooks/ses"):
        assert ask(App(instance.context), "POST", path, body=b"x").status == 404


# Mailgun.


def mailgun(
    mime: bytes, to: str = ALIAS, at: float | None = None, key: str = KEY, token: str = "t" * 50
) -> dict:
    timestamp = str(int(time.time() if at is None else at))
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), "sha256").hexdigest()
    return {
        "recipient": to, "sender": SENDER, "from": f"Bob <{SENDER}>", "subject": "Hello", "body-mime": mime,
        "timestamp": timestamp, "token": token, "signature": signature,
    }  # fmt: skip


def post_form(app: App, fields: dict) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return ask(app, "POST", "/hooks/mailgun/mime", headers, urllib.parse.urlencode(fields).encode())


def post_parts(app: App, fields: dict) -> Answer:
    """As it does with attachments."""
    values = {name: value if isinstance(value, bytes) else value.encode() for name, value in fields.items()}
    parts = [
        b'--mark\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in values.items()
    ]
    headers = {"Content-Type": "multipart/form-data; boundary=mark"}
    return ask(app, "POST", "/hooks/mailgun/mime", headers, b"".join(parts) + b"--mark--\r\n")


def test_mailgun(app: App, instance: Instance):
    mime = message(body=b"caf\xe9 & 100 %\r\n--mark\r\n+\r\n")
    answer = post_form(app, mailgun(mime))
    assert (answer.status, answer.headers["postern-receipt"]) == (200, "stored")
    assert post_form(app, mailgun(mime)).headers["postern-receipt"] == "duplicate", "the same post again"
    assert post_form(app, mailgun(mime, token="u" * 50)).headers["postern-receipt"] == "duplicate"
    again = message(body=b"Hi\n")
    assert post_parts(app, mailgun(again, token="v" * 50)).headers["postern-receipt"] == "stored"
    assert stored(instance) == 2
    refused = post_form(app, mailgun(message(), NOBODY))
    assert (refused.status, refused.headers["postern-reject"]) == (406, "5.1.1 no such alias")
    now = time.time()
    for wrong in (
        mailgun(message(), key="another"),
        {**mailgun(message()), "token": "other"},
        {**mailgun(message()), "signature": ""},
        mailgun(message(), at=now - 10 * 3600),
        mailgun(message(), at=now + 3600),
    ):
        assert post_form(app, wrong).status == 401
    assert post_form(app, {**mailgun(message()), "body-mime": b""}).status == 503
    assert stored(instance) == 2


def test_mailgun_finds_the_bytes_as_they_were(app: App, monkeypatch: pytest.MonkeyPatch):
    taken = []
    monkeypatch.setattr(
        "postern.web.inbound.posted.take",
        lambda _, verified, body, verdict: taken.append(b"".join(body)) or "stored",
    )
    mime = message(body=bytes(range(256)) + b"\r\n--mar &=+%41\r\n\r\n")
    for post in (post_form, post_parts):
        assert post(app, mailgun(mime)).status == 200
    assert taken == [mime.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")] * 2


# Postmark.


def post_json(app: App, sent: object, login: str = LOGIN) -> Answer:
    headers = {
        "Content-Type": "application/json",
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
    }
    return ask(app, "POST", "/hooks/postmark", headers, json.dumps(sent).encode())


def postmark(mime: bytes, to: str = ALIAS, **more: object) -> dict:
    return {
        "FromName": "Bob", "From": SENDER, "FromFull": {"Email": SENDER, "Name": "Bob", "MailboxHash": ""},
        "To": to, "OriginalRecipient": to, "MessageID": "22c74902-a0c1-4511-804f-341342852c90", "MessageStream": "inbound",
        "Headers": [{"Name": "Return-Path", "Value": f"<{SENDER}>"}], "TextBody": "Hi", "Attachments": [],
        "RawEmail": mime.decode(), **more,
    }  # fmt: skip


def test_postmark(app: App, instance: Instance):
    assert post_json(app, postmark(message())).headers["postern-receipt"] == "stored"
    assert post_json(app, postmark(message())).headers["postern-receipt"] == "duplicate", "the same id again"
    fresh = postmark(message(), MessageID="2", Headers=[])
    assert post_json(app, fresh).headers["postern-receipt"] == "stored"
    assert stored(instance) == 2
    assert post_json(app, postmark(message(), NOBODY)).status == 403
    assert post_json(app, postmark(message(), MessageID="3"), "postmark:wrong").status == 401
    assert ask(app, "POST", "/hooks/postmark", {}, b"{}").status == 401
    for odd in (
        [],
        5,
        {},
        {"RawEmail": 5},
        {"Headers": 5, "RawEmail": "x"},
        {"Headers": [5], "RawEmail": "x"},
    ):
        assert post_json(app, odd).status in (400, 503), odd
    without = postmark(message(), MessageID="4")
    del without["RawEmail"]
    assert post_json(app, without).status == 503
    assert stored(instance) == 2


# Amazon SES.


class Sns:
    """A key of ours with a certificate that names SNS, at SNS's address: what is fetched there is told by `fetched`."""

    def __init__(self, name: str = "sns.amazonaws.com", days: int = 30) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.fetched: list[str] = []
        now = datetime.datetime.now(datetime.timezone.utc)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        builder = builder.public_key(self.key.public_key()).serial_number(5)
        builder = builder.not_valid_before(now - datetime.timedelta(days=60))
        builder = builder.not_valid_after(now + datetime.timedelta(days=days))
        made = builder.sign(self.key, hashes.SHA256())
        self.pem = made.public_bytes(serialization.Encoding.PEM)

    def fetch(self, host: str, path: str) -> bytes:
        self.fetched.append(f"https://{host}{path}")
        return self.pem

    def sign(self, kind: str, **fields: str) -> dict[str, str]:
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        sent = {
            "Type": kind, "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b", "TopicArn": TOPIC, "Timestamp": at,
            "SignatureVersion": "2", "SigningCertURL": CERTIFICATE, **fields,
        }  # fmt: skip
        names = {
            "Notification": "Message MessageId Subject Timestamp TopicArn Type",
            "SubscriptionConfirmation": "Message MessageId SubscribeURL Timestamp Token TopicArn Type",
        }[kind].split()
        text = "".join(f"{name}\n{sent[name]}\n" for name in names if name in sent)
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {**sent, "Signature": base64.b64encode(signature).decode()}


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Sns:
    made = Sns()
    monkeypatch.setattr(sns, "fetch", made.fetch)
    return made


def received(mime: bytes, *recipients: str, dmarc: str = "PASS") -> str:
    """SES's notification, encoding Base64."""
    status = {"status": "PASS"}
    receipt = {
        "timestamp": "2026-11-02T09:14:01.000Z", "recipients": list(recipients), "spamVerdict": status,
        "spfVerdict": status, "dkimVerdict": status, "dmarcVerdict": {"status": dmarc},
        "action": {"type": "SNS", "topicArn": TOPIC, "encoding": "BASE64"},
    }  # fmt: skip
    mail = {"source": SENDER, "messageId": "d6iitobk75ur44p8kdnnp7g2n800", "destination": list(recipients)}
    content = base64.b64encode(mime).decode()
    return json.dumps({"notificationType": "Received", "receipt": receipt, "mail": mail, "content": content})


def post_sns(app: App, sent: object) -> Answer:
    headers = {"Content-Type": "text/plain; charset=UTF-8"}
    return ask(app, "POST", "/hooks/ses", headers, json.dumps(sent).encode())


def test_ses(app: App, instance: Instance, amazon: Sns):
    first = amazon.sign("Notification", Message=received(message(body=b"\x00\xff\r\n"), ALIAS, NOBODY))
    assert post_sns(app, first).headers["postern-receipt"] == "stored refused"
    assert post_sns(app, first).headers["postern-receipt"] == "duplicate refused"
    assert amazon.fetched == [CERTIFICATE], "it is kept"
    forged = amazon.sign("Notification", MessageId="2", Message=received(message(), ALIAS, dmarc="FAIL"))
    assert post_sns(app, forged).headers["postern-receipt"] == "stored"
    verdicts = instance.query("SELECT verdict FROM messages ORDER BY id")
    assert [row[0] for row in verdicts] == ["pass", "fail"]
    other = amazon.sign(
        "Notification", MessageId="3", Message='{"notificationType":"AmazonSnsSubscriptionSucceeded"}'
    )
    assert post_sns(app, other).status == 200
    url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37"
    asked = amazon.sign(
        "SubscriptionConfirmation", Message="You have chosen", SubscribeURL=url, Token="2336412f37"
    )
    assert post_sns(app, asked).text.startswith("confirmed")
    assert amazon.fetched[-1] == url


def test_what_is_not_proven_to_be_of_our_topic_is_never_taken(app: App, instance: Instance, amazon: Sns):
    """And told to come again (SNS takes another refusal for the last word): the fault may be on our side."""
    text = received(message(), ALIAS)
    good = amazon.sign("Notification", Message=text)
    hosts = (
        "http://sns.eu-west-1.amazonaws.com", "https://sns.us-east-1.amazonaws.com", "https://sns.eu-west-1.amazonaws.com.evil.example",
        "https://evil.example/sns.eu-west-1.amazonaws.com", "https://sns.eu-west-1.amazonaws.com@evil.example",
        "https://s3.eu-west-1.amazonaws.com", "https://sns.eu-west-1.amazonaws.com:444",
    )  # fmt: skip
    wrong = [{**good, "SigningCertURL": host + CERTIFICATE[35:]} for host in hosts]
    wrong += [
        {**good, "SigningCertURL": CERTIFICATE[:35] + "/other.pem"},
        {**good, "Message": text.replace("PASS", "FAIL")},
        {**good, "Signature": ""},
        {**good, "Signature": "!"},
        {**good, "SignatureVersion": "1"},
        {**good, "Type": "UnsubscribeConfirmation"},
        amazon.sign("Notification", Message=text, TopicArn=TOPIC + "x"),
        amazon.sign("Notification", Message=text, Timestamp="2026-01-01T00:00:00.000Z"),
        amazon.sign("Notification", Message=text, Timestamp="now"),
        amazon.sign("SubscriptionConfirmation", Message="m", Token="t", SubscribeURL="https://evil.example/"),
    ]
    assert [post_sns(app, one).status for one in wrong] == [503] * len(wrong)
    assert stored(instance) == 0
    assert all(url.startswith("https://sns.eu-west-1.amazonaws.com/Simple") for url in amazon.fetched)
    for odd in ([], 5, "x"):
        assert post_sns(app, odd).status == 400


@pytest.mark.parametrize("made", [{"name": "evil.example"}, {"days": -1}], ids=["another name", "expired"])
def test_a_certificate_must_name_sns_and_be_valid(
    app: App, instance: Instance, monkeypatch: pytest.MonkeyPatch, made: dict
):
    other = Sns(**made)
    monkeypatch.setattr(sns, "fetch", other.fetch)
    assert post_sns(app, other.sign("Notification", Message=received(message(), ALIAS))).status == 503
    assert stored(instance) == 0
