"""What people fill in: their answers against the fields that they were asked for."""

from __future__ import annotations

import re

from headgate.diagnostics import nearest
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple


class Filled(NamedTuple):
    """`values` are the answers with the defaults of what was not answered; `faults` a sentence for each amiss."""

    values: JsonObject
    faults: tuple[str, ...]


def fill(schema: JsonObject | None, given: JsonObject) -> Filled:
    """The answers to a form whose fields are the properties of `schema`; None asks for nothing."""
    properties = fields_of(schema)
    faults = [_unknown(name, properties) for name in given if name not in properties]
    required = schema.get("required") if schema is not None else None
    needed = required if isinstance(required, list) else []
    values: JsonObject = {}
    for name, rules in properties.items():
        if name in given:
            values[name] = given[name]
            fault = _fault(rules, given[name])
            if fault is not None:
                faults.append(f"the field `{name}` does not fit: {fault}")
        elif "default" in rules:
            values[name] = rules["default"]
        elif name in needed:
            faults.append(f"the field `{name}` is required: {_expected(rules)}")
    return Filled(values, tuple(faults))


def defaults(schema: JsonObject | None) -> JsonObject:
    """What stands in the fields that nobody filled in."""
    return {name: rules["default"] for name, rules in fields_of(schema).items() if "default" in rules}


def fields_of(schema: JsonObject | None) -> dict[str, JsonObject]:
    """The fields by name, each with its JSON Schema."""
    properties = None if schema is None else schema.get("properties")
    if not isinstance(properties, dict):
        return {}
    return {name: rules if isinstance(rules, dict) else {} for name, rules in properties.items()}


def _unknown(name: str, properties: dict[str, JsonObject]) -> str:
    near = nearest(name, list(properties))
    known = ", ".join(f"`{each}`" for each in properties)
    hint = f"did you mean `{near}`?" if near else f"it has {known}" if known else "it asks for none"
    return f"there is no field `{name}`; {hint}"


def _expected(rules: JsonObject) -> str:
    choices, kind = rules.get("enum"), rules.get("type")
    about = rules.get("description") or rules.get("title")
    if isinstance(choices, list):
        expected = "one of " + ", ".join(str(choice) for choice in choices)
    elif isinstance(kind, list):
        expected = " or ".join(map(str, kind))
    else:
        expected = str(kind) if kind is not None else "a value"
    return f"{expected} ({about})" if about else expected


def _fault(rules: JsonObject, value: Json) -> str | None:
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import Draft202012Validator
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    from headgate.kinds.mismatch import mismatch

    try:
        Draft202012Validator.check_schema(rules)
        fault = best_match(Draft202012Validator(rules, registry=Registry()).iter_errors(value))
    except (SchemaError, Unresolvable, re.error, RecursionError) as error:
        return f"what is declared of it cannot be applied ({str(error).splitlines()[0]})"
    if fault is None:
        return None
    place = ".".join(str(part) for part in fault.absolute_path)
    return f"at `{place}`: {mismatch(fault)}" if place else mismatch(fault)
