"""HG802: a schedule that is never due, or not within eight years."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.cron import Schedule, schedules
from headgate.validators.rule import Context, Finding, Rule

_YEARS = 8


def check(context: Context) -> Iterator[Finding]:
    for schedule in schedules(context):
        from datetime import datetime

        from headgate.schedules import fault, next_runs

        if fault(schedule.expression) is not None:
            continue  # HG801 says it
        today = datetime.fromisoformat(context.today)
        runs = next_runs(schedule.expression, today)
        if not runs:
            yield _finding(schedule, "is never due", "no such day in any year")
        elif (runs[0].year - _YEARS, runs[0].month, runs[0].day) > (today.year, today.month, today.day):
            yield _finding(schedule, f"is not due in the next {_YEARS} years", f"due next on {runs[0]:%Y-%m-%d}")


def _finding(schedule: Schedule, says: str, note: str) -> Finding:
    """The finding at the fields that name the day and the month."""
    from headgate.schedules import terms

    (day, start, _), (month, _, end), (weekday, _, last) = list(terms(schedule.expression))[2:]
    what = f"month `{month}` has no day `{day}`" if weekday == "*" else f"no `{weekday}` in month `{month}` fits"
    return RULE.finding(
        f"the schedule `{schedule.expression}` {says}: {what}",
        schedule.place(start, end if weekday == "*" else last),
        note=note,
        advice="`L` is the last day of a month, whatever its length: `0 0 L 2 *`",
    )


RULE = Rule(
    code="HG802",
    name="cron-never",
    severity=Severity.ERROR,
    summary="a schedule with no run in the next eight years",
    explanation="""\
Each field of a cron expression can be right and the whole still name no day: there is no 30 February. A schedule that
is not due within eight years is taken for a mistake: leap days come round in that time. `L` names a month's last
day.""",
    wrong="""\
workflow report {
  trigger monthly = schedule "0 6 30 2 *"
  step write = set { text = "done" }
}
""",
    right="""\
workflow report {
  trigger monthly = schedule "0 6 L 2 *"
  step write = set { text = "done" }
}
""",
    check=check,
)
