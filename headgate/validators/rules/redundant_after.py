"""HG109: an `after` that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import GraphEdge, Node
from headgate.compiler.implied import MOST_STEPS, Implied
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.validators.edits import without_edge
from headgate.validators.rule import Context, Finding, NotChecked, Rule


def check(context: Context) -> Iterator[Finding]:
    if context.workflow.broken:
        return
    for scope in context.graph.scopes:
        several = [node for node in scope.nodes.values() if len(node.step.edges) > 1]
        if not several or scope.rings:
            continue
        if len(scope.nodes) > MOST_STEPS:
            yield NotChecked(f"there are more than {MOST_STEPS:,} steps", several[0].step.name.span)
            continue
        implied = Implied(scope)
        for node in several:
            for edge, other in implied.redundant(node):
                yield _finding(context, node, edge, other)


def _finding(context: Context, node: Node, edge: GraphEdge, other: GraphEdge) -> Finding:
    written = next(one for one in node.step.edges if one.target.span == edge.span)
    removed = without_edge(context.source.text, node.step, written)
    return RULE.finding(
        f"`{node.name}` comes after `{edge.source}` already: it waits for `{other.source}`, which follows it",
        edge.span,
        note="changes nothing",
        labels=(Label(other.span, "implies it"),),
        fixes=(Fix(f"remove the edge from `{edge.source}`", Safety.SAFE, (Edit(removed, ""),)),),
    )


RULE = Rule(
    code="HG109",
    name="redundant-after",
    severity=Severity.NOTE,
    summary="an edge that another one implies",
    explanation="""\
When `b` comes after `a`, a step that waits for `b` waits for `a` as well: its own edge from `a` says nothing new. Only
edges that change nothing in any run are found: with a condition, a branch or `join = any` between them, or when the
step reads the result of `a`, both may be needed.""",
    wrong="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
  step send = set after pick, pack { to = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
  step send = set after pack { to = 1 }
}
""",
    check=check,
)
