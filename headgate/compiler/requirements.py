"""What a plan needs to be bound before it runs, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headgate.expressions import ExpressionError, parse
from headgate.grammar import ast
from headgate.plan import JsonObject, PlanStep

SORTS = {"instances": "instance", "connections": "connection", "models": "model", "agents": "agent"}


def requirements(steps: Mapping[str, PlanStep], triggers: JsonObject, templates: Iterable[ast.Template]) -> JsonObject:
    """`requires` of a plan: sorted names of instances, connections, models, agents, secrets and workflows."""
    found: dict[str, set[str]] = {name: set() for name in (*SORTS, "secrets", "workflows")}
    _of_steps(steps, found)
    for trigger in triggers.values():
        config = trigger["config"] if isinstance(trigger, dict) else None
        if isinstance(config, dict) and isinstance(config.get("instance"), str):
            found["instances"].add(str(config["instance"]))
    for template in templates:
        found["secrets"].update(_secrets(template))
    return {name: [*sorted(names)] for name, names in found.items()}


def _of_steps(steps: Mapping[str, PlanStep], found: dict[str, set[str]]) -> None:
    for step in steps.values():
        for sort, attribute in SORTS.items():
            named = step.config.get(attribute)
            if step.kind != "set" and isinstance(named, str):
                found[sort].add(named)
        called = step.config.get("workflow")
        if step.kind == "call" and isinstance(called, str):
            found["workflows"].add(called)
        if step.body is not None:
            _of_steps(step.body.steps, found)


def _secrets(template: ast.Template) -> Iterable[str]:
    if "secrets" not in template.expression:
        return ()
    try:
        expression = parse(template.expression)
    except ExpressionError as error:
        raise AssertionError("a rule has seen that the template can be read") from error
    return [
        reference.segments[1].name
        for reference in expression.references
        if reference.root == "secrets" and len(reference.segments) > 1
    ]
