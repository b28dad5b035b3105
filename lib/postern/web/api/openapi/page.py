"""docs/api.md: the document for people who read."""

from __future__ import annotations

from postern.web.api.contract import EMPTY, Either, File, MapOf, Maybe, Named, Number, OneOf, Text
from postern.web.api.endpoint import OPEN
from postern.web.api.openapi import errors
from postern.web.api.openapi.entries import entries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from postern.web.api.openapi.entries import Entry

_HEAD = """\
# The APIs

A Postern server speaks two dialects, so that the programs people have already work with it: SimpleLogin's (`/api/…`) and
addy.io's (`/api/v1/…`). Both do the same to the same aliases. [clients/](clients/README.md) says which programs, and how each
is set up. For machines the same stands at `/api/openapi.json` of each server (OpenAPI 3.1); `postern api openapi` prints it.
Made by `postern api page` from the tables that the server goes by; a test keeps it true.

## How to ask

- **The key** is made under Settings, API keys, or by `postern key add`. It is sent as `Authentication: KEY` or as
  `Authorization: Bearer KEY`; either does everywhere, and it is never read from the query. Its scope is `read`, `aliases` or
  `all`; each holds those before it.
- **The body** is a JSON object. None at all, and a wrong Content-Type, are forgiven; `null` stands for "not given"; fields that
  are not known are passed over.
- **PUT, PATCH and DELETE** are refused by some web firewalls. Send POST instead, with the method meant in
  `X-HTTP-Method-Override` or in the query's `_method`.
- **From a page** of any origin it may be asked (CORS, with preflight). Cookies count for nothing.
- **Rates**: a request costs a second of its key's time, making something six, a bulk call five; 120 seconds may be spent at
  once. Beyond that the answer is 429, and `Retry-After` says for how long.
- **Errors** are `{"error": "…"}` in SimpleLogin's dialect and `{"message": "…"}` in addy.io's, where 422 has `errors` by field
  as well.

Besides what each endpoint names, it may answer:

| status | meaning |
| --- | --- |"""

_PLAIN: dict[object, str] = {str: "text", int: "number", bool: "bool"}

_FIELDS = "`name` is wanted, `name?` may be missing; `a | b` is one or the other."


def page() -> str:
    """The whole of it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    usual = (400, 401, 403, 404, 411, 413, 422, 429, 503)
    yield from (f"| {status} | {errors.MEANINGS[status]} |" for status in usual)
    names: dict[str, object] = {}
    before = ("", "")
    for entry in entries():
        if entry.dialect != before[0]:
            yield f"\n## {entry.dialect}'s dialect"
        if (entry.dialect, entry.heading) != before:
            yield f"\n### {entry.heading}\n"
        before = (entry.dialect, entry.heading)
        yield from _endpoint(entry, names)
    yield f"\n## Objects\n\n{_FIELDS}\n"
    done: set[str] = set()
    while done < names.keys():
        name = min(names.keys() - done)
        done.add(name)
        yield f"- **{name}**: `{_inside(names[name], names)}`"


def _endpoint(entry: Entry, names: dict[str, object]) -> Iterator[str]:
    scope = "no key" if entry.endpoint.scope == OPEN else f"`{entry.endpoint.scope}`"
    yield f"- **`{entry.method} {entry.template}`** ({scope}) {entry.contract.says}"
    if entry.contract.query:
        yield f"  - query: `{_inside(entry.contract.query, names)}`"
    if entry.contract.body:
        yield f"  - body: `{_inside(entry.contract.body, names)}`"
    for status, shape in entry.contract.answers.items():
        yield f"  - {status}: {_answer(shape, names)}"
    if entry.contract.fails:
        yield f"  - fails also with {', '.join(map(str, sorted(entry.contract.fails)))}"


def _answer(shape: object, names: dict[str, object]) -> str:
    if shape is EMPTY:
        return "no body"
    return f"a file, {shape.media_type}" if isinstance(shape, File) else f"`{_told(shape, names)}`"


def _told(shape: object, names: dict[str, object]) -> str:
    """A shape on one line; one that has a name is told by it."""
    if isinstance(shape, Named):
        names[shape.name] = shape.shape
        return shape.name
    return _inside(shape, names)


def _inside(shape: object, names: dict[str, object]) -> str:
    if isinstance(shape, dict):
        return _object(shape, names)
    if isinstance(shape, list):
        return f"[{_told(shape[0], names)}]"
    if isinstance(shape, Maybe):
        return f"{_told(shape.shape, names)} | null"
    if isinstance(shape, Either):
        return " | ".join(_told(one, names) for one in shape.shapes)
    if isinstance(shape, MapOf):
        return f"{{…: {_told(shape.shape, names)}}}"
    return _simple(shape)


def _object(shape: Mapping[str, object], names: dict[str, object]) -> str:
    return f"{{{', '.join(f'{name}: {_told(one, names)}' for name, one in shape.items())}}}"


def _simple(shape: object) -> str:
    if isinstance(shape, OneOf):
        return " | ".join(f'"{one}"' if isinstance(one, str) else str(one) for one in shape.values)
    if isinstance(shape, Number):
        return "number"
    if isinstance(shape, Text):
        return shape.form or ("time" if shape.pattern else "text")
    return _PLAIN.get(shape, "any JSON")
