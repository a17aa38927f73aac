"""What a check says about a value, and how it says what it wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from headgate.kinds.values import Neutral
from headgate.records import NamedTuple

TYPES = ("string", "number", "integer", "boolean", "object", "any", "list", "enum")
TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "object": "a map",
    "array": "a list",
    "null": "`null`",
}
FORMAT_WORDS = {
    "duration": "a duration such as `30s`",
    "step": "the name of a step",
    "instance": "the name of an instance",
    "model": "the name of a model",
    "agent": "the name of an agent",
    "workflow": "the name of a workflow",
    "connection": "the name of a connection",
    "tool": "the name of a tool",
    "condition": "a condition in `{{ }}`",
    "type": "a type such as `string`",
    "schema": "a type, or JSON Schema in a fence",
}

Schema: TypeAlias = "dict[str, object]"
Path: TypeAlias = "tuple[str | int, ...]"


class Fault(NamedTuple):
    """One thing wrong with a value.

    `path` leads to it from the value that was checked; for `rule` = `unknown` its last part is the key that nobody
    knows, and for `missing` it leads to the map that lacks `expected[0]`. Other rules: `type`, `range`, `enum`,
    `template`, `quote` (text stands where a bare word belongs, or the other way), `unit`, `json`, `unknown-type`, and
    `json-type` (`expected[0]` is the name that no type of JSON Schema has).
    `message` follows on the name of the attribute: "expects a duration such as `30s`, not `30`". `expected` are the
    names that would fit. `replacement` is the text to write instead when a quote or a unit is all that is wrong.
    """

    path: Path
    rule: str
    message: str
    expected: tuple[str, ...] = ()
    replacement: str | None = None


Check: TypeAlias = "Callable[[Neutral, Path, list[Fault]], None]"


def expects(schema: Schema) -> str:
    """What a schema wants, in words: "a whole number", "one of `run`, `skip`"."""
    branches = schema.get("anyOf")
    if isinstance(branches, list):
        return " or ".join(dict.fromkeys(expects(branch) for branch in branches))
    members = schema.get("enum")
    if isinstance(members, list):
        return _one_of(members)
    if "const" in schema:
        return _one_of([schema["const"]])
    name = schema.get("format")
    if isinstance(name, str) and name in FORMAT_WORDS:
        return FORMAT_WORDS[name]
    types = schema.get("type")
    names = types if isinstance(types, list) else [types] if isinstance(types, str) else []
    words = [TYPE_WORDS[name] for name in names]
    if names == ["array"] and isinstance(schema.get("items"), dict):
        items = schema["items"]
        assert isinstance(items, dict), "items is a schema"
        if items.get("type") == "string":
            return 'a list of text such as `["a", "b"]`'
    return " or ".join(words) if words else "a value"


def _one_of(members: list[object]) -> str:
    said = [f"`{_spelt(member)}`" for member in members]
    return said[0] if len(said) == 1 else "one of " + ", ".join(said)


def _spelt(member: object) -> str:
    if member is None:
        return "null"
    if isinstance(member, bool):
        return "true" if member else "false"
    return str(member)
