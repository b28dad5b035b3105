"""Shapes of contracts (web/api/contract.py) as JSON Schema (draft 2020-12, which OpenAPI 3.1 uses)."""

from __future__ import annotations

from collections.abc import Mapping

from postern.web.api.contract import ANYTHING, Either, MapOf, Maybe, Named, Number, OneOf, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Schema = dict[str, Any]

PLAIN: dict[object, str] = {str: "string", int: "integer", bool: "boolean"}


class Shapes:
    """Turns shapes into schemas; `named` collects those that have a name."""

    def __init__(self) -> None:
        self.named: dict[str, Schema] = {}
        self._told: dict[str, object] = {}

    def answer(self, shape: object) -> Schema:
        """What we send: the fields that are named, and no others."""
        return self._schema(shape, strict=True)

    def request(self, shape: object) -> Schema:
        """What clients send: more than we know is passed over, and null stands for what is not given."""
        return self._schema(shape, strict=False)

    def _schema(self, shape: object, strict: bool) -> Schema:
        if isinstance(shape, Named):
            return self._named(shape, strict)
        if isinstance(shape, Mapping):
            return self._object(shape, strict)
        if isinstance(shape, list):
            (items,) = shape
            return {"type": "array", "items": self._schema(items, strict)}
        if isinstance(shape, MapOf):
            return {"type": "object", "additionalProperties": self._schema(shape.shape, strict)}
        if isinstance(shape, Maybe):
            return _or_null(self._schema(shape.shape, strict))
        if isinstance(shape, Either):
            return {"anyOf": [self._schema(one, strict) for one in shape.shapes]}
        return _simple(shape)

    def _named(self, shape: Named, strict: bool) -> Schema:
        if self._told.setdefault(shape.name, shape.shape) != shape.shape:
            raise ValueError(f"Two shapes are called {shape.name}.")
        if shape.name not in self.named:
            self.named[shape.name] = {}  # what holds itself finds it
            self.named[shape.name] = self._schema(shape.shape, strict)
        return {"$ref": f"#/components/schemas/{shape.name}"}

    def _object(self, shape: Mapping[str, object], strict: bool) -> Schema:
        fields = {name.rstrip("?"): self._schema(one, strict) for name, one in shape.items()}
        optional = {name.rstrip("?") for name in shape if name.endswith("?")}
        if not strict:
            fields = {name: _or_null(one) if name in optional else one for name, one in fields.items()}
        required = [name for name in fields if name not in optional]
        found: Schema = {"type": "object", "properties": fields}
        if required:
            found["required"] = required
        if strict:
            found["additionalProperties"] = False
        return found


def _simple(shape: object) -> Schema:
    if isinstance(shape, Text):
        limits = {
            "minLength": shape.least,
            "maxLength": shape.most,
            "format": shape.form or None,
            "pattern": shape.pattern or None,
        }
        return {"type": "string", **_given(limits)}
    if isinstance(shape, Number):
        return {"type": "integer", **_given({"minimum": shape.least, "maximum": shape.most})}
    if isinstance(shape, OneOf):
        return {"type": PLAIN[type(shape.values[0])], "enum": list(shape.values)}
    return {} if shape is ANYTHING else {"type": PLAIN[shape]}


def _given(limits: Schema) -> Schema:
    return {name: value for name, value in limits.items() if value is not None}


def _or_null(schema: Schema) -> Schema:
    if isinstance(schema.get("type"), str) and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}
