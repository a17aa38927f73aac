"""`retry --edit NAME=VALUE`: attributes of a step, written as the language writes them, for its next attempt."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.api import history
from headgate.api.faults import Refused, UsageFault
from headgate.api.place import Place
from headgate.diagnostics import nearest
from headgate.plan import Json, JsonObject


def read_edits(run: str, step: str, edits: Iterable[tuple[str, str]], place: Place) -> JsonObject:
    """The changed attributes of a step, as its plan would store them.

    Raises `UsageFault` for what does not fit the step's kind, `Refused` when the run has no such step.
    """
    found = history.show(run, place).steps.get(step)
    if found is None:
        raise Refused("NO_SUCH_STEP", f"the run has no step `{step}`: `headgate show {run}` lists them")
    return {name: _read(name, text, found.kind) for name, text in edits}


def _read(name: str, text: str, kind_name: str) -> Json:
    from headgate import kinds
    from headgate.compiler.encoding import encode
    from headgate.compiler.values import neutral
    from headgate.grammar.parse import parse_value

    kind = kinds.kind(kind_name)
    if kind is None:
        raise UsageFault(f"nothing here knows the kind `{kind_name}`: install the package that brings it")
    attribute = kind.attribute(name)
    if attribute is None:
        near = nearest(name, list(kind.attributes))
        known = ", ".join(f"`{each}`" for each in kind.attributes)
        hint = f"did you mean `{near}`?" if near else f"it has {known}"
        raise UsageFault(f"`{kind_name}` has no attribute `{name}` to edit: {hint}")
    value, diagnostics = parse_value(text)
    if value is None:
        message = diagnostics[0].message if diagnostics else "expected a value"
        raise UsageFault(f"`{name}` is edited to what is no value of the language: {message}; quote text: '\"...\"'")
    faults = attribute.faults(neutral(value))
    if faults:
        raise UsageFault(f"`{name}` does not fit: {faults[0].message}")
    encoded = encode(value, attribute.schema)
    _check_templates(name, encoded)
    return encoded


def _check_templates(name: str, value: Json) -> None:
    from headgate.expressions import ExpressionError, parse, split

    if isinstance(value, str) and "{{" in value:
        try:
            for part in split(value):
                if not isinstance(part, str):
                    parse(part.text)
        except ExpressionError as error:
            raise UsageFault(f"`{name}` holds a template that does not parse: {error.message}") from error
    elif isinstance(value, list):
        for item in value:
            _check_templates(name, item)
    elif isinstance(value, dict) and "$raw" not in value:
        for item in value.values():
            _check_templates(name, item)
