"""What a run is started with: texts of a command line and values of a file, made to fit the declared inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn

from headgate.api.faults import InputsMissing, UsageFault
from headgate.api.json_text import read_json
from headgate.diagnostics import nearest
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.view import is_secret


class Given(NamedTuple):
    """`texts` are `NAME=VALUE` of the command line, `values` JSON of a file; a text goes before a value."""

    texts: Mapping[str, str]
    values: JsonObject


NOTHING_GIVEN = Given({}, {})


def read_inputs(schema: JsonObject, given: Given) -> JsonObject:
    """The inputs of a run with their defaults; raises `UsageFault` for what does not fit, `InputsMissing` for gaps."""
    declared = schema.get("properties")
    properties: Mapping[str, Json] = declared if isinstance(declared, dict) else {}
    inputs: JsonObject = {**given.values}
    for name, text in given.texts.items():
        if name not in properties:
            _refuse_unknown(name, properties)
        inputs[name] = read_one(name, text, _property(properties, name))
    return complete_inputs(schema, inputs)


def complete_inputs(schema: JsonObject, inputs: JsonObject) -> JsonObject:
    """`inputs` with the declared defaults, checked against their schema; raises as `read_inputs`."""
    declared = schema.get("properties")
    properties: Mapping[str, Json] = declared if isinstance(declared, dict) else {}
    for name in inputs:
        if name not in properties:
            _refuse_unknown(name, properties)
    complete: JsonObject = {}
    for name in properties:
        rules = _property(properties, name)
        if name in inputs:
            complete[name] = inputs[name]
        elif "default" in rules:
            complete[name] = rules["default"]
    required = schema.get("required")
    missing = [name for name in (required if isinstance(required, list) else []) if name not in complete]
    if missing:
        names = ", ".join(f"`{name}`" for name in missing)
        these = "input %s is" if len(missing) == 1 else "inputs %s are"
        raise InputsMissing(
            f"the {these % names} required: -i NAME=VALUE or --inputs FILE gives values",
            {str(name): properties.get(str(name)) for name in missing},
        )
    _check(schema, complete)
    return complete


def read_one(name: str, text: str, rules: JsonObject, noun: str = "input") -> Json:
    """Text and choices are taken as they stand, everything else is read as JSON; raises `UsageFault`."""
    if _is_verbatim(rules):
        return text
    try:
        return read_json(text)
    except ValueError as error:
        got = "" if is_secret(rules) else f", got `{text[:60]}`: {error}"
        message = f"the {noun} `{name}` is {_type(rules)}: expected JSON{got}"
        raise UsageFault(message) from None


def _is_verbatim(rules: JsonObject) -> bool:
    choices = rules.get("enum")
    if isinstance(choices, list):
        return all(isinstance(choice, str) for choice in choices if choice is not None)
    kind = rules.get("type")
    kinds = set(kind) if isinstance(kind, list) else {kind}
    if kinds - {"null"} == {"string"}:
        return True
    either = rules.get("anyOf")
    if isinstance(either, list):
        options = [option for option in either if isinstance(option, dict) and option.get("type") != "null"]
        return bool(options) and all(_is_verbatim(option) for option in options)
    return False


def _type(rules: JsonObject) -> str:
    kind = rules.get("type", "any")
    return " or ".join(str(each) for each in kind) if isinstance(kind, list) else str(kind)


def _property(properties: Mapping[str, Json], name: str) -> JsonObject:
    rules = properties.get(name)
    return rules if isinstance(rules, dict) else {}


def _refuse_unknown(name: str, properties: Mapping[str, Json]) -> NoReturn:
    near = nearest(name, list(properties))
    known = ", ".join(f"`{each}`" for each in properties) or "none"
    hint = f"did you mean `{near}`?" if near else f"it has {known}"
    raise UsageFault(f"the workflow has no input `{name}`: {hint}")


def _check(schema: JsonObject, inputs: JsonObject) -> None:
    if not inputs:
        return
    from jsonschema.exceptions import UnknownType, best_match
    from jsonschema.validators import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    from headgate.kinds.mismatch import mismatch

    try:
        fault = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(inputs))
    except (Unresolvable, UnknownType, re.error, RecursionError) as error:
        raise UsageFault(f"the inputs' schema cannot be applied: {str(error).splitlines()[0]}") from None
    if fault is not None:
        place = ".".join(str(part) for part in fault.absolute_path)
        what = mismatch(fault)
        properties = schema.get("properties")
        if (
            fault.absolute_path
            and isinstance(properties, dict)
            and is_secret(properties.get(str(fault.absolute_path[0])))
        ):
            what = f"it breaks the declared `{fault.validator}` (a secret value is not shown)"
        raise UsageFault(f"the input `{place}` does not fit: {what}" if place else f"the inputs do not fit: {what}")
