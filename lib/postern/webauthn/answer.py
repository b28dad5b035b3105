"""What the browser's page sends back: RegistrationResponseJSON or AuthenticationResponseJSON (5.1), base64url in JSON.

Not here: whether it proves anything (registration.py, assertion.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postern.webauthn import base64url, json_object
from postern.webauthn.authenticator_data import MAX_CREDENTIAL_ID
from postern.webauthn.refused import unreadable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TRANSPORTS = 8
_TRANSPORT = re.compile(r"[a-z][a-z-]{0,31}")


@dataclass(frozen=True)
class Answer:
    """`credential_id` tells which passkey answered, and is not proven yet. Only `parse` makes one."""

    credential_id: bytes
    response: Mapping[str, object] = field(repr=False)

    def data(self, name: str) -> bytes:
        """A member of the response that must be there. Refused."""
        found = self.response.get(name)
        if not isinstance(found, str):
            raise unreadable(f"{name} is missing")
        return base64url.decode(found)

    def user_handle(self) -> bytes | None:
        """Whose passkey it says it is; not every security key keeps that. Refused."""
        return None if self.response.get("userHandle") in (None, "") else self.data("userHandle")

    def transports(self) -> tuple[str, ...]:
        """How the browser may reach the passkey. Hints, which later standards add to: what is odd is left out."""
        told = self.response.get("transports")
        words = told if isinstance(told, list) else []
        fit = [word for word in words if isinstance(word, str) and _TRANSPORT.fullmatch(word)]
        return tuple(dict.fromkeys(fit))[:MAX_TRANSPORTS]


def parse(text: str) -> Answer:
    """The answer in the text of a form field. Refused."""
    told = json_object.read(text)
    identity, response = told.get("rawId"), told.get("response")
    if told.get("type") != "public-key" or not isinstance(identity, str) or not isinstance(response, dict):
        raise unreadable("it is not of a passkey")
    if told.get("id") != identity:
        raise unreadable("it is of two passkeys")
    credential_id = base64url.decode(identity)
    if not 0 < len(credential_id) <= MAX_CREDENTIAL_ID:
        raise unreadable(f"the passkey's id has not 1 to {MAX_CREDENTIAL_ID} bytes")
    return Answer(credential_id, response)
