"""Asking a package index for PyPI's JSON documents: HTTPS only (or this machine), with limits on time and size.

Answers are a stranger's: a document is a JSON object or it is trouble. Not here: what the documents mean (ops/dependencies.py).
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from postern.base import clock
from postern.base.config import is_local
from postern.base.errors import BadInput, PosternError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any
    from urllib.request import OpenerDirector

PYPI = "https://pypi.org"
SECONDS = 20
"""For one document, from the first byte to the last."""
MOST_BYTES = 32_000_000
"""The longest document seen is of a project with thousands of files, at 10 MB."""


class IndexTrouble(PosternError):
    """The index did not tell what it was asked (EX_TEMPFAIL)."""

    exit_code = 75


class Unreachable(IndexTrouble):
    """No answer at all."""


def check_url(url: str) -> str:
    """The index's address without the slash at its end. BadInput for one that others could tamper with."""
    if not _is_safe(url):
        raise BadInput(
            f"{url!r} is no address of an index.", f"Give one that begins with https://, as {PYPI}."
        )
    return url.rstrip("/")


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_local(host)))


def get(url: str, name: str, version: str = "") -> dict[str, Any] | None:
    """The document of a project, or of one version. None when the index has none. IndexTrouble, Unreachable."""
    from http.client import HTTPException
    from urllib.error import HTTPError

    path = "/".join(quote(part, safe="") for part in (name, version) if part)
    address = f"{check_url(url)}/pypi/{path}/json"
    try:
        with _opener(url).open(address, timeout=SECONDS) as answer:
            return _document(address, _read(answer))
    except HTTPError as error:
        with error:
            if error.code == 404:
                return None
            raise _trouble(f"{address} answers {error.code}") from None
    except (OSError, ValueError, HTTPException) as error:
        raise _unreachable(url, getattr(error, "reason", error)) from None


def _opener(url: str) -> OpenerDirector:
    """A redirect must not lead away from HTTPS, and what is on this machine is not sought through a proxy."""
    from urllib.request import HTTPRedirectHandler, ProxyHandler, build_opener

    class Careful(HTTPRedirectHandler):
        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
            if not _is_safe(newurl):
                fp.close()
                raise _trouble(f"{url} leads away from HTTPS")
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    own = is_local(urlsplit(url).hostname or "")
    opener = build_opener(Careful, *([ProxyHandler({})] if own else []))
    opener.addheaders = [("User-Agent", "postern-deps-check"), ("Accept", "application/json")]
    return opener


def _read(answer: IO[bytes]) -> bytes:
    """All of it, in time, and not too much: an answer that drips is cut as well."""
    until = clock.elapsed() + SECONDS
    body = bytearray()
    while True:
        piece = answer.read1(65536)  # type: ignore[attr-defined]
        if not piece:
            return bytes(body)
        body += piece
        if len(body) > MOST_BYTES:
            raise _trouble("the index sends more than a document can hold")
        if clock.elapsed() > until:
            raise TimeoutError(f"not done after {SECONDS} seconds")


def _document(address: str, body: bytes) -> dict[str, Any]:
    import json

    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise _trouble(f"{address} is no JSON document of a package index")
    return document


def silent_about(names: list[str]) -> IndexTrouble:
    """It answered, and yet nobody knows whether these are vulnerable."""
    return _trouble(f"The index does not say whether these are vulnerable: {', '.join(names)}")


def _trouble(what: str) -> IndexTrouble:
    return IndexTrouble(f"{what}.", f"Name an index that has PyPI's JSON documents: --index {PYPI}")


def _unreachable(url: str, why: object) -> Unreachable:
    return Unreachable(
        f"The index {url} cannot be reached from this host ({why}).",
        "Run it where there is a way out (docs/dependencies.md), or name another index with --index.",
    )
