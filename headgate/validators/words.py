"""What types and schemas are called in a sentence."""

from __future__ import annotations

from headgate.compiler import types
from headgate.compiler.types import Type
from headgate.kinds.faults import TYPE_WORDS
from headgate.plan import Json

KIND_WORDS = {
    types.NULL: "`null`",
    types.BOOLEAN: "true or false",
    types.NUMBER: "a number",
    types.TEXT: "text",
    types.LIST: "a list",
    types.MAP: "a map",
}
_LISTS = {
    types.NULL: "a list of nulls",
    types.BOOLEAN: "a list of booleans",
    types.NUMBER: "a list of numbers",
    types.TEXT: "a list of text",
    types.LIST: "a list of lists",
    types.MAP: "a list of maps",
}
MOST_MEMBERS = 6
_LONGEST = 30


def said_of_type(type_: Type) -> str:
    """A type in words: "a number", "text or a list", or its members when they are few."""
    if type_.members is not None and len(type_.members) <= MOST_MEMBERS:
        return " or ".join(dict.fromkeys(spelt(member) for member in type_.members))
    return " or ".join(_kind(type_, kind) for kind in sorted(type_.kinds))


def _kind(type_: Type, kind: str) -> str:
    items = type_.items
    if kind == types.LIST and items is not None and len(items.kinds) == 1 and items.members is None:
        (one,) = items.kinds
        return _LISTS[one]
    return KIND_WORDS[kind]


def said_of_schema(schema: Json) -> str:
    """What a schema wants, in words: "a whole number", "one of `run`, `skip`"."""
    if not isinstance(schema, dict):
        return "a value"
    members = schema.get("enum")
    if isinstance(members, list) and members:
        return one_of(members)
    if "const" in schema:
        return spelt(schema["const"])
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list):
            return " or ".join(dict.fromkeys(said_of_schema(branch) for branch in branches))
    written = schema.get("type")
    names = written if isinstance(written, list) else [written]
    items = schema.get("items")
    if written == "array" and isinstance(items, dict) and items.get("type") in ("string", "number", "integer"):
        return "a list of text" if items["type"] == "string" else "a list of numbers"
    return " or ".join(TYPE_WORDS[name] for name in names if isinstance(name, str) and name in TYPE_WORDS) or "a value"


def one_of(members: list[Json]) -> str:
    """The first members of an enumeration, and how many more there are."""
    shown = ", ".join(spelt(member) for member in members[:MOST_MEMBERS])
    more = f" and {len(members) - MOST_MEMBERS} more" if len(members) > MOST_MEMBERS else ""
    return shown if len(members) == 1 else f"one of {shown}{more}"


def spelt(value: Json) -> str:
    """A plain value as it is written, in back-quotes; long and composed ones by what they are."""
    match value:
        case None:
            return "`null`"
        case bool():
            return "`true`" if value else "`false`"
        case int() | float():
            return f"`{value}`" if len(str(value)) <= _LONGEST else "a number"
        case str():
            plain = value.isprintable() and len(value) <= _LONGEST and "`" not in value
            return f'`"{value}"`' if plain else "text"
        case list():
            return "a list"
        case dict():
            return "a map"
