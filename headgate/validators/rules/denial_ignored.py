"""HG605: an approval whose denial changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.approvals import disabled
from headgate.compiler.denials import ignored_denials
from headgate.diagnostics import Label, Severity
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.witness import witness


def check(context: Context) -> Iterator[Finding]:
    if context.workflow.broken:
        return  # what is lost may read the decision
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            edges = ignored_denials(context.graph).get(node.name, ())
            if not edges or disabled(node):
                continue
            first, target = edges[0], scope.nodes[edges[0].target]
            yield RULE.finding(
                f"`{target.name}` runs whatever is decided in `{node.name}`: nobody heeds a denial",
                first.span,
                note="runs after a denial, too",
                labels=(
                    Label(node.step.name.span, "asked here"),
                    *(Label(edge.span, "and here") for edge in edges[1:] if edge.target != first.target),
                ),
                witness=witness(context.workflow, [(node, None), (target, first)]),
                advice=f"write `after {node.name}`, or read `steps.{node.name}.result.decision` in a `switch`",
            )


RULE = Rule(
    code="HG605",
    name="denial-ignored",
    severity=Severity.ERROR,
    summary="the next step runs whatever was decided",
    explanation="""\
`after finished ask` goes on when the approval was given, when it was denied, and when nobody answered. When everything
that follows an approval does so, and nothing reads the decision, people are asked for an answer that changes nothing.
Wait for the approval with `after ask`, or read `steps.ask.result.decision` in a `switch` or in `when`.""",
    wrong="""\
workflow refund {
  input order: string
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step refund = http POST "https://shop.example.com/refunds" after finished ask {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
  }
}
""",
    right="""\
workflow refund {
  input order: string
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
  }
}
""",
    check=check,
)
