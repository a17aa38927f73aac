"""HG801: a cron expression that cannot be scheduled."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, replace
from headgate.validators.cron import schedules
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for schedule in schedules(context):
        from headgate.schedules import fault

        wrong = fault(schedule.expression)
        if wrong is None:
            continue
        place = schedule.value.span if wrong.field is None else schedule.place(wrong.start, wrong.end)
        meant = wrong.suggestion
        fixes: tuple[Fix, ...] = (replace(f'write "{meant}"', schedule.value.span, f'"{meant}"'),) if meant else ()
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
