"""Cloudflare's API v4 over HTTPS: requests, pages of lists, and its errors in plain words.

Every answer is JSON: `success`, `errors` (each with a code and a message), `result`, and for lists `result_info`. The token
goes to this one host and nowhere else: redirects are not followed.
"""

from __future__ import annotations

import json
import re

from postern.base.config import is_local
from postern.base.errors import BadInput, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from http.client import HTTPConnection
    from typing import Any

BASE = "https://api.cloudflare.com/client/v4"
SECONDS = 60
PER_PAGE = 50
MAX_PAGES = 100
MAX_ANSWER = 8 * 1024 * 1024

PERMISSIONS = (
    (re.compile(r"/accounts/[^/]+/email/routing/addresses"), "Account, Email Routing Addresses, Edit"),
    (re.compile(r"/accounts/[^/]+/workers/"), "Account, Workers Scripts, Edit"),
    (re.compile(r"/zones/[^/]+/email/routing/rules"), "Zone, Email Routing Rules, Edit"),
    (re.compile(r"/zones/[^/]+/email/routing"), "Zone, Zone Settings, Edit, and Zone, DNS, Edit"),
    (re.compile(r"/zones/[^/]+/dns_records"), "Zone, DNS, Edit"),
    (re.compile(r"/zones"), "Zone, Zone, Read"),
)
"""What a path needs, in the words of Cloudflare's token page."""

NO_TOKEN = {1000, 6003, 6111, 9103, 9106, 9109}
"""Codes for a token that is none, or has ended."""


class ApiRefused(PosternError):
    """Cloudflare says no (EX_UNAVAILABLE). `codes`: its own numbers."""

    exit_code = 69

    def __init__(
        self, reason: str, remedy: str, status: int = 0, codes: frozenset[int] = frozenset()
    ) -> None:
        super().__init__(reason, remedy)
        self.status = status
        self.codes = codes


class Api:
    """The API as one token may use it."""

    def __init__(self, token: str, base: str = BASE) -> None:
        found = re.fullmatch(r"(https?)://([A-Za-z0-9.-]+)(?::(\d+))?(/[A-Za-z0-9/._-]*)?", base)
        if not found or (found[1] == "http" and not is_local(found[2])):
            raise BadInput(f"{base} is no address of an API.", "Leave it out: Cloudflare's own is known.")
        if not re.fullmatch(r"[!-~]{20,500}", token):
            raise BadInput(
                "That is no API token.",
                "Make one at dash.cloudflare.com, My Profile, API Tokens (docs/cloudflare.md).",
            )
        self._tls, self._host, self._port = found[1] == "https", found[2], int(found[3] or 0) or None
        self._path = (found[4] or "").rstrip("/")
        self._token = token

    def get(self, path: str) -> Any:
        """The result."""
        return self._call("GET", path)["result"]

    def find(self, path: str) -> Any:
        """The result, or None where nothing is there."""
        try:
            return self.get(path)
        except ApiRefused as error:
            if error.status == 404:
                return None
            raise

    def all(self, path: str) -> list[Any]:
        """A list, all pages of it."""
        found: list[Any] = []
        mark = "&" if "?" in path else "?"
        for page in range(1, MAX_PAGES + 1):
            answer = self._call("GET", f"{path}{mark}page={page}&per_page={PER_PAGE}")
            found += answer["result"] or []
            total = (answer.get("result_info") or {}).get("total_count", 0)
            if len(answer["result"] or []) < PER_PAGE and len(found) >= total:
                break
        return found

    def send(self, method: str, path: str, body: object = None) -> Any:
        """Change something; the result. What shall be deleted and is gone already, is as it should be."""
        data = None if body is None else json.dumps(body).encode()
        try:
            return self._call(method, path, data, "application/json")["result"]
        except ApiRefused as error:
            if method == "DELETE" and error.status == 404:
                return None
            raise

    def upload(self, path: str, kind: str, body: bytes) -> Any:
        """Put a multipart body there; the result."""
        return self._call("PUT", path, body, kind)["result"]

    def _call(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
        from http.client import HTTPException

        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = kind
        connection = self._connect()
        try:
            connection.request(method, self._path + path, body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read(MAX_ANSWER)
        except (OSError, HTTPException) as error:
            raise ApiRefused(
                f"Cloudflare's API does not answer ({getattr(error, 'strerror', None) or type(error).__name__}).",
                "Try again. Where the host lets nothing out to port 443, do it by hand: docs/cloudflare.md.",
            ) from None
        finally:
            connection.close()
        return read(method, path, status, text)

    def _connect(self) -> HTTPConnection:
        from http.client import HTTPConnection, HTTPSConnection

        if not self._tls:
            return HTTPConnection(self._host, self._port, timeout=SECONDS)
        import ssl

        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return HTTPSConnection(self._host, self._port, timeout=SECONDS, context=context)


def read(method: str, path: str, status: int, text: bytes) -> dict[str, Any]:
    """The answer as JSON; ApiRefused with what to do about it, unless it says success."""
    try:
        answer = json.loads(text or b"{}")
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("success") is True and 200 <= status < 300:
        return {"result": None, **answer}
    errors = answer.get("errors") if isinstance(answer, dict) else None
    told = [one for one in errors or [] if isinstance(one, dict)]
    codes = frozenset(one["code"] for one in told if isinstance(one.get("code"), int))
    words = "; ".join(f"{one.get('message')} ({one.get('code')})" for one in told)[:500]
    words = "".join(letter for letter in words if letter.isprintable())
    reason, remedy = _explain(path.partition("?")[0], status, codes)
    return _refuse(
        f"{reason} [{method} {path.partition('?')[0]}: {status} {words or 'no reason given'}]",
        remedy,
        status,
        codes,
    )


def _refuse(reason: str, remedy: str, status: int, codes: frozenset[int]) -> dict[str, Any]:
    raise ApiRefused(reason, remedy, status, codes)


def _explain(path: str, status: int, codes: frozenset[int]) -> tuple[str, str]:
    """What it means, and what to do."""
    if codes & NO_TOKEN or (status == 401 and 10000 not in codes):
        return "Cloudflare does not know this token.", "Copy it again, or make a new one: it may have ended."
    if 10000 in codes or status == 403:
        needed = next(words for pattern, words in PERMISSIONS if pattern.match(path))
        return "Cloudflare does not let this token do that.", f"Give the token this permission: {needed}."
    if status == 429:
        return (
            "Cloudflare has had too many requests from this account.",
            "Wait five minutes, and say it again.",
        )
    if status >= 500:
        return (
            "Cloudflare's API is out of order.",
            "Try again later; www.cloudflarestatus.com says how it is.",
        )
    if status == 404:
        return (
            "Cloudflare does not find that.",
            "Look whether the domain is in this account, and the token for it.",
        )
    return (
        "Cloudflare refused that.",
        "Its own words are in the brackets; docs/cloudflare.md says how to do it by hand.",
    )
