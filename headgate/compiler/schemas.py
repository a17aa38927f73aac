"""Types as written, in words of JSON Schema."""

from __future__ import annotations

import json

from headgate.grammar import ast
from headgate.plan import Json, JsonObject

PLAIN: dict[str, JsonObject] = {
    "string": {"type": "string"},
    "number": {"type": "number"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "object": {"type": "object"},
    "list": {"type": "array"},
    "any": {},
}


def named(schema: JsonObject, name: str) -> JsonObject:
    """A schema that will stand inside another one: with references, it gets a name from which they count."""
    return {"$id": f"urn:headgate:{name}", **schema} if '"$ref"' in json.dumps(schema) else schema


def schema_of_name(name: str) -> JsonObject:
    """The schema of a bare type; of a name that is no type, the schema of anything (HG008 says so)."""
    return dict(PLAIN.get(name, {}))


def schema_of(type_: ast.TypeRef) -> JsonObject:
    """The JSON Schema of a type: `list<T>` an array, `enum(...)` its members, `T?` also null."""
    name = type_.name.text
    if name == "enum":
        members: list[Json] = [member.plain or "" for member in type_.members]
        return {"enum": [*members, None] if type_.nullable else members}
    schema = schema_of_name(name)
    if name == "list" and type_.arguments:
        schema["items"] = schema_of(type_.arguments[0])
    kind = schema.get("type")
    if type_.nullable and kind is not None:
        schema["type"] = [kind, "null"]
    return schema
