"""Client data (5.8.1): what the browser says about the ceremony. The passkey's signature covers it.

Not here: the signature (assertion.py), and that a challenge is answered only once.
"""

from __future__ import annotations

import hmac

from postern.webauthn import base64url, json_object
from postern.webauthn.refused import Refused, unreadable

CREATE = "webauthn.create"
GET = "webauthn.get"


def check(data: bytes, kind: str, challenge: bytes, origin: str) -> None:
    """That it is about this challenge, on a page of this origin that no other site frames. Refused."""
    try:
        text = data.decode("utf-8-sig")  # 7.1: a byte order mark goes
    except UnicodeDecodeError:
        raise unreadable("its client data is not UTF-8") from None
    told = json_object.read(text)
    if told.get("type") != kind:
        raise Refused("The passkey answered another kind of question.")
    if not _is_same(told.get("challenge"), challenge):
        raise Refused("The passkey answered another question than the one asked.")
    if told.get("origin") != origin:
        raise Refused("The passkey was used on another site.", "Open this site by its own address.")
    # Nobody has a reason to frame the pages, and the pages let nobody.
    if told.get("crossOrigin") not in (None, False) or told.get("topOrigin") is not None:
        raise Refused(
            "The passkey was used in a frame of another site.", "Open this site by its own address."
        )


def _is_same(told: object, challenge: bytes) -> bool:
    if not isinstance(told, str):
        return False
    expected = base64url.encode(challenge).encode("ascii")
    return hmac.compare_digest(told.encode("utf-8", "replace"), expected)
