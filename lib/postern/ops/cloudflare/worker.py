"""The Email Worker as it is uploaded: its program (lib/postern/edge/worker.js), its bindings, and the form of the upload.

The form is that of Cloudflare's "Upload Worker Module": multipart/form-data with a part `metadata` in JSON and the module.
"""

from __future__ import annotations

import hashlib
import json
import os

from postern.base import home

NAME = "postern-inbound"
COMPATIBILITY_DATE = "2026-01-01"
MODULE = "worker.js"


def source() -> str:
    """The program."""
    with open(os.path.join(home.program(), "lib", "postern", "edge", MODULE), encoding="utf-8") as file:
        return file.read()


def version() -> str:
    """Short, and another one for every program: stands in a binding, for the API does not give the program back as it was."""
    return hashlib.sha256(source().encode()).hexdigest()[:16]


def bindings(hook_url: str, fallback: str, multipart: bool) -> list[dict[str, str]]:
    """What the program is told, but for its secrets."""
    texts = {"HOOK_URL": hook_url, "VERSION": version()}
    if fallback:
        texts["FALLBACK"] = fallback
    if multipart:
        texts["BODY"] = "multipart"
    return [{"type": "plain_text", "name": name, "text": text} for name, text in texts.items()]


def upload(told: list[dict[str, str]]) -> tuple[str, bytes]:
    """Content-Type and body of the upload. Program and secrets change in one act; what is not named there is gone."""
    metadata = {
        "main_module": MODULE,
        "compatibility_date": COMPATIBILITY_DATE,
        "bindings": told,
    }
    mark = f"postern-{os.urandom(16).hex()}"
    parts = (
        ('name="metadata"', "application/json", json.dumps(metadata)),
        (f'name="{MODULE}"; filename="{MODULE}"', "application/javascript+module", source()),
    )
    body = "".join(
        f"--{mark}\r\nContent-Disposition: form-data; {names}\r\nContent-Type: {kind}\r\n\r\n{text}\r\n"
        for names, kind, text in parts
    )
    return f"multipart/form-data; boundary={mark}", f"{body}--{mark}--\r\n".encode()
