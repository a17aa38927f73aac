"""What `jsonschema` found wrong with a value, in the product's words: what was expected and what came instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final, Protocol

_LONGEST = 80
_MOST_LISTED = 12


class SchemaFault(Protocol):
    """The part of `jsonschema.ValidationError` that is read here."""

    @property
    def validator(self) -> object: ...
    @property
    def validator_value(self) -> object: ...
    @property
    def instance(self) -> object: ...
    @property
    def schema(self) -> object: ...


def mismatch(fault: SchemaFault) -> str:
    """One line: `expected one of "a", "b", got "c"`. Names the rule of the schema where there is no better word."""
    keyword, wanted, value = str(fault.validator), fault.validator_value, fault.instance
    if keyword == "additionalProperties" and isinstance(value, dict):
        return _undeclared(fault.schema, value)
    if keyword in _LENGTHS and isinstance(value, str | list | dict):
        return f"expected {_LENGTHS[keyword].format(wanted)}, got {len(value)}"
    say = _WORDS.get(keyword)
    if say is None:
        return f"expected what its schema's `{keyword}` asks for ({_shown(wanted)}), got {_shown(value)}"
    return say(wanted, value)


def _one_of(wanted: object, value: object) -> str:
    choices = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    listed = ", ".join(_shown(choice) for choice in choices[:_MOST_LISTED])
    more = f" and {len(choices) - _MOST_LISTED} more" if len(choices) > _MOST_LISTED else ""
    return f"expected one of {listed}{more}, got {_shown(value)}"


def _type(wanted: object, value: object) -> str:
    names = wanted if isinstance(wanted, list | tuple) else [wanted]
    return f"expected {' or '.join(map(str, names))}, got {_shown(value)}"


def _missing(wanted: object, value: object) -> str:
    names = wanted if isinstance(wanted, list | tuple) else []
    gone = [f"`{name}`" for name in names if not isinstance(value, dict) or name not in value]
    return f"{', '.join(gone)} {'is' if len(gone) == 1 else 'are'} missing"


def _undeclared(schema: object, value: dict[object, object]) -> str:
    declared = schema.get("properties") if isinstance(schema, dict) else None
    names = list(declared) if isinstance(declared, dict) else []
    extra = ", ".join(f"`{name}`" for name in value if name not in names)
    known = ", ".join(f"`{name}`" for name in names) or "none"
    return f"{extra} {'is' if ',' not in extra else 'are'} not declared; the names are {known}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."


def _plain(words: str) -> Callable[[object, object], str]:
    return lambda wanted, value: f"expected {words.format(_shown(wanted))}, got {_shown(value)}"


_LENGTHS: Final[dict[str, str]] = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} names",
    "maxProperties": "at most {} names",
}
_WORDS: Final[dict[str, Callable[[object, object], str]]] = {
    "enum": _one_of,
    "type": _type,
    "required": _missing,
    "const": _plain("{}"),
    "minimum": _plain("at least {}"),
    "maximum": _plain("at most {}"),
    "exclusiveMinimum": _plain("more than {}"),
    "exclusiveMaximum": _plain("less than {}"),
    "multipleOf": _plain("a multiple of {}"),
    "pattern": _plain("text that matches {}"),
    "format": _plain("the format {}"),
    "uniqueItems": lambda _, value: f"expected items that differ, got {_shown(value)}",
    "anyOf": lambda _, value: f"expected one of the forms that its schema allows, got {_shown(value)}",
    "oneOf": lambda _, value: f"expected exactly one of the forms that its schema allows, got {_shown(value)}",
}
