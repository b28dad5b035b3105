"""The forms of a page, as a browser would send them; and the body of one with a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_TYPED = {"", "text", "email", "search", "tel", "url", "number", "hidden", "textarea"}


BOUNDARY = "x" * 20


def with_file(fields: dict[str, str], file: bytes, name: str = "aliases.csv") -> tuple[str, bytes]:
    """The type and the body of multipart/form-data (RFC 7578) with these fields, and with a file behind them."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
    body = "".join((*parts, head)).encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
    return f"multipart/form-data; boundary={BOUNDARY}", body


@dataclass
class Form:
    """`typed`: names of the fields that hold whatever is put there; `fields`: what the others say if nothing is changed."""

    action: str
    method: str
    typed: list[str] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> dict[str, str]:
        """With this in every field that takes words."""
        return {**self.fields, **dict.fromkeys(self.typed, text)}


def forms(html: str) -> list[Form]:
    """Those that take words, in order."""
    reader = _Reader()
    reader.feed(html)
    return [one for one in reader.found if one.typed]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self.found.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self.found:
            self.found[-1].fields.setdefault(self._select, given.get("value", ""))
        elif tag in ("input", "textarea") and self.found and name not in ("", "csrf"):
            self._field(name, given.get("type", "textarea" if tag == "textarea" else ""), given)

    def _field(self, name: str, kind: str, given: dict[str, str]) -> None:
        if kind in _TYPED:
            self.found[-1].typed.append(name)
        elif kind in ("radio", "checkbox") and "checked" in given and name != "chosen":
            self.found[-1].fields[name] = given.get("value", "on")
