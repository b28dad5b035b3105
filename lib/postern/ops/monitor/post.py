"""HTTP to where alerts go: one request, a short wait, no redirects. The URLs are the operator's, and secrets."""

from __future__ import annotations

import json
import urllib.request

from postern.base.errors import PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS = 15


class NotTaken(PosternError):
    """No connection, or an answer other than 2xx."""


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def send(url: str, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
    """POST. NotTaken."""
    _ask(url, body, {"Content-Type": content_type, **(headers or {})})


def send_json(url: str, value: object) -> None:
    """POST JSON. NotTaken."""
    send(url, json.dumps(value).encode(), "application/json")


def get(url: str) -> None:
    """GET. NotTaken."""
    _ask(url, None, {})


def _ask(url: str, body: bytes | None, headers: Mapping[str, str]) -> None:
    """What goes wrong may name the URL, so only its kind is told."""
    if not url.startswith(("https://", "http://")):
        raise NotTaken("It is no web address.", "Check the URL in the settings.")
    request = urllib.request.Request(url, body, {"User-Agent": "Postern", **headers})  # noqa: S310 - looked at just above
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=SECONDS) as answer:
            answer.read(4096)
    except urllib.request.HTTPError as error:
        raise NotTaken(f"It answered {error.code}.", "Check the URL in the settings.") from None
    except (OSError, ValueError) as error:
        raise NotTaken(
            f"It cannot be reached ({type(error).__name__}).", "Check the URL in the settings."
        ) from None
