"""Write tests/support/cloudflare_schema.json anew: what Cloudflare's published OpenAPI description says of what we use.

That description is too large for a test to fetch. The Python package `cloudflare` is generated from it: each operation's path,
what is sent and what comes back stand in it as types. This reads those operations that Postern calls, and writes them as JSON
schema: names, kinds, which must be there, which words they may hold; nothing else of the package.

    python tests/cloudflare_schema.py

makes an environment with the package below and runs itself in there. Not run by the tests.
"""

from __future__ import annotations

import ast
import collections.abc
import datetime
import importlib
import inspect
import json
import re
import subprocess
import sys
import tempfile
import typing
import venv
from pathlib import Path
from typing import Any

PACKAGE = "cloudflare==5.9.0"
TARGET = Path(__file__).resolve().parent / "support" / "cloudflare_schema.json"
OPERATIONS = (
    ("zones.zones", "list"),
    ("email_routing.email_routing", "get"),
    ("email_routing.dns", "get"),
    ("email_routing.dns", "create"),
    ("email_routing.dns", "edit"),
    ("email_routing.dns", "delete"),
    ("email_routing.rules.rules", "list"),
    ("email_routing.rules.rules", "create"),
    ("email_routing.rules.rules", "update"),
    ("email_routing.rules.rules", "delete"),
    ("email_routing.rules.catch_alls", "get"),
    ("email_routing.rules.catch_alls", "update"),
    ("email_routing.addresses", "list"),
    ("email_routing.addresses", "create"),
    ("dns.records", "list"),
    ("dns.records", "create"),
    ("dns.records", "edit"),
    ("dns.records", "delete"),
    ("workers.scripts.script_and_version_settings", "get"),
    ("workers.scripts.scripts", "update"),
    ("workers.scripts.scripts", "delete"),
)
"""Module below cloudflare.resources, method."""

KINDS = {"A", "CNAME", "MX", "TXT", "plain_text", "secret_text"}
"""Of the many kinds of DNS records and bindings, those that Postern meets."""

TYPES: dict[str, dict[str, Any]] = {}
"""The objects by the names that the package has for them."""

PLAIN = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    datetime.datetime: "string",
    type(None): "null",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", PACKAGE], check=True)
        subprocess.run([python, __file__, "--here"], check=True)


def write() -> None:
    found = dict(operation(module, method) for module, method in OPERATIONS)
    source = f"the types of {PACKAGE} (PyPI), read by tests/cloudflare_schema.py"
    parts = (
        f'"{title}": {{\n{lines(things)}\n}}'
        for title, things in (("operations", found), ("types", reached(found)))
    )
    TARGET.write_text("\n".join([f'{{"source": "{source}",', ",\n".join(parts), "}", ""]))


def lines(things: dict[str, Any]) -> str:
    """One a line, so that a newer package shows as a few changed lines."""
    return ",\n".join(
        f"{json.dumps(name)}: {json.dumps(things[name], sort_keys=True)}" for name in sorted(things)
    )


def reached(things: object) -> dict[str, Any]:
    """Those of TYPES that these things name, and that these name."""
    names, waiting = set(), [things]
    while waiting:
        new = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(waiting.pop()))) - names
        names |= new
        waiting += [TYPES[name] for name in new]
    return {name: TYPES[name] for name in names}


def operation(module_name: str, method: str) -> tuple[str, dict[str, Any]]:
    """ "VERB /path/ID" -> the names of its query, the schema of its body, that of its result."""
    module = importlib.import_module(f"cloudflare.resources.{module_name}")
    name = next(
        name
        for name, kind in vars(module).items()
        if name.endswith("Resource") and not name.startswith("Async") and kind.__module__ == module.__name__
    )
    tree = ast.parse(inspect.getsource(module))
    made = next(one for one in tree.body if isinstance(one, ast.ClassDef) and one.name == name)
    functions = [one for one in made.body if isinstance(one, ast.FunctionDef) and one.name == method]
    call = next(one for one in ast.walk(functions[-1]) if _verb(one))
    assert isinstance(call, ast.Call)
    verb, listed = re.fullmatch(r"_(get|post|put|patch|delete)(_api_list)?", call.func.attr).groups()  # type: ignore[attr-defined,union-attr]
    words = {one.arg: one.value for one in call.keywords}
    options = {one.arg: one.value for one in words["options"].keywords}  # type: ignore[attr-defined]
    result = schema(_evaluated(words["model"], module)) if listed else _answer(words["cast_to"], module)
    return f"{verb.upper()} {_path(call.args[0])}", {
        "query": _query(options.get("query"), module),
        "body": _body(words.get("body"), module),
        "result": {"type": "array", "items": result} if listed else result,
    }


def _verb(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and re.match(r"_(get|post|put|patch|delete)", node.func.attr) is not None
    )


def _path(node: ast.AST) -> str:
    text = next(one.value for one in ast.walk(node) if isinstance(one, ast.Constant))
    words = {"script_name": "NAME", "account_or_zone": "zones"}
    return re.sub(r"\{(\w+)\}", lambda name: words.get(name[1], "ID"), text)


def _evaluated(node: ast.AST, module: Any) -> Any:
    return eval(ast.unparse(node), vars(module))


def _answer(node: ast.AST, module: Any) -> dict[str, Any]:
    """The type inside of ResultWrapper[…]: all answers have that around them."""
    for one in ast.walk(node):
        if isinstance(one, ast.Subscript) and ast.unparse(one.value) == "ResultWrapper":
            return schema(_evaluated(one.slice, module))
    return schema(_evaluated(node, module))


def _transformed(node: ast.AST, module: Any) -> tuple[set[str], Any]:
    """maybe_transform({names}, Type): the names, the type."""
    assert isinstance(node, ast.Call)
    sent, kind = node.args
    names = (
        {one.value for one in sent.keys if isinstance(one, ast.Constant)}
        if isinstance(sent, ast.Dict)
        else set()
    )
    return names, _evaluated(kind, module)


def _body(node: ast.AST | None, module: Any) -> dict[str, Any]:
    """Nothing, an object, or (of an upload) its part `metadata`."""
    if node is None:
        return {"type": "null"}
    if not isinstance(node, ast.Call):
        return {}
    names, kind = _transformed(node, module)
    if not names:
        return typing.cast("dict[str, Any]", _object(kind)["properties"]["metadata"])
    made = [_only(_object(one), names) for one in typing.get_args(kind) or (kind,)]
    return _union(made)


def _only(whole: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """Of path, query and body together, the body."""
    return {
        "type": "object",
        "properties": {name: kind for name, kind in whole["properties"].items() if name in names},
        "required": [name for name in whole["required"] if name in names],
    }


def _query(node: ast.AST | None, module: Any) -> list[str]:
    if node is None:
        return []
    names, kind = _transformed(node, module)
    found = set()
    for whole in typing.get_args(kind) or (kind,):
        for name in names & set(_object(whole)["properties"]):
            inner = resolved(_object(whole)["properties"][name]).get("properties")
            found |= {f"{name}.{word}" for word in inner} if inner else {name}
    return sorted(found)


def schema(kind: Any) -> dict[str, Any]:
    """As JSON schema; objects are named, and stand in TYPES. What may be left out of an answer may be null there."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if kind in PLAIN:
        return {"type": PLAIN[kind]}
    if origin is typing.Literal:
        return {"enum": list(parts)}
    if origin in (typing.Annotated, typing.Required, typing.NotRequired):
        return schema(parts[0])
    if origin is typing.Union:
        return _union([schema(one) for one in parts])
    if origin in (dict, collections.abc.Mapping):
        return {"type": "object"}
    if origin is not None:
        return {"type": "array", "items": schema(parts[0])}
    # Anything else is what a test need not look into: a file, or whatever one likes.
    return _named(kind) if hasattr(kind, "model_fields") or hasattr(kind, "__required_keys__") else {}


def _named(kind: Any) -> dict[str, Any]:
    name = f"{kind.__module__.removeprefix('cloudflare.types.')}.{kind.__name__}"
    if name not in TYPES:
        TYPES[name] = {}  # it may hold itself
        TYPES[name] = _object(kind)
    return {"$ref": name}


def resolved(kind: dict[str, Any]) -> dict[str, Any]:
    return TYPES[kind["$ref"]] if "$ref" in kind else kind


def _union(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    def is_wanted(one: dict[str, Any]) -> bool:
        words = resolved(one).get("properties", {}).get("type", {}).get("enum", [])
        return not words or bool(KINDS & set(words))

    left = [one for one in kinds if is_wanted(one)] or kinds
    unique = [one for at, one in enumerate(left) if one not in left[:at]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}


def _object(kind: Any) -> dict[str, Any]:
    """A TypedDict (what is sent) or a model (what comes back)."""
    if hasattr(kind, "model_fields"):
        fields = {one.alias or name: one for name, one in kind.model_fields.items()}
        return {
            "type": "object",
            "properties": {name: schema(one.annotation) for name, one in fields.items()},
            "required": sorted(name for name, one in fields.items() if one.is_required()),
        }
    hints = typing.get_type_hints(kind, include_extras=True)
    return {
        "type": "object",
        "properties": {_alias(hint) or name: schema(hint) for name, hint in hints.items()},
        "required": sorted(
            _alias(hint) or name for name, hint in hints.items() if typing.get_origin(hint) is typing.Required
        ),
    }


def _alias(hint: Any) -> str | None:
    """The name on the wire, where Python has another."""
    for one in typing.get_args(hint):
        found = getattr(one, "alias", None) or (_alias(one) if typing.get_origin(one) else None)
        if found:
            return str(found)
    return None


if __name__ == "__main__":
    write() if sys.argv[1:] == ["--here"] else main()
