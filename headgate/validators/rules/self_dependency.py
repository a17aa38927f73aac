"""HG105: a step that waits for itself, or a switch that leads to itself."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            for dangling in node.dangling:
                if dangling.reason != "self":
                    continue
                if dangling.origin == "case":
                    yield RULE.finding(
                        f"the switch `{node.name}` leads back to itself, so it can never go on",
                        dangling.span,
                        note="this is the switch itself",
                        advice="lead to the step that comes next; to try again, use a `repeat`",
                    )
                else:
                    yield RULE.finding(
                        f"`{node.name}` runs after itself, so it can never start",
                        dangling.span,
                        note="this is the step itself",
                        advice="name the step that comes before, or remove the edge",
                    )


RULE = Rule(
    code="HG105",
    name="self-dependency",
    severity=Severity.ERROR,
    summary="a step `after` itself, or a switch that feeds back on itself",
    explanation="""\
A step that waits for its own end never starts. A switch cannot lead to itself either: nothing is tried twice in a
workflow but by `retry` (the same attempt again) and `repeat` (the same steps again).""",
    wrong="""\
workflow order {
  step pick = set { amount = 700 }
  step size = switch after pick {
    case {{ steps.pick.result.amount > 500 }} -> size
    else -> pack
  }
  step pack = set { box = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { amount = 700 }
  step size = switch after pick {
    case {{ steps.pick.result.amount > 500 }} -> ask
    else -> pack
  }
  step ask = human approval { title = "Pack this?" }
  step pack = set { box = 1 }
}
""",
    check=check,
)
