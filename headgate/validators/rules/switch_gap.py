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
            yield _finding(context, switch, written(path), gaps)


def _finding(context: Context, switch: ReadSwitch, path: str, gaps: list[Scalar]) -> Finding:
    name = switch.node.name
    value = gaps[0]
    when = f"`{path}` is {'no value of its cases' if value == OTHER else f'`{shown(value)}`'}"
    return RULE.finding(
        f"`{name}` leads nowhere when {when}: no case takes it, and there is no `else`",
        switch.node.step.name.span,
        note="not every value is taken",
        advice=_advice(switch),
        fixes=(_fix(switch) if len(switch.cases) > 1 else _with_step(context, switch),),
    )


def _advice(switch: ReadSwitch) -> str:
    advice = "add `else -> STEP`, to a step that does what is right for all other values"
    if len(switch.cases) > 1:
        return advice
    return f"{advice}, or write the condition as `when` of `{switch.cases[0].case.target.text}`"


def _fix(switch: ReadSwitch) -> Fix:
    """The last of several cases takes what is left."""
    last = switch.cases[-1].case
    assert last.condition is not None, "it has a condition"
    edit = Edit(Span(last.span.start, last.condition.span.end), "else")
    return Fix(f"let all other values lead to `{last.target.text}`", Safety.UNSAFE, (edit,))


def _with_step(context: Context, switch: ReadSwitch) -> Fix:
    """One case says all that is done, so other values lead to a step of their own that does nothing yet."""
    text, step, only = context.source.text, switch.node.step, switch.cases[0].case
    name = _free_name(f"{step.name.text}_else", frozenset(one.name.text for one in context.steps))
    before = text[text.rfind("\n", 0, only.span.start) + 1 : only.span.start]
    between = ", " if before.strip() else f"\n{before}"
    line = text[text.rfind("\n", 0, step.span.start) + 1 :]
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    edits = (
        Edit(Span(only.span.end, only.span.end), f"{between}else -> {name}"),
        Edit(Span(step.span.end, step.span.end), f"\n{indent}step {name} = set"),
    )
    return Fix(f"let all other values lead to a step `{name}`", Safety.UNSAFE, edits)


def _free_name(wanted: str, taken: frozenset[str]) -> str:
    numbered = (f"{wanted}_{number}" for number in range(2, len(taken) + 3))
    return wanted if wanted not in taken else next(one for one in numbered if one not in taken)


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

One case without `else` is often meant as a condition: `when` on the step says the same, and leaves nothing open.""",
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
