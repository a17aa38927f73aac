"""What is wrong with a JSON Schema of an author: the keywords of draft 2020-12, and references, which fetch nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from headgate.records import NamedTuple

TYPES: Final = ("string", "number", "integer", "boolean", "object", "array", "null")
_SCHEMAS: Final = frozenset(
    {
        *("additionalProperties", "unevaluatedProperties", "unevaluatedItems", "items", "contains", "propertyNames"),
        *("not", "if", "then", "else", "contentSchema"),
    }
)
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS: Final = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
_COUNTS: Final = frozenset(
    {
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("minContains", "maxContains"),
    }
)
_NUMBERS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_TEXTS: Final = frozenset(
    {"title", "description", "format", "$id", "$schema", "$comment", "contentEncoding", "contentMediaType"}
)


class SchemaFault(NamedTuple):
    """`path` leads to the keyword; `type` is the name that no type has, None when something else is wrong."""

    path: tuple[str | int, ...]
    message: str
    type: str | None = None

    @property
    def said(self) -> str:
        """The place and the message in a few words."""
        place = ".".join(str(part) for part in self.path)
        return f"`{place}` {self.message}" if place else self.message


def schema_fault(schema: object) -> SchemaFault | None:
    """The first thing that makes a value no JSON Schema, or one that cannot be applied here; None when it is fine."""
    return next(_faults(schema, (), schema), None)


def _faults(schema: object, path: tuple[str | int, ...], root: object) -> Iterator[SchemaFault]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield SchemaFault(path, "expects a schema: an object, `true` or `false`")
        return
    for key, value in schema.items():
        here = (*path, key)
        if key in _SCHEMAS:
            yield from _faults(value, here, root)
        elif key in _LISTS:
            yield from _of_list(value, here, root)
        elif key in _MAPS:
            yield from _of_map(value, here, root)
        elif key == "$ref":
            yield from _reference(value, here, root)
        else:
            yield from _keyword(key, value, here)


def _of_list(value: object, path: tuple[str | int, ...], root: object) -> Iterator[SchemaFault]:
    if not isinstance(value, list) or not value:
        yield SchemaFault(path, "expects a list of schemas")
        return
    for index, one in enumerate(value):
        yield from _faults(one, (*path, index), root)


def _of_map(value: object, path: tuple[str | int, ...], root: object) -> Iterator[SchemaFault]:
    if not isinstance(value, dict):
        yield SchemaFault(path, "expects an object of schemas")
        return
    for name, one in value.items():
        wrong = _pattern(name) if path[-1] == "patternProperties" else None
        if wrong is not None:
            yield SchemaFault((*path, name), wrong)
        yield from _faults(one, (*path, name), root)


def _keyword(key: str, value: object, path: tuple[str | int, ...]) -> Iterator[SchemaFault]:
    if key == "type":
        yield from _types(value, path)
    elif key in _CHECKS:
        wrong = _CHECKS[key](value)
        if wrong is not None:
            yield SchemaFault(path, wrong)


def _types(value: object, path: tuple[str | int, ...]) -> Iterator[SchemaFault]:
    names = value if isinstance(value, list) and value else [value]
    for name in names:
        if name not in TYPES:
            listed = ", ".join(f"`{one}`" for one in TYPES)
            yield SchemaFault(path, f"expects one of {listed}", name if isinstance(name, str) else None)
            return
    if len({str(name) for name in names}) < len(names):
        yield SchemaFault(path, "expects each type once")


def _reference(value: object, path: tuple[str | int, ...], root: object) -> Iterator[SchemaFault]:
    if not isinstance(value, str):
        yield SchemaFault(path, "expects text")
    elif value.startswith("#/"):
        if not _resolves(value, root):
            yield SchemaFault(path, f"leads nowhere: there is no `{value}`")
    elif not value.startswith("#") and not _has_ids(root):
        yield SchemaFault(path, f"expects a place in the same schema, such as `#/$defs/item`: `{value}` is not fetched")


def _resolves(pointer: str, root: object) -> bool:
    from urllib.parse import unquote

    here = root
    for part in unquote(pointer).split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and name.isdecimal() and int(name) < len(here):
            here = here[int(name)]
        else:
            return _has_ids(root)
    return True


def _has_ids(schema: object) -> bool:
    """Whether a part of the schema has a name of its own, from which other references count."""
    if isinstance(schema, dict):
        return "$id" in schema or any(_has_ids(one) for one in schema.values())
    return isinstance(schema, list) and any(_has_ids(one) for one in schema)


def _pattern(value: object) -> str | None:
    if not isinstance(value, str):
        return "expects text"
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"expects a regular expression: {error}"
    return None


def _count(value: object) -> str | None:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value) and value >= 0
    return None if whole else "expects a whole number from 0 on"


def _number(value: object) -> str | None:
    return None if isinstance(value, int | float) and not isinstance(value, bool) else "expects a number"


def _above_zero(value: object) -> str | None:
    return _number(value) or (None if isinstance(value, int | float) and value > 0 else "expects more than 0")


def _text(value: object) -> str | None:
    return None if isinstance(value, str) else "expects text"


def _names(value: object) -> str | None:
    fine = isinstance(value, list) and all(isinstance(one, str) for one in value) and len(set(value)) == len(value)
    return None if fine else "expects a list of names, each once"


def _list(value: object) -> str | None:
    return None if isinstance(value, list) else "expects a list"


def _flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "expects `true` or `false`"


_CHECKS: Final[dict[str, Callable[[object], str | None]]] = {
    **dict.fromkeys(_COUNTS, _count),
    **dict.fromkeys(_NUMBERS, _number),
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("uniqueItems", "deprecated", "readOnly", "writeOnly"), _flag),
    **dict.fromkeys(("enum", "examples"), _list),
    "multipleOf": _above_zero,
    "pattern": _pattern,
    "required": _names,
}
