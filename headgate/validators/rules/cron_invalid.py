"""HG801: a cron expression that cannot be scheduled."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        kind, value = block.written.kind, block.written.get("cron")
        if block.sort != "trigger" or kind is None or kind.name != "schedule" or not isinstance(value, ast.Text):
            continue
        expression = value.plain
        if expression is None:
            continue  # HG007: it takes no template

        from headgate.schedules import fault

        wrong = fault(expression)
        if wrong is None:
            continue
        written = context.source.text[value.span.start + 1 : value.span.end - 1]
        place = value.span
        if written == expression and wrong.field is not None:
            place = Span(place.start + 1 + wrong.start, place.start + 1 + wrong.end)
        meant = wrong.suggestion
        fixes: tuple[Fix, ...] = (replace(f'write "{meant}"', value.span, f'"{meant}"'),) if meant else ()
        yield RULE.finding(wrong.message, place, note=wrong.field or "", fixes=fixes)


RULE = Rule(
    code="HG801",
    name="cron-invalid",
    severity=Severity.ERROR,
    summary="a cron expression with a wrong field",
    explanation="""\
A schedule has five fields: minute, hour, day of month, month, day of week, each `*`, a number, a name, a range `1-5`, a
list `1,15` or a step `*/10`. `L` is a month's last day, `MON#2` its second Monday.""",
    wrong="""\
workflow report {
  trigger nightly = schedule "0 25 * * *"
  step write = set { text = "done" }
}
""",
    right="""\
workflow report {
  trigger nightly = schedule "0 23 * * *"
  step write = set { text = "done" }
}
""",
    check=check,
)
