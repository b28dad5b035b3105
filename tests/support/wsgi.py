"""Asking a WSGI application in this process, through the standard library's validator: it must keep PEP 3333 to the letter."""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator


@dataclass(frozen=True)
class Answer:
    """What came back; `errors` is what the application wrote for the server's error log."""

    status: int
    headers: dict[str, str]
    body: bytes
    errors: str

    @property
    def text(self) -> str:
        is_picture = self.headers.get("content-type", "").startswith("image/")
        return self.body.decode("latin-1" if is_picture else "utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    app: Callable[..., Iterable[bytes]],
    method: str = "GET",
    uri: str | None = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    **environ: Any,
) -> Answer:
    """One request. `uri` None leaves REQUEST_URI out, as plain WSGI servers do; then PATH_INFO is the caller's."""
    asked: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/",
        "QUERY_STRING": "",
    }
    if uri is not None:
        asked["REQUEST_URI"] = uri
    if body:
        asked["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        asked[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    errors = io.StringIO()
    asked.update({"wsgi.input": io.BytesIO(body), "wsgi.errors": errors, **environ})
    setup_testing_defaults(asked)
    told: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(
        status: str, fields: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        told.append((status, fields))
        return bytearray().extend

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Unknown REQUEST_METHOD")  # strangers send any
        with contextlib.closing(validator(app)(asked, start_response)) as pieces:  # type: ignore[arg-type]
            content = b"".join(pieces)
    ((status, fields),) = told
    names = [name.lower() for name, _ in fields]
    assert len(set(names)) == len(names), f"a header twice: {names}"
    return Answer(
        int(status[:3]), {name.lower(): value for name, value in fields}, content, errors.getvalue()
    )
