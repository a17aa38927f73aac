"""Whether one JSON Schema takes everything that another one takes. What cannot be proved is not claimed."""

from __future__ import annotations

from headgate.plan.nouns import Json, JsonObject
from headgate.plan.writing import canonical

DEEPEST = 40
_WORDS = frozenset(
    {
        *("title", "description", "default", "examples", "secret", "deprecated", "readOnly", "writeOnly"),
        *("$comment", "$schema", "$id"),
    }
)
"""Keywords that say nothing about which values fit."""
_FLOORS = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_CEILINGS = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def accepts(wide: Json, narrow: Json) -> bool:
    """True when every value that fits `narrow` is sure to fit `wide`."""
    return _accepts(wide, narrow, 0)


def _accepts(wide: Json, narrow: Json, depth: int) -> bool:
    wide, narrow = _meant(wide), _meant(narrow)
    if wide is True or narrow is False or canonical(wide) == canonical(narrow):
        return True
    if not isinstance(wide, dict) or not isinstance(narrow, dict) or depth > DEEPEST:
        return False
    for key in ("anyOf", "oneOf"):
        branches = narrow.get(key)
        if isinstance(branches, list) and set(narrow) == {key}:
            return all(_accepts(wide, branch, depth + 1) for branch in branches)
    every, either = wide.get("allOf"), wide.get("anyOf")
    if isinstance(every, list) and set(wide) == {"allOf"}:
        return all(_accepts(branch, narrow, depth + 1) for branch in every)
    if isinstance(either, list) and set(wide) == {"anyOf"}:
        return any(_accepts(branch, narrow, depth + 1) for branch in either)
    whole = narrow.get("allOf")
    if isinstance(whole, list) and any(_accepts(wide, branch, depth + 1) for branch in whole):
        return True
    return all(_keeps(key, wide, narrow, depth) for key in wide)


def _meant(schema: Json) -> Json:
    """The schema without what says nothing; True for one that takes everything."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if key not in _WORDS}
    return kept or True


def _keeps(key: str, wide: JsonObject, narrow: JsonObject, depth: int) -> bool:
    """Whether one keyword of `wide` refuses nothing that fits `narrow`."""
    wanted, given = wide[key], narrow.get(key)
    if key in narrow and canonical(wanted) == canonical(given):
        return True
    members = _members(narrow)
    if members is not None and key in ("type", "enum", "const"):
        return all(_is_one(member, key, wanted) for member in members)
    match key:
        case "type":
            return _types(narrow) <= _types(wide)
        case "items":
            return "array" not in _types(narrow) or _accepts(wanted, narrow.get("items", True), depth + 1)
        case "properties":
            return "object" not in _types(narrow) or _keeps_properties(wanted, narrow, depth)
        case "required":
            return "object" not in _types(narrow) or _names(wanted) <= _names(given)
        case "additionalProperties":
            return "object" not in _types(narrow) or _keeps_rest(wide, narrow, depth)
        case _:
            return _keeps_bound(key, wanted, given, narrow)


def _keeps_bound(key: str, wanted: Json, given: Json, narrow: JsonObject) -> bool:
    subject = _SUBJECTS.get(key)
    if subject is not None and not _types(narrow) & subject:
        return True
    if not _is_number(wanted) or not _is_number(given):
        return False
    assert isinstance(wanted, int | float), "it is a number"
    assert isinstance(given, int | float), "it is a number"
    return given >= wanted if key in _FLOORS else given <= wanted if key in _CEILINGS else False


def _keeps_properties(wanted: Json, narrow: JsonObject, depth: int) -> bool:
    declared = narrow.get("properties")
    mine = declared if isinstance(declared, dict) else {}
    rest = narrow.get("additionalProperties", True)
    for name, schema in wanted.items() if isinstance(wanted, dict) else ():
        if not _accepts(schema, mine.get(name, rest), depth + 1):
            return False
    return True


def _keeps_rest(wide: JsonObject, narrow: JsonObject, depth: int) -> bool:
    """Names that `wide` does not list have to fit what it says of others."""
    listed = wide.get("properties")
    known = listed if isinstance(listed, dict) else {}
    declared = narrow.get("properties")
    mine = declared if isinstance(declared, dict) else {}
    rest = wide["additionalProperties"]
    others = [schema for name, schema in mine.items() if name not in known]
    if any(not _accepts(rest, schema, depth + 1) for schema in others):
        return False
    return _accepts(rest, narrow.get("additionalProperties", True), depth + 1)


def _members(schema: JsonObject) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    members = schema.get("enum")
    return members if isinstance(members, list) else None


def _is_one(member: Json, key: str, wanted: Json) -> bool:
    if key == "const":
        return canonical(member) == canonical(wanted)
    if key == "enum":
        return isinstance(wanted, list) and any(canonical(member) == canonical(each) for each in wanted)
    names = wanted if isinstance(wanted, list) else [wanted]
    return any(_is_of(member, str(name)) for name in names)


def _is_of(value: Json, name: str) -> bool:
    match value:
        case None:
            return name == "null"
        case bool():
            return name == "boolean"
        case int():
            return name in ("integer", "number")
        case float():
            return name == "number" or (name == "integer" and value.is_integer())
        case str():
            return name == "string"
        case list():
            return name == "array"
        case dict():
            return name == "object"


def _types(schema: JsonObject) -> frozenset[str]:
    written = schema.get("type")
    if written is None:
        members = _members(schema)
        if members is None:
            return _TYPES
        return frozenset(name for name in _TYPES if any(_is_of(member, name) for member in members))
    names = frozenset(str(name) for name in (written if isinstance(written, list) else [written]))
    return names | {"integer"} if "number" in names else names


def _names(value: Json) -> set[str]:
    return {str(name) for name in value} if isinstance(value, list) else set()


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_NUMBERS = frozenset({"integer", "number"})
_SUBJECTS = {
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBERS),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), frozenset({"string"})),
    **dict.fromkeys(("minItems", "maxItems", "uniqueItems", "prefixItems", "contains"), frozenset({"array"})),
    **dict.fromkeys(("minProperties", "maxProperties", "patternProperties"), frozenset({"object"})),
}
"""The types of value that a keyword says something about."""
