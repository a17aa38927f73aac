"""Values of the tree as the plan stores them."""

from __future__ import annotations

import json
from typing import cast

from headgate.compiler.schemas import schema_of, schema_of_name
from headgate.compiler.values import stored_template, stored_text
from headgate.grammar import ast
from headgate.kinds import Schema
from headgate.plan import RAW, Json, JsonObject

ANY: Schema = {}


def encode(value: ast.Value, schema: Schema = ANY) -> Json:
    """A value by the schema of its place: durations in ms, words as text, types as JSON Schema, templates as text."""
    schema = _branch(value, schema)
    if schema.get("format") in ("type", "schema"):
        found = encode_schema(value)
        return {RAW: found} if "{{" in json.dumps(found) else found
    match value:
        case ast.Text():
            plain = value.plain
            return stored_text(value) if plain is None else _literal(plain)
        case ast.Template():
            return stored_template(value)
        case ast.Number():
            return _number(value.value)
        case ast.Boolean():
            return value.value
        case ast.Null():
            return None
        case ast.Duration():
            return value.milliseconds
        case ast.Word():
            return value.text
        case ast.TypeRef():
            return schema_of(value)
        case ast.Fence():
            return _literal(value.text)
        case ast.List():
            items = schema.get("items")
            return [encode(item, items if isinstance(items, dict) else ANY) for item in value.items]
        case ast.Map():
            return _map(value, schema)


def encode_schema(value: ast.Value) -> JsonObject:
    """The JSON Schema that a type, a fence or a map stands for."""
    match value:
        case ast.TypeRef():
            return schema_of(value)
        case ast.Word():
            return schema_of_name(value.text)
        case ast.Fence():
            read = json.loads(value.text)
            assert isinstance(read, dict), "a rule has seen that it is an object"
            return cast("JsonObject", _numbers(read))
        case ast.Map():
            written = encode(value)
            assert isinstance(written, dict), "a map becomes an object"
            return written
        case _:
            raise AssertionError("a rule has seen that it is a type or a schema")


def encode_fields(value: ast.Map) -> JsonObject:
    """The JSON Schema of the answer to a form: an object with a property for each field."""
    properties: JsonObject = {}
    required: list[Json] = []
    for entry in value.entries:
        optional = False
        if isinstance(entry.value, ast.Map):
            facts = {one.key.text: one.value for one in entry.value.entries}
            schema = encode_schema(facts.pop("type"))
            needed = facts.pop("required", None)
            optional = "default" in facts or (isinstance(needed, ast.Boolean) and not needed.value)
            schema |= {name: encode(fact) for name, fact in facts.items()}
        else:
            schema = encode_schema(entry.value)
        properties[entry.key.text] = schema
        if not optional:
            required.append(entry.key.text)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _branch(value: ast.Value, schema: Schema) -> Schema:
    """The branch of `anyOf` that a value is read by."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return schema
    for branch in branches:
        if isinstance(value, ast.Map):
            fits = branch.get("type") == "object" or branch.get("format") == "schema"
        elif isinstance(value, ast.List):
            fits = branch.get("type") == "array"
        elif isinstance(value, ast.Word | ast.TypeRef):
            fits = "format" in branch
        else:
            fits = branch.get("type") not in ("object", "array")
        if fits:
            return cast("Schema", branch)
    return schema


def _literal(text: str) -> Json:
    return {RAW: text} if "{{" in text else text


def _map(value: ast.Map, schema: Schema) -> Json:
    properties = schema.get("properties")
    rest = schema.get("additionalProperties")
    known = properties if isinstance(properties, dict) else {}
    found: JsonObject = {}
    for entry in value.entries:
        one = known.get(entry.key.text, rest)
        found.setdefault(entry.key.text, encode(entry.value, one if isinstance(one, dict) else ANY))
    for name, one in known.items():
        if name not in found and "default" in one:
            found[name] = one["default"]
    if any(name.startswith("$") for name in found) and not _has_template(value):
        return {RAW: {name: _unwrapped(one) for name, one in found.items()}}
    return found


def _has_template(value: ast.Value) -> bool:
    match value:
        case ast.Template():
            return True
        case ast.Text():
            return value.plain is None
        case ast.List():
            return any(_has_template(item) for item in value.items)
        case ast.Map():
            return any(_has_template(entry.value) for entry in value.entries)
        case _:
            return False


def _unwrapped(value: Json) -> Json:
    """What a value without templates stands for, its own `$raw` taken off."""
    if isinstance(value, list):
        return [_unwrapped(item) for item in value]
    if isinstance(value, dict):
        return _unwrapped_map(value)
    return value


def _unwrapped_map(value: JsonObject) -> Json:
    if set(value) == {RAW}:
        return value[RAW]
    return {name: _unwrapped(one) for name, one in value.items()}


def _number(value: float) -> Json:
    """A whole number without a point, as canonical JSON writes it."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _numbers(value: object) -> object:
    if isinstance(value, dict):
        return {name: _numbers(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return _number(value) if isinstance(value, float) else value
