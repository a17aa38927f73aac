"""HG104: an edge to a step that does not exist, or that is out of reach."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Dangling, Node, Scope
from headgate.diagnostics import Diagnostic, Fix, Severity, nearest, replace
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            for dangling in node.dangling:
                if dangling.reason == "self" or dangling.name in context.workflow.lost:
                    continue
                known = [other for other in context.graph.scopes if dangling.name in other.nodes]
                yield _out_of_reach(dangling, node, known[0]) if known else _unknown(dangling, node)


def _unknown(dangling: Dangling, node: Node) -> Diagnostic:
    candidates = tuple(name for name in node.scope.nodes if name != node.name)
    guess = nearest(dangling.name, candidates)
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", dangling.span, guess),) if guess else ()
    written = "after" if dangling.origin == "after" else "->"
    expected = f"did you mean `{guess}`?" if guess else "expected the name of a step beside this one"
    return RULE.finding(
        f"`{written}` names no step `{dangling.name}`; {expected}", dangling.span, note="no such step", fixes=fixes
    )


def _out_of_reach(dangling: Dangling, node: Node, where: Scope) -> Diagnostic:
    """The step exists, in a loop that this one is not in, or around the loop that this one is in."""
    around = [loop.name for loop in _loops_around(node)]
    if dangling.name in around:
        reason = f"`{dangling.name}` is the loop that `{node.name}` is part of"
        advice = "remove the edge: the step belongs to each round"
    elif where.loop is None or where.loop.name in around:
        reason = f"`{dangling.name}` stands outside the loop of `{node.name}`"
        advice = f"put the edge on the loop `{around[0]}`, so that it starts after `{dangling.name}`"
    else:
        reason = f"`{dangling.name}` stands inside the loop `{where.loop.name}`, out of reach of `{node.name}`"
        advice = f"name the loop `{where.loop.name}` itself: it ends when all its rounds have ended"
    return RULE.finding(f"{reason}; an edge joins steps of one level", dangling.span, advice=advice)


def _loops_around(node: Node) -> Iterator[Node]:
    """The loops that hold a step, the innermost first."""
    loop = node.scope.loop
    while loop is not None:
        yield loop
        loop = loop.scope.loop


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
