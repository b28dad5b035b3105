"""The OpenAPI 3.1 document of both dialects. It is the same on every server: addresses in it are relative to its own."""

from __future__ import annotations

from http import HTTPStatus

from postern import __version__
from postern.web.api.contract import EMPTY, UUID, File
from postern.web.api.endpoint import OPEN
from postern.web.api.openapi import errors
from postern.web.api.openapi.entries import entries
from postern.web.api.openapi.shapes import Shapes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from postern.web.api.openapi.entries import Entry

    Part = dict[str, Any]

SCHEMES = {
    "SimpleLogin": {"type": "apiKey", "in": "header", "name": "Authentication"},
    "addy.io": {"type": "http", "scheme": "bearer"},
}
"""How a key is sent; either way does in either dialect."""

ABOUT = (
    "Two dialects over one store: what SimpleLogin's clients speak, and what addy.io's do. A key is made under Settings, API "
    "keys; its scope is read, aliases or all. Where a web firewall refuses PUT, PATCH and DELETE, send POST with the method "
    "in X-HTTP-Method-Override."
)


def document() -> Part:
    """The whole of it."""
    shapes = Shapes()
    paths: dict[str, Part] = {}
    tags: dict[str, Part] = {}
    for entry in entries():
        tag = f"{entry.dialect}: {entry.heading}"
        tags[tag] = {"name": tag}
        paths.setdefault(entry.template, {})[entry.method.lower()] = _operation(shapes, entry, tag)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Postern", "version": __version__, "description": ABOUT},
        "servers": [{"url": "/"}],
        "tags": list(tags.values()),
        "paths": paths,
        "components": {"securitySchemes": SCHEMES, "schemas": dict(sorted(shapes.named.items()))},
    }


def _operation(shapes: Shapes, entry: Entry, tag: str) -> Part:
    title, _, rest = entry.contract.says.partition(". ")
    words = entry.template.strip("/").replace("{", "").replace("}", "").replace("/", "_").replace("-", "_")
    found: Part = {
        "operationId": f"{entry.method.lower()}_{words}",
        "tags": [tag],
        "summary": title.rstrip("."),
        "security": [],
        "responses": _responses(shapes, entry),
    }
    if rest:
        found["description"] = rest
    if entry.endpoint.scope != OPEN:
        found["security"] = [{name: [entry.endpoint.scope]} for name in SCHEMES]
    parameters = _parameters(shapes, entry)
    if parameters:
        found["parameters"] = parameters
    if entry.contract.body:
        needed = any(not name.endswith("?") for name in entry.contract.body)
        schema = shapes.request(entry.contract.body)
        found["requestBody"] = {"required": needed, "content": _json(schema)}
    return found


def _parameters(shapes: Shapes, entry: Entry) -> list[Part]:
    found: list[Part] = []
    if "*" in entry.path:
        own = int if entry.dialect == "SimpleLogin" else UUID
        found.append({"name": "id", "in": "path", "required": True, "schema": shapes.answer(own)})
    for name, shape in entry.contract.query.items():
        found.append(
            {
                "name": name.rstrip("?"),
                "in": "query",
                "required": not name.endswith("?"),
                "schema": shapes.answer(shape),
            }
        )
    return found


def _responses(shapes: Shapes, entry: Entry) -> Part:
    found: dict[str, Part] = {}
    for status, shape in entry.contract.answers.items():
        found[str(status)] = {"description": HTTPStatus(status).phrase}
        if isinstance(shape, File):
            found[str(status)]["content"] = {shape.media_type: {}}
        elif shape is not EMPTY:
            found[str(status)]["content"] = _json(shapes.answer(shape))
    for status in errors.statuses(entry):
        schema = shapes.answer(errors.shape(entry, status))
        found[str(status)] = {"description": errors.MEANINGS[status], "content": _json(schema)}
    return dict(sorted(found.items()))


def _json(schema: Part) -> Part:
    return {"application/json": {"schema": schema}}
