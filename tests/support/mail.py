"""Messages for tests, and reading what arrived."""

from __future__ import annotations

import email
import email.policy
import os


def message(subject: str = "Hello", body: bytes = b"Hi there.\r\n", **headers: str) -> bytes:
    """A plain message with CRLF line ends, its Message-ID fresh unless one is given.

    Authentication-Results stand below the receiver's own Received, as it writes them.
    """
    fields = {
        "From": "Bob Builder <bob@shop.example>",
        "To": "shop@alias.example",
        "Subject": subject,
        "Date": "Mon, 02 Nov 2026 10:14:01 +0100",
        "Message-ID": f"<{os.urandom(8).hex()}@shop.example>",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    block = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    trace = (
        "Received: from x by cloudflare-email.net; now\r\n" if fields.get("Authentication-Results") else ""
    )
    return (trace + block).encode() + b"\r\n" + body


def body_of(mime: bytes) -> bytes:
    """Everything after the first blank line."""
    return mime.partition(b"\r\n\r\n")[2]


def parsed(mime: bytes) -> email.message.EmailMessage:
    """As a mail program would read it."""
    return email.message_from_bytes(mime, policy=email.policy.default)  # type: ignore[return-value]


def canonical(data: bytes) -> bytes:
    """With CRLF line ends, as SMTP demands (RFC 5321 2.3.8), and one at the end."""
    text = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return text if text.endswith(b"\r\n") else text + b"\r\n"
