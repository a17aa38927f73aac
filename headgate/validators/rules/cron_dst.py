"""HG803: a schedule at local times that a change of the clock skips or doubles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from headgate.diagnostics import Edit, Fix, Label, Safety, Severity, replace
from headgate.grammar import ast
from headgate.validators.cron import Schedule, schedules
from headgate.validators.rule import Context, Finding, Rule

if TYPE_CHECKING:
    from datetime import date

    from headgate.schedules import OddTime

_DAYS = 731
_LINE = 190
_HOURS = 24


def check(context: Context) -> Iterator[Finding]:
    for schedule in schedules(context):
        zone = schedule.block.written.get("timezone")
        name = zone.plain if isinstance(zone, ast.Text) else None
        if zone is None or not name:
            continue  # UTC has no changes

        from headgate.schedules import fault, is_timezone

        if fault(schedule.expression) is not None or not is_timezone(name):
            continue  # HG801 and HG007 say it
        found = _odd(context, schedule.expression, name)
        if found:
            message = f"`{name}` changes its clock when `{schedule.expression}` is due: "
            yield RULE.finding(
                message + _listed(found, _LINE - len(message)),
                schedule.value.span,
                note="not once each day",
                labels=(Label(zone.span, "the clock that changes"),),
                advice="a skipped time runs when the clock has changed, a doubled one the first time; "
                "choose an hour that every day has once, or `UTC`",
                fixes=(*_moved(context, schedule, name), replace('write `"UTC"`', zone.span, '"UTC"', Safety.UNSAFE)),
            )


def _odd(context: Context, expression: str, zone: str) -> list[OddTime]:
    from datetime import date

    from headgate.schedules import odd_times

    return odd_times(expression, zone, date.fromisoformat(context.today), _DAYS)


def _listed(found: list[OddTime], room: int) -> str:
    """One entry for each change of the clock, as many as fit into a line."""
    changes: dict[tuple[date, str], list[OddTime]] = {}
    for one in found:
        changes.setdefault((one.at.date(), one.sort), []).append(one)
    shown: list[str] = []
    for (_, sort), times in changes.items():
        also = f" and {len(times) - 1} more" if len(times) > 1 else ""
        entry = f"{times[0].at:%Y-%m-%d %H:%M}{also} ({sort})"
        if shown and len(", ".join([*shown, entry])) > room:
            return f"{', '.join(shown)}, and more"
        shown.append(entry)
    return ", ".join(shown)


def _moved(context: Context, schedule: Schedule, zone: str) -> Iterator[Fix]:
    """The next hour of the same day that every day has once, for a schedule at one hour."""
    from headgate.schedules import terms

    fields = list(terms(schedule.expression))
    hour, start, end = fields[1]
    if not schedule.exact or not hour.isdigit():
        return
    for later in range(int(hour) + 1, _HOURS):
        moved = schedule.expression[:start] + str(later) + schedule.expression[end:]
        if not _odd(context, moved, zone):
            edit = Edit(schedule.place(start, end), str(later))
            yield Fix(f"run it in hour {later}, which every day has once", Safety.UNSAFE, (edit,))
            return


RULE = Rule(
    code="HG803",
    name="cron-dst",
    severity=Severity.WARNING,
    summary="a schedule at local times that a change of the clock skips or doubles in the next two years",
    explanation="""\
Where the clock goes forward an hour of that day does not exist, and where it goes back one exists twice. A time that
is skipped runs when the clock has changed; one that is doubled runs the first time only. So the distance between two
runs is not what it looks like. Schedules with `*` as minute or hour go by the time that passes, and are not concerned.
The finding lists the times of the next two years.""",
    wrong="""\
workflow report {
  trigger nightly = schedule "30 2 * * *" { timezone = "Europe/Berlin" }
  step write = set { text = "done" }
}
""",
    right="""\
workflow report {
  trigger nightly = schedule "30 4 * * *" { timezone = "Europe/Berlin" }
  step write = set { text = "done" }
}
""",
    check=check,
)
