"""HG805: a step that causes what starts this workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler.effects import SAFE_METHODS
from headgate.compiler.graph import Graph, GraphEdge, Node
from headgate.compiler.label_sources import enabled
from headgate.compiler.written import Written, of_trigger
from headgate.diagnostics import Label, Severity
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.witness import witness

_EVENT_KEYS = frozenset({"event", "event_name", "event_type", "name", "type", "topic", "subject", "channel", "signal"})
_EMITS = frozenset({"emit", "publish", "signal", "dispatch", "raise", "produce", "fire", "trigger"})
_HOLE = "\x00"


class _Start(NamedTuple):
    """What starts the workflow: a `webhook` at the path `name` behind `/hooks/`, or the `event` of that name."""

    trigger: ast.Trigger
    sort: str
    name: str


class _Cause(NamedTuple):
    """A step that does it, at `span`; `steps` are the calls that lead there."""

    node: Node
    span: Span
    calls: tuple[Node, ...] = ()


def check(context: Context) -> Iterator[Finding]:
    starts = [start for trigger in context.workflow.triggers if (start := _start(context, trigger)) is not None]
    if not starts or any(scope.rings for scope in context.graph.scopes):
        return
    for start in starts:
        for cause in _causes(context.graph, start, context, ()):
            yield _finding(context, start, cause)


def _start(context: Context, trigger: ast.Trigger) -> _Start | None:
    """What a trigger waits for; None for one that is off, or that a `when` keeps from being started by anything."""
    said = of_trigger(trigger)
    if trigger.broken or not enabled(trigger) or said.get("when") is not None:
        return None
    if trigger.kind.text == "event":
        name = said.word("event")
        return _Start(trigger, "event", name) if name else None
    if trigger.kind.text != "webhook":
        return None
    path = said.word("path") if said.get("path") is not None else f"{context.workflow.name.text}/{trigger.name.text}"
    return _Start(trigger, "webhook", path.strip("/")) if path else None


def _causes(graph: Graph, start: _Start, context: Context, calls: tuple[Node, ...]) -> Iterator[_Cause]:
    for scope in graph.scopes:
        for node in scope.nodes.values():
            said = node.written
            if node.step.broken or _is_off(said):
                continue
            child = context.graphs.get(said.word("workflow") or "") if node.kind == "call" else None
            if child is not None and child is not context.graph and all(_calls(one) != _calls(node) for one in calls):
                yield from _causes(child, start, context, (*calls, node))
            span = _does(node, said, start)
            if span is not None:
                yield _Cause(node, span, calls)


def _calls(node: Node) -> str | None:
    return node.written.word("workflow")


def _is_off(said: Written) -> bool:
    value = said.get("enabled")
    return isinstance(value, ast.Boolean) and not value.value


def _does(node: Node, said: Written, start: _Start) -> Span | None:
    """Where a step says that it causes the start, None when it does not."""
    if node.kind == "http" and said.word("method") not in SAFE_METHODS:
        return _request(said, start)
    if node.kind == "mcp" and start.sort == "event":
        words = set(re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", said.word("tool") or "").lower()))
        if words & _EMITS or {"send", "event"} <= words:
            return _named(said.get("args"), start.name)
    return None


def _request(said: Written, start: _Start) -> Span | None:
    url = said.get("url")
    if not isinstance(url, ast.Text):
        return None
    text = "".join(part.text if isinstance(part, ast.Literal) else _HOLE for part in url.parts)
    path = re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/")
    if start.sort == "webhook":
        return url.span if path.endswith(f"/hooks/{start.name}") else None
    if re.search(rf"/(?:events?|signals?)/{re.escape(start.name)}$", path):
        return url.span
    return _named(said.get("body"), start.name) if re.search(r"/(?:events?|signals?)$", path) else None


def _named(value: ast.Value | None, name: str) -> Span | None:
    """The entry of a map that names the event."""
    for entry in value.entries if isinstance(value, ast.Map) else ():
        if entry.key.text.lower() in _EVENT_KEYS and isinstance(entry.value, ast.Text) and entry.value.plain == name:
            return entry.value.span
    return None


def _finding(context: Context, start: _Start, cause: _Cause) -> Finding:
    does = f"posts to `/hooks/{start.name}`" if start.sort == "webhook" else f"sends the event `{start.name}`"
    name = start.trigger.name.text
    first = cause.calls[0] if cause.calls else cause.node
    through = f" (called by `{first.name}`)" if cause.calls else ""
    path = [*_route(first), *((node, None) for node in (*cause.calls[1:], cause.node) if node is not first)]
    return RULE.finding(
        f"`{cause.node.name}`{through} {does}, which starts this workflow again by trigger `{name}`",
        cause.span,
        note="every run would start the next one",
        labels=(Label(start.trigger.name.span, "it starts here"),),
        advice=f"send it elsewhere, or let a `when` of the trigger `{name}` leave out what this workflow sends",
        witness=witness(context.workflow, path, name),
    )


def _route(node: Node) -> list[tuple[Node, GraphEdge | None]]:
    """A way from a first step to this one, through the loops around it."""
    found: list[tuple[Node, GraphEdge | None]] = []
    here: Node | None = node
    while here is not None:
        edge = next(iter(here.edges), None)
        found.insert(0, (here, edge))
        here = here.scope.loop if edge is None else here.scope.nodes[edge.source]
    return found


RULE = Rule(
    code="HG805",
    name="self-trigger",
    severity=Severity.ERROR,
    summary="a step causes the event or the request that starts this workflow",
    explanation="""\
A run that sends the event its own trigger waits for, or posts to its own webhook, starts the next run, and that the one
after it, without end. It is found where the text proves it: a request to `/hooks/` and the trigger's path, a request or
a tool call that sends the event of the trigger's name, also in workflows of this file that are called. A `when` of the
trigger that leaves out what the workflow itself sends breaks the ring.""",
    wrong="""\
workflow order {
  trigger paid = webhook { path = "orders" }
  step again = http POST "https://flows.example.com/hooks/orders" { body = { order = {{ trigger.body.order }} } }
}
""",
    right="""\
workflow order {
  trigger paid = webhook { path = "orders", when = {{ trigger.body.source != "headgate" }} }
  step again = http POST "https://flows.example.com/hooks/orders" { body = { source = "headgate" } }
}
""",
    check=check,
)
