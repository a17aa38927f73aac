"""HG106: an empty workflow."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    workflow = context.workflow
    if not workflow.steps and not workflow.broken:
        yield RULE.finding(
            f"workflow `{workflow.name.text}` has no steps",
            workflow.name.span,
            note="expected at least one `step`",
            advice='write a first step, for example `step start = set { greeting = "hello" }`',
        )


RULE = Rule(
    code="HG106",
    name="no-steps",
    severity=Severity.ERROR,
    summary="an empty workflow",
    explanation="A workflow is its steps: without one there is nothing that a run could do.",
    wrong="""\
workflow greet {
  input name: string
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    check=check,
)
