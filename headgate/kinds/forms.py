"""The checks of what the language has and JSON has not: words, durations, types, fences, templates in free values."""

from __future__ import annotations

import re

from headgate.kinds.faults import TYPES, Check, Fault, Path, Schema, expects
from headgate.kinds.json_schema import schema_fault
from headgate.kinds.values import Duration, Fenced, Mixed, Neutral, Template, TypeName, Word, describe, is_plain

WORDS = frozenset({"word", "step"})
NAMES = frozenset({"instance", "model", "agent", "workflow", "connection", "tool"})
LITERALS = WORDS | NAMES | {"duration", "condition", "type", "schema"}


DURATION = re.compile(r"\d+(\.\d+)?(ms|s|m|h|d)")


def check_leaf(schema: Schema) -> Check:
    """The check of what JSON does not have."""
    form = schema.get("format")
    words = expects(schema)
    types = schema.get("type")
    is_text = types == "string" or (isinstance(types, list) and "string" in types)
    free = not (schema.keys() & {"type", "enum", "const", "format"})
    templates = schema.get("template") is True
    members = schema.get("enum")

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        match value:
            case Word():
                _word(value, path, found, schema)
            case Duration():
                if form == "duration":
                    check_range(schema, value.milliseconds, value.text, path, found)
                elif not free:
                    found.append(Fault(path, "type", f"expects {words}, not {describe(value)}"))
            case TypeName():
                if form in ("type", "schema"):
                    _type_names(value.names, path, found)
                else:
                    found.append(Fault(path, "type", f"expects {words}, not {describe(value)}"))
            case Fenced() if form == "schema":
                _json_fence(value, path, found)
            case Mixed(unquoted=str(alone)) if form == "condition" or (templates and not is_text and not free):
                found.append(Fault(path, "quote", f"expects {words} without quotes", (), alone))
            case Mixed() if not templates and form != "condition":
                found.append(Fault(path, "template", f"takes no template: it expects {words}, known before a run"))
            case Mixed() | Fenced():
                if not ((is_text or free) and form not in LITERALS and members is None):
                    found.append(Fault(path, "type", f"expects {words}, not {describe(value)}"))
            case _:
                raise AssertionError("plain values are checked elsewhere")

    return check


def _word(value: Word, path: Path, found: list[Fault], schema: Schema) -> None:
    form = schema.get("format")
    members = schema.get("enum")
    if form in ("type", "schema"):
        _type_names((value.text,), path, found)
    elif form in WORDS or form in NAMES:
        if isinstance(members, list) and value.text not in members:
            names = tuple(str(member) for member in members)
            found.append(Fault(path, "enum", f"expects {expects(schema)}, not `{value.text}`", names))
    else:
        types = schema.get("type")
        takes_text = types is None or "string" in (types if isinstance(types, list) else [types])
        takes_text = takes_text and form is None and members is None
        if takes_text:
            found.append(Fault(path, "quote", f'expects text in quotes: `"{value.text}"`', (), f'"{value.text}"'))
        else:
            found.append(Fault(path, "type", f"expects {expects(schema)}, not `{value.text}`"))


def check_literal(value: Neutral, path: Path, found: list[Fault], schema: Schema) -> None:
    """A plain value where the language has a literal of its own."""
    form = schema.get("format")
    words = expects(schema)
    if isinstance(value, str):
        if form in NAMES:
            if value:
                return
        elif _unquoted(value, schema):
            found.append(Fault(path, "quote", f"expects {words} without quotes", (), value))
            return
        elif form in WORDS and isinstance(schema.get("enum"), list):
            members = schema["enum"]
            assert isinstance(members, list), "enum is a list"
            names = tuple(str(member) for member in members)
            found.append(Fault(path, "enum", f"expects {words}, not {describe(value)}", names))
            return
    if form == "duration" and isinstance(value, int | float) and not isinstance(value, bool):
        replacement = f"{value}s" if value >= 0 else None
        found.append(Fault(path, "unit", f"expects {words}: `{value}` has no unit", (), replacement))
        return
    if form == "schema" and isinstance(value, dict):
        if not is_plain(value):
            found.append(Fault(path, "type", "expects JSON Schema without templates and bare words"))
        elif (wrong := schema_fault(value)) is not None:
            place = (*path, *wrong.path)
            found.append(_unknown_type(place, wrong.type) if wrong.type else Fault(place, "json", wrong.message))
        return
    found.append(Fault(path, "type", f"expects {words}, not {describe(value)}"))


def _unquoted(value: str, schema: Schema) -> bool:
    """Whether a text would be right without its quotes."""
    form = schema.get("format")
    if form == "duration":
        return DURATION.fullmatch(value) is not None
    if form in WORDS:
        members = schema.get("enum")
        return value in members if isinstance(members, list) else re.fullmatch(r"[A-Za-z_]\w*", value) is not None
    if form in ("type", "schema"):
        return value in TYPES
    return form == "condition" and value.startswith("{{")


def _type_names(names: tuple[str, ...], path: Path, found: list[Fault]) -> None:
    found.extend(
        Fault(path, "unknown-type", f"expects a type; `{name}` is none", TYPES) for name in names if name not in TYPES
    )


def _json_fence(value: Fenced, path: Path, found: list[Fault]) -> None:
    import json

    try:
        read = json.loads(value.text)
        wrong = schema_fault(read)
    except ValueError as error:
        found.append(Fault(path, "json", f"expects JSON Schema; this is not JSON: {str(error)[:120]}"))
        return
    except RecursionError:
        found.append(Fault(path, "json", "expects JSON Schema; this JSON is nested too deep"))
        return
    if not isinstance(read, dict):
        found.append(Fault(path, "json", "expects JSON Schema, which is an object in braces"))
    elif wrong is not None:
        fault = Fault(path, "json", f"expects JSON Schema: {wrong.said}")
        found.append(_unknown_type(path, wrong.type) if wrong.type else fault)


def _unknown_type(path: Path, name: str) -> Fault:
    return Fault(path, "json-type", f"expects a type of JSON Schema; `{name}` is none", (name,))


def check_free(value: Neutral, path: Path, found: list[Fault], schema: Schema) -> None:
    """A value of any shape: templates anywhere inside when `schema` takes them, and no bare words."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            check_free(item, (*path, index), found, schema)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_free(item, (*path, key), found, schema)
    elif isinstance(value, Word):
        found.append(Fault(path, "quote", f'expects text in quotes: `"{value.text}"`', (), f'"{value.text}"'))
    elif isinstance(value, TypeName):
        found.append(Fault(path, "type", "expects a value, not a type"))
    elif isinstance(value, Template | Mixed) and schema.get("template") is not True:
        found.append(Fault(path, "template", "takes no template: its value is known before a run"))


def check_range(schema: Schema, number: float, said: str, path: Path, found: list[Fault]) -> None:
    least, most, above = schema.get("minimum"), schema.get("maximum"), schema.get("exclusiveMinimum")
    if isinstance(least, int | float) and number < least:
        found.append(Fault(path, "range", f"expects {_amount(schema, least)} or more, not `{said}`"))
    elif isinstance(above, int | float) and number <= above:
        found.append(Fault(path, "range", f"expects more than {_amount(schema, above)}, not `{said}`"))
    elif isinstance(most, int | float) and number > most:
        found.append(Fault(path, "range", f"expects {_amount(schema, most)} or less, not `{said}`"))


def _amount(schema: Schema, number: float) -> str:
    return f"`{number}ms`" if schema.get("format") == "duration" else f"`{number}`"
