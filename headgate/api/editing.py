"""`retry --edit NAME=VALUE`: attributes of a step, written as the language writes them, for its next attempt."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.api.edit_references import reference_fault
from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.place import Place
from headgate.api.site import Site, find_run, translated
from headgate.diagnostics import nearest
from headgate.plan import Json, JsonObject, Plan, PlanIntegrity
from headgate.runtime.loading import PlanShelf, load_state


def read_edits(run: str, step: str, edits: Iterable[tuple[str, str]], place: Place) -> JsonObject:
    """The changed attributes of a step, as its plan would store them.

    Raises `UsageFault` for what does not fit the step's kind or refers to what is not there, or does not come before;
    `Refused` when the run has no such step.
    """
    site = Site(place)
    plan, kind = _step_of(run, step, site)
    found: JsonObject = {}
    for name, text in edits:
        found[name] = _read(name, text, kind)
        fault = reference_fault(plan, step, name, found[name], site.workspace)
        if fault is not None:
            raise UsageFault(f"`{name}` cannot be edited so: {fault}")
    return found


def _step_of(run: str, path: str, site: Site) -> tuple[Plan, str]:
    with translated():
        store = site.existing_store()
        try:
            row = store.read.run(find_run(store.read, run))
            assert row is not None, "a run that was found is there"
            state = load_state(store.read, PlanShelf(store.read), row)
        except PlanIntegrity as fault:
            raise NothingStarted(f"PLAN_INTEGRITY: {fault}") from fault
        finally:
            store.close()
    step = state.steps.get(path)
    if step is None:
        raise Refused("NO_SUCH_STEP", f"the run has no step `{path}`: `headgate show {run}` lists them")
    return state.plan, step.plan.kind


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
