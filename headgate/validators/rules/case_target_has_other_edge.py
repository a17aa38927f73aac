"""HG112: a step that a case names and that something else starts too."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import GraphEdge, Node, Scope
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.validators.edits import without_edge
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        led: dict[str, frozenset[str]] = {}
        following: dict[str, list[str]] | None = None
        for node in scope.nodes.values():
            cases = [edge for edge in node.control if edge.origin == "case"]
            others = [edge for edge in node.control if edge.origin == "after"]
            if not cases or not others:
                continue
            following = following if following is not None else _following(scope)
            for case in cases:
                if case.source not in led:
                    led[case.source] = _reached(following, case.source)
            inside = frozenset[str]().union(*(led[case.source] for case in cases))
            outside = {edge.span: edge for edge in reversed(others) if edge.source not in inside}
            for edge in sorted(outside.values(), key=lambda one: one.span):
                yield _finding(context, node, edge, cases[0])


def _finding(context: Context, node: Node, edge: GraphEdge, case: GraphEdge) -> Finding:
    fixes: tuple[Fix, ...] = ()
    written = next((one for one in node.step.edges if edge.span in (one.span, one.target.span)), None)
    if written is not None and not edge.star:
        removed = without_edge(context.source.text, node.step, written)
        fixes = (Fix(f"remove the edge from `{edge.source}`", Safety.SAFE, (Edit(removed, ""),)),)
    return RULE.finding(
        f"`{node.name}` is a case of `{case.source}`, so it cannot also run after `{edge.source}`",
        edge.span,
        note="would start it when its case is not taken",
        labels=(Label(case.span, f"`{case.source}` leads to it here"),),
        advice=f"only steps that `{case.source}` leads to may stand here; a reference orders the step already",
        fixes=fixes,
    )


def _following(scope: Scope) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {}
    for node in scope.nodes.values():
        for edge in node.edges or node.control:
            if edge.on != "read":
                following.setdefault(edge.source, []).append(node.name)
    return following


def _reached(following: dict[str, list[str]], start: str) -> frozenset[str]:
    """The steps that `start` leads to, without itself unless it is in a ring."""
    reached: set[str] = set()
    waiting = list(following.get(start, ()))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += following.get(name, ())
    return frozenset(reached)


RULE = Rule(
    code="HG112",
    name="case-target-has-other-edge",
    severity=Severity.ERROR,
    summary="a step that a case names, with an `after` from outside that switch",
    explanation="""\
A step that a case names runs when the case is taken. An `after` from elsewhere would start it although its case was not
taken. Only steps that the same switch leads to may stand in its `after`; to read another step's result, refer to it: a
reference orders the step, and does not start it.""",
    wrong="""\
workflow order {
  step pick = set { amount = 700 }
  step stock = set after pick { left = 3 }
  step size = switch after pick {
    case {{ steps.pick.result.amount > 500 }} -> ask
    else -> pack
  }
  step ask = human approval { title = "Pack this?" }
  step pack = set after stock { box = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { amount = 700 }
  step stock = set after pick { left = 3 }
  step size = switch after pick {
    case {{ steps.pick.result.amount > 500 }} -> ask
    else -> pack
  }
  step ask = human approval { title = "Pack this?" }
  step pack = set { box = {{ steps.stock.result.left }} }
}
""",
    check=check,
)
