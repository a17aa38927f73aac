"""HG101: steps that wait for each other."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import GraphEdge, Ring
from headgate.diagnostics import Diagnostic, Label, Severity, WitnessStep
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        for ring in scope.rings:
            yield _finding(ring)


def _finding(ring: Ring) -> Diagnostic:
    """The ring from the edge that stands first in the text, every edge with what made it."""
    first = min(range(len(ring.edges)), key=lambda number: ring.edges[number].span)
    edges = ring.edges[first:] + ring.edges[:first]
    names = [edge.source for edge in edges] + [edges[0].source]
    path = " -> ".join(f"`{name}`" for name in names)
    stops = [WitnessStep(edges[0].source, "", edges[-1].span)]
    stops += [WitnessStep(edge.target, edge.origin, edge.span) for edge in edges]
    finding = RULE.finding(
        f"dependency cycle: {path}; none of them can start",
        edges[0].span,
        note=_reason(edges[0]),
        labels=tuple(Label(edge.span, _reason(edge)) for edge in edges[1:]),
        advice="remove one of these edges; to do something again, put the steps into a `repeat`",
    )
    return finding._replace(witness=tuple(stops))


def _reason(edge: GraphEdge) -> str:
    if edge.origin == "case":
        return f"case: `{edge.source}` leads to `{edge.target}`"
    if edge.origin == "reference":
        return f"reference: `{edge.target}` reads `steps.{edge.source}`"
    return f"after: `{edge.target}` runs after `{edge.source}`"


RULE = Rule(
    code="HG101",
    name="dependency-cycle",
    severity=Severity.ERROR,
    summary="steps that wait for each other in a ring",
    explanation="""\
A step starts when the steps before it have ended. In a ring each waits for the next, so none ever starts. An edge comes
from `after`, from a case of a switch, or from a reference to `steps.NAME`; the finding names each edge of the ring with
its source, so that you can see which one is too many. Work that is to be done again belongs into a `repeat`.""",
    wrong="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick, weigh { box = 1 }
  step weigh = set { grams = {{ steps.pack.result.box * 100 }} }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
  step weigh = set { grams = {{ steps.pack.result.box * 100 }} }
}
""",
    check=check,
)
