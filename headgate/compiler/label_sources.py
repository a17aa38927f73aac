"""Where labels come in: what starts a run from outside, what is fetched, what a model writes, what is secret."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.cells import INPUT, RESULT, SECRET, TRIGGER, WHOLE, Cell
from headgate.compiler.effects import instance_at
from headgate.compiler.graph import Graph, Node
from headgate.compiler.inference import Known
from headgate.compiler.uses import uses
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.workspace.facts import opens_world

UNTRUSTED, MODEL_MADE = "untrusted", "model_made"

SURE, UNKNOWN_TOOL, NO_LOCK = 0, 1, 2
"""How sure an origin is: known, a tool of which nobody says it, a tool that no lock describes."""

_OUTSIDE = frozenset({"webhook", "event", "poll", "form"})


class Origin(NamedTuple):
    """Where a label comes in. `called` says it in a sentence; `stop` is its name on a path; `doubt` how sure it is."""

    label: str
    cell: Cell
    called: str
    stop: str
    span: Span
    doubt: int = SURE


def origins(graph: Graph, known: Known, label: str) -> Iterator[Origin]:
    """The places of a workflow where a label comes in, in the order of the file."""
    if label == SECRET:
        yield from _secrets(graph)
        return
    if label == UNTRUSTED:
        yield from _triggers(graph)
    for scope in graph.scopes:
        for node in scope.nodes.values():
            if reviewed(node, before=False):
                continue
            found = _model(node) if label == MODEL_MADE else _fetched(node, known)
            if found is not None:
                called, doubt = found
                cell = Cell(graph, RESULT, node.name, node)
                yield Origin(label, cell, called, node.name, node.step.name.span, doubt)


def reviewed(node: Node, *, before: bool) -> bool:
    """Whether a gate of the step shows a person its input (`before`), or its result."""
    for gate in node.step.gates:
        after = gate.position.text == "after" if gate.position is not None else gate.kind.text == "review"
        if after is not before:
            return True
    return False


def enabled(trigger: ast.Trigger) -> bool:
    """Whether a trigger starts runs."""
    return not any(
        one.name.text == "enabled" and isinstance(one.value, ast.Boolean) and not one.value.value
        for one in trigger.attributes
    )


def _triggers(graph: Graph) -> Iterator[Origin]:
    first = True
    for trigger in graph.workflow.triggers:
        if trigger.kind.text not in _OUTSIDE or not enabled(trigger):
            continue
        name = trigger.name.text
        for each in (name, WHOLE) if first else (name,):
            cell = Cell(graph, TRIGGER, each)
            called = f"the payload of trigger `{name}`"
            yield Origin(UNTRUSTED, cell, called, f"trigger {name}", trigger.name.span)
        first = False


def _secrets(graph: Graph) -> Iterator[Origin]:
    for one in graph.workflow.inputs:
        if is_secret(one):
            name = one.name.text
            cell = Cell(graph, INPUT, name)
            yield Origin(SECRET, cell, f"the secret input `{name}`", f"inputs.{name}", one.name.span)
    seen: set[str] = set()
    for use in uses(graph):
        if use.expression is None or "secrets" not in use.template.expression:
            continue
        for found in use.expression.references:
            if found.root == "secrets" and len(found.segments) > 1 and found.segments[1].name not in seen:
                name = found.segments[1].name
                seen.add(name)
                start = use.template.inner.start
                place = Span(start + found.start, start + found.end)
                yield Origin(SECRET, Cell(graph, SECRET, name), f"`secrets.{name}`", f"secrets.{name}", place)


def is_secret(one: ast.Input) -> bool:
    """Whether an input is marked `secret`."""
    return any(
        attribute.name.text == "secret" and isinstance(attribute.value, ast.Boolean) and attribute.value.value
        for attribute in one.attributes
    )


def _model(node: Node) -> tuple[str, int] | None:
    if node.kind == "llm":
        return f"what the model wrote in `{node.name}`", SURE
    return (f"what the agent wrote in `{node.name}`", SURE) if node.kind == "agent" else None


def _fetched(node: Node, known: Known) -> tuple[str, int] | None:
    match node.kind:
        case "http":
            return f"what `{node.name}` got from the web", SURE
        case "wait":
            return f"the payload of the event that `{node.name}` waited for", SURE
        case "agent":
            return f"what the agent brought back in `{node.name}`", SURE
        case "mcp":
            return _tool(node, known)
        case _:
            return None


def _tool(node: Node, known: Known) -> tuple[str, int] | None:
    written = node.written
    instance = written.word("instance") or instance_at(written.word("server_url"), known.workspace)
    tool = written.word("tool")
    if instance is None or tool is None:
        return None
    opens = opens_world(known.workspace, known.lock, instance, tool)
    if opens is None:
        locked = known.lock is not None and tool in known.lock.instances.get(instance, {})
        called = f"what `{node.name}` got from `{instance}.{tool}`"
        return called, UNKNOWN_TOOL if locked else NO_LOCK
    return (f"what `{node.name}` got from the web by `{instance}.{tool}`", SURE) if opens else None
