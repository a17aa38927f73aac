"""The path that proves a finding, as the stops of a witness: `trigger nightly -> charge -> size (else) -> refund`."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.compiler.graph import GraphEdge, Node
from headgate.diagnostics import WitnessStep
from headgate.grammar import ast

_PLAIN = frozenset({"completed", "read"})


def witness(
    workflow: ast.Workflow, path: Iterable[tuple[Node, GraphEdge | str | None]], trigger: str | None = None
) -> tuple[WitnessStep, ...]:
    """The stops of a path through the graph, each step with the edge it was entered by, in the order of a run.

    The first stop is the trigger of that name, or the first that is enabled; a workflow without triggers begins at its
    first step. An edge is a `GraphEdge`, None for a first step or the first of a body, or what to say of it in a word.
    """
    stops = [WitnessStep(node.name, _entered(edge), node.step.name.span) for node, edge in path]
    start = _trigger(workflow, trigger)
    if start is not None:
        stops.insert(0, WitnessStep(f"trigger {start.name.text}", "", start.name.span))
    return tuple(stops)


def _entered(edge: GraphEdge | str | None) -> str:
    """How a step was entered: `""` for a plain edge, `else`, `case 2`, `failed`, `denied` or `finished`."""
    if edge is None or isinstance(edge, str):
        return edge or ""
    if edge.on == "case":
        return f"case {(edge.case or 0) + 1}"
    return "" if edge.on in _PLAIN else edge.on


def _trigger(workflow: ast.Workflow, name: str | None) -> ast.Trigger | None:
    """The trigger of that name; else the first that starts runs, None when there is none."""
    for trigger in workflow.triggers:
        if trigger.name.text == name or (name is None and not _disabled(trigger)):
            return trigger
    return None


def _disabled(trigger: ast.Trigger) -> bool:
    return any(
        attribute.name.text == "enabled" and isinstance(attribute.value, ast.Boolean) and not attribute.value.value
        for attribute in trigger.attributes
    )
