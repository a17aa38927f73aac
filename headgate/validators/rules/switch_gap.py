"""HG107: a value that no case of a switch takes."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Fix, Safety, Severity
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.splits import OTHER, Opaque, Scalar, domain, holds, only_path, shown, written
from headgate.validators.switches import ReadSwitch, switches


def check(context: Context) -> Iterator[Finding]:
    for switch in switches(context):
        conditions = [case.root for case in switch.cases if case.root is not None]
        if switch.otherwise or not conditions or len(conditions) < len(switch.cases):
            continue
        path = only_path(conditions)
        values = None if path is None else domain(context, path, switch.site, conditions)
        if path is None or values is None:
            continue
        try:
            gaps = [value for value in values.values if not any(holds(condition, value) for condition in conditions)]
        except Opaque:
            continue
        if gaps:
            yield _finding(switch, written(path), gaps)


def _finding(switch: ReadSwitch, path: str, gaps: list[Scalar]) -> Finding:
    name = switch.node.name
    value = gaps[0]
    when = f"`{path}` is {'no value of its cases' if value == OTHER else f'`{shown(value)}`'}"
    return RULE.finding(
        f"`{name}` leads nowhere when {when}: no case takes it, and there is no `else`",
        switch.node.step.name.span,
        note="not every value is taken",
        advice="add `else -> STEP`, to a step that does what is right for all other values",
        fixes=_fixes(switch),
        severity=Severity.WARNING if len(switch.cases) > 1 else Severity.NOTE,
    )


def _fixes(switch: ReadSwitch) -> tuple[Fix, ...]:
    """The last of several cases takes what is left."""
    if len(switch.cases) < 2:
        return ()
    last = switch.cases[-1].case
    assert last.condition is not None, "it has a condition"
    edit = Edit(Span(last.span.start, last.condition.span.end), "else")
    return (Fix(f"let all other values lead to `{last.target.text}`", Safety.UNSAFE, (edit,)),)


RULE = Rule(
    code="HG107",
    name="switch-gap",
    severity=Severity.WARNING,
    summary="a value that no case of a switch takes, where there is no `else`",
    explanation="""\
Cases are tried in order, and when none is true and there is no `else`, the switch leads nowhere: every step behind it
is skipped. Where all cases compare one value with constants, the rule tries a value of every stretch between them,
every choice of an enum, true and false, and names one that is left over. What a step's end rules out on the way to the
switch is not asked for: after a plain `after ask` nothing was denied.

One case without `else` is usually meant as a condition, and only noted: `when` on the step says the same.""",
    wrong="""\
workflow refund {
  input amount: number
  step size = switch {
    case {{ inputs.amount > 500 }} -> ask
    case {{ inputs.amount < 500 }} -> small
  }
  step ask = human approval { title = "Refund it?" }
  step small = set { reason = "below the limit" }
}
""",
    right="""\
workflow refund {
  input amount: number
  step size = switch {
    case {{ inputs.amount > 500 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund it?" }
  step small = set { reason = "below the limit" }
}
""",
    check=check,
)
