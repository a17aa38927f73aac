"""Inputs of a JSON step graph: JSON Schema, or names and types, as declarations."""

from __future__ import annotations

import json
from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.conversion import Conversion
from headgate.exchange.fields import Fields, shape_of
from headgate.exchange.json_tree import Member, plain
from headgate.exchange.naming import InputNames, Naming
from headgate.exchange.values import Writer
from headgate.exchange.writing import Lines, attribute, block, json_fence, quoted
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple

TYPES: Final = {
    **dict.fromkeys(("string", "text", "textarea", "str", "email", "url", "date", "datetime", "markdown"), "string"),
    **dict.fromkeys(("number", "float", "double", "decimal"), "number"),
    **dict.fromkeys(("integer", "int"), "integer"),
    **dict.fromkeys(("boolean", "bool", "checkbox", "toggle"), "boolean"),
    **dict.fromkeys(("object", "dict", "map"), "object"),
    **dict.fromkeys(("array", "list"), "list"),
    **dict.fromkeys(("any", "json"), "any"),
}
ATTRIBUTES: Final = ("title", "description", "minimum", "maximum", "pattern", "secret")
_TEXTS: Final = ("title", "description", "pattern")


class Declared(NamedTuple):
    """One input: `schema` is what is known of it, `default` None without one; `required` as the graph says."""

    name: str
    schema: JsonObject
    default: Member | None
    required: bool


class Typed(NamedTuple):
    """A type as written, and what of the schema it does not say."""

    text: str
    rest: JsonObject


def declared_inputs(conversion: Conversion, member: Member | None) -> list[Declared]:
    """The inputs that a graph declares, in any of the ways that are known."""
    if member is None:
        return []
    match member.value:
        case {"properties": Member(value=dict() as properties), **others}:
            required = others.get("required")
            names = _texts(required)
            return [_of_schema(conversion, name, one, required=name in names) for name, one in properties.items()]
        case dict():
            conversion.note_repeated(member)
            skipped = ("type", "properties", "required", "additionalProperties", "$schema", "title", "description")
            is_schema = isinstance(member.value.get("type"), Member) and member.value["type"].value == "object"
            named = {name: one for name, one in member.value.items() if not (is_schema and name in skipped)}
            return [_of_schema(conversion, name, one, required=None) for name, one in named.items()]
        case list():
            return [found for one in member.value if (found := _of_item(conversion, one)) is not None]
        case _:
            conversion.say(Severity.ERROR, member, f"expected JSON Schema of the inputs, not {shape_of(member)}")
            return []


def _texts(member: object) -> list[str]:
    """The texts of a list."""
    items = member.value if isinstance(member, Member) and isinstance(member.value, list) else []
    return [one.value for one in items if isinstance(one.value, str)]


def declaration(conversion: Conversion, declared: Declared, names: InputNames) -> Lines:
    """`input NAME: TYPE = DEFAULT { ... }`."""
    schema, default = dict(declared.schema), declared.default
    typed = type_of(schema)
    text = typed.text
    written = ""
    if default is not None:
        writer = Writer(conversion, Naming({}, names), templates=False)
        written = f" = {writer.value(default)}"
    elif not declared.required:
        written = " = null"
        text = text if text.endswith("?") or text == "any" else f"{text}?"
    items = [attribute(name, _constant(typed.rest.pop(name))) for name in ATTRIBUTES if name in typed.rest]
    if typed.rest:
        items.append(attribute("schema", json_fence(typed.rest)))
    return block(f"input {names[declared.name]}: {text}{written}", items)


def type_of(schema: JsonObject) -> Typed:
    """The type nearest to a JSON Schema, and the rest of the schema."""
    rest = {name: value for name, value in schema.items() if name != "default"}
    members = rest.get("enum")
    if isinstance(members, list) and (text := _enum(members)) is not None and rest.get("type") in (None, "string"):
        return Typed(text, {name: value for name, value in rest.items() if name not in ("enum", "type")})
    kind = rest.pop("type", None)
    nullable = isinstance(kind, list) and len(kind) == 2 and "null" in kind
    if nullable and isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), None)
    name = TYPES.get(kind.lower()) if isinstance(kind, str) else "any" if kind is None else None
    if name is None:
        return Typed("any", {"type": kind, **rest})
    if name == "list" and isinstance(rest.get("items"), dict):
        items = rest["items"]
        assert isinstance(items, dict), "it was just seen"
        inner = type_of(items)
        if not inner.rest:
            rest.pop("items")
            name = f"list<{inner.text}>"
    if nullable and name == "any":
        return Typed("any", rest)
    return Typed(f"{name}?" if nullable else name, rest)


def _enum(members: list[Json]) -> str | None:
    """`enum(...)` of texts, null among them or not."""
    texts = [one for one in members if isinstance(one, str)]
    if not texts or any(not isinstance(one, str) and one is not None for one in members) or "" in texts:
        return None
    if len(members) - len(texts) > 1 or len(set(texts)) < len(texts) or (None in members and members[-1] is not None):
        return None
    return f"enum({', '.join(quoted(one) for one in texts)})" + ("?" if None in members else "")


def _constant(value: Json) -> str:
    return quoted(value) if isinstance(value, str) else json.dumps(value)


def _of_schema(conversion: Conversion, name: str, member: Member, *, required: bool | None) -> Declared:
    """An input out of its schema, or out of the name of its type."""
    if isinstance(member.value, str):
        return Declared(name, {"type": member.value}, None, required=required is not False)
    if not isinstance(member.value, dict):
        conversion.say(Severity.ERROR, member, f"expected JSON Schema or a type, not {shape_of(member)}")
        return Declared(name, {}, None, required=True)
    default = member.value.get("default")
    said = member.value.get("required")
    if required is None:
        required = said.value if said and isinstance(said.value, bool) else default is None
    schema = plain(member)
    assert isinstance(schema, dict), "it was just seen"
    if said is not None and isinstance(said.value, bool):
        del schema["required"]
    schema.pop("default", None)
    return Declared(name, _sound(conversion, schema, member), default, required=required)


def _sound(conversion: Conversion, schema: JsonObject, member: Member) -> JsonObject:
    """A schema whose plain attributes have their right shape; others are said and left out."""
    for name in ATTRIBUTES:
        if name not in schema:
            continue
        value = schema[name]
        shape = str if name in _TEXTS else bool if name == "secret" else (int, float)
        if not isinstance(value, shape) or (name in ("minimum", "maximum") and isinstance(value, bool)):
            assert isinstance(member.value, dict), "the caller has seen that it is an object"
            conversion.say(Severity.ERROR, member.value[name], f"`{name}` is {shape_of(member.value[name])}; left out")
            del schema[name]
    return schema


def _of_item(conversion: Conversion, member: Member) -> Declared | None:
    """An input out of a list of them."""
    if not isinstance(member.value, dict):
        conversion.say(Severity.ERROR, member, f"expected an object with the input's `name`, not {shape_of(member)}")
        return None
    name = Fields(conversion, member).text("name", "key", "id")
    if name is None or not isinstance(name.value, str):
        conversion.say(Severity.ERROR, member, "an input needs a `name`")
        return None
    rest = {key: one for key, one in member.value.items() if one is not name}
    return _of_schema(conversion, name.value, member._replace(value=rest, repeated=()), required=None)
