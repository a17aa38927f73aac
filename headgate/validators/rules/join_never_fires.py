"""HG110: control edges none of which can ever be live."""

from __future__ import annotations

from collections.abc import Iterator

from headgate import kinds
from headgate.compiler.graph import GraphEdge, Node, Scope
from headgate.compiler.outcomes import edge_ends
from headgate.compiler.paths import certainty, never_starts
from headgate.diagnostics import Label, Severity
from headgate.validators.rule import Context, Finding, Rule

_PARTIAL = frozenset({"failed", "denied", "finished"})


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        unclear = _unclear(scope)
        never: set[str] = set()
        for name in scope.order:
            node = scope.nodes[name]
            if not node.control or name in unclear:
                continue
            if any(edge.source in never for edge in node.control):
                never.add(name)  # a consequence, if it is one
                continue
            reasons = _reasons(context, node)
            if reasons:
                never.add(name)
                yield _finding(node, reasons)


def _unclear(scope: Scope) -> set[str]:
    """Steps of which not all is known, and what follows them; a catch-all is for whatever is added later, too."""
    found: set[str] = set()
    for name in scope.order:
        node = scope.nodes[name]
        known = not (node.dangling or node.stars or node.step.broken)
        if not known or kinds.kind(node.kind) is None or any(edge.source in found for edge in node.edges):
            found.add(name)
    return found


def _reasons(context: Context, node: Node) -> list[tuple[GraphEdge, str]]:
    """Why no edge is ever live, each edge with its reason; empty when the step may start."""
    facts = certainty(context.graph, node.scope)
    reasons: list[tuple[GraphEdge, str]] = []
    for edge in node.control:
        source = node.scope.nodes[edge.source]
        stage = facts.stages[facts.position[edge.source]]
        if edge_ends(edge, stage.own).live & stage.possible:
            continue
        if edge.on != "denied" and not (edge.on in ("case", "else") and source.kind == "switch"):
            return []  # it could fail after a change to it; it ends the run, which HG103 says; HG005 has the case
        reasons.append((edge, _why_dead(edge, source)))
    if len(reasons) == len(node.control):
        return reasons
    if len(node.control) > 1 and any(edge.on in _PARTIAL for edge in node.control):
        return _never_together(context, node)
    return []


def _why_dead(edge: GraphEdge, source: Node) -> str:
    if edge.on == "denied":
        return f"`{source.name}` cannot be denied: no approval stands in it"
    return f"`{source.name}` never takes this case: it is disabled"


def _never_together(context: Context, node: Node) -> list[tuple[GraphEdge, str]]:
    """Every edge may be live, but the others are dead then by a failure or a denial."""
    if not never_starts(context.graph, node):
        return []
    why = "whenever one of its edges is live, another is dead by a failure or a denial"
    return [(edge, why) for edge in node.control[:1]]


def _finding(node: Node, reasons: list[tuple[GraphEdge, str]]) -> Finding:
    first, why = reasons[0]
    return RULE.finding(
        f"`{node.name}` can never start: {why}",
        first.span,
        note="never live",
        labels=tuple(Label(edge.span, reason) for edge, reason in reasons[1:]),
        advice=_advice(node, first),
    )


def _advice(node: Node, edge: GraphEdge) -> str:
    asking = _asked_before(node.scope, edge.source) if edge.on == "denied" else None
    if asking is not None:
        return f"write `after denied {asking}`: that is the step that people deny, and what follows it is skipped"
    if len(node.control) > 1 and edge.on not in ("denied", "case", "else"):
        return "write `join = any` to start at the first live edge, or wait for another outcome"
    return "wait for another outcome, for example `after finished STEP`, or remove the step"


def _asked_before(scope: Scope, name: str) -> str | None:
    """The nearest step before one that asks people."""
    seen, open_names = {name}, [name]
    for each in open_names:
        for edge in scope.nodes[each].edges:
            source = scope.nodes[edge.source]
            if source.kind == "human" or source.step.gates:
                return source.name
            if source.name not in seen:
                seen.add(source.name)
                open_names.append(source.name)
    return None


RULE = Rule(
    code="HG110",
    name="join-never-fires",
    severity=Severity.ERROR,
    summary="control edges that nothing can make live",
    explanation="""\
A step starts when at least one of its control edges is live and, with `join = all`, none is dead by a failure or a
denial. `after denied x` is live when a person denied `x` itself, which takes an approval in it: what follows a denied
step is skipped, not denied. When no choice of cases, failures and decisions makes a step's edges live, it would be
skipped in every run.""",
    wrong="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders/1"
  step sorry = set after denied pick { text = "denied" }
}
""",
    right="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders/1" {
    gate approval { ask = "Read the order?" }
  }
  step sorry = set after denied pick { text = "denied" }
}
""",
    check=check,
)
