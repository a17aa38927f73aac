"""HG110: control edges none of which can ever be live."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import GraphEdge, Node, Scope
from headgate.diagnostics import Label, Severity
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        deniable = _deniable(scope)
        for node in scope.nodes.values():
            if not node.control or node.dangling or node.stars:
                continue  # a catch-all is for whatever is added later, too
            dead = [(edge, _why_dead(edge, scope, deniable)) for edge in node.control]
            reasons = [(edge, reason) for edge, reason in dead if reason is not None]
            if len(reasons) == len(dead):
                yield _finding(node, reasons)


def _why_dead(edge: GraphEdge, scope: Scope, deniable: set[str]) -> str | None:
    """Why an edge is never live, or None when it may be."""
    source = scope.nodes[edge.source]
    if edge.on == "denied" and source.name not in deniable:
        return f"`{source.name}` cannot be denied: no approval stands in it or before it"
    return None


def _deniable(scope: Scope) -> set[str]:
    """The steps that may end denied: those that ask a person, and what waits for their completion."""
    found: set[str] = set()
    for name in scope.order or tuple(scope.nodes):
        node = scope.nodes[name]
        asks = node.kind == "human" or bool(node.step.gates) or node.step.broken
        if asks or any(edge.source in found for edge in node.edges if edge.on not in ("read", "denied")):
            found.add(name)
    return found | (set(scope.nodes) - set(scope.order))


def _finding(node: Node, reasons: list[tuple[GraphEdge, str]]) -> Finding:
    first, why = reasons[0]
    return RULE.finding(
        f"`{node.name}` can never start: {why}",
        first.span,
        note="never live",
        labels=tuple(Label(edge.span, reason) for edge, reason in reasons[1:]),
        advice="wait for another outcome, for example `after finished STEP`, or remove the step",
    )


RULE = Rule(
    code="HG110",
    name="join-never-fires",
    severity=Severity.ERROR,
    summary="control edges that nothing can make live",
    explanation="""\
A step starts when at least one of its control edges is live. `after denied x` is live when a person denied `x`, which
takes an approval. When none of a step's edges can ever be live, the step would be
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
