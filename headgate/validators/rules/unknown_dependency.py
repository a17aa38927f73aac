"""HG104: an edge to a step that does not exist, or that is out of reach."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Dangling, Node
from headgate.diagnostics import Diagnostic, Fix, Severity, nearest, replace
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            for dangling in node.dangling:
                if dangling.reason == "unknown" and dangling.name not in context.workflow.lost:
                    yield _unknown(dangling, node)
                elif dangling.reason == "outside":
                    yield _outside(dangling, node, context)


def _unknown(dangling: Dangling, node: Node) -> Diagnostic:
    candidates = tuple(name for name in node.scope.nodes if name != node.name)
    guess = nearest(dangling.name, candidates)
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", dangling.span, guess),) if guess else ()
    written = "after" if dangling.origin == "after" else "->"
    expected = f"did you mean `{guess}`?" if guess else "expected the name of a step beside this one"
    return RULE.finding(
        f"`{written}` names no step `{dangling.name}`; {expected}", dangling.span, note="no such step", fixes=fixes
    )


def _outside(dangling: Dangling, node: Node, context: Context) -> Diagnostic:
    """The step exists, but in a loop that this one is not in, or around the loop that this one is in."""
    holder = None
    for scope in context.graph.scopes:
        if dangling.name in scope.nodes and scope.loop is not None:
            holder = scope.loop.name
    around = node.scope.parent is not None and node.scope.parent.find(dangling.name) is not None
    if around:
        reason = f"`{dangling.name}` stands outside the loop of `{node.name}` and has ended before it"
        advice = f"put the edge on the loop `{node.scope.loop.name}`" if node.scope.loop else ""
    else:
        reason = f"`{dangling.name}` stands inside the loop `{holder}`, out of reach of `{node.name}`"
        advice = f"name the loop `{holder}` itself: it ends when all its rounds have ended"
    return RULE.finding(f"{reason}; an edge joins steps of one level", dangling.span, advice=advice)


RULE = Rule(
    code="HG104",
    name="unknown-dependency",
    severity=Severity.ERROR,
    summary="`after` or `->` names no step",
    explanation="""\
`after NAME` and `case ... -> NAME` name a step of the same level: of the workflow, or of the same loop's body. A name
that no step has would leave the step waiting for ever, or the case leading nowhere.""",
    wrong="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pik { box = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
}
""",
    check=check,
)
