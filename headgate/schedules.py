"""Cron expressions: what is wrong with one, and when it runs next. The only home of `cronsim`.

An expression has five fields as in Debian's cron: minute, hour, day of month, month, day of week. `L` and `LW` name the
last day and the last working day of a month, `5L` its last Friday and `MON#2` its second Monday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import islice

from headgate.records import NamedTuple


class CronFault(NamedTuple):
    """What is wrong with an expression. `start` and `end` are offsets into it; `field` is None when the whole is wrong.

    `suggestion` is the expression that was probably meant, or None.
    """

    field: str | None
    message: str
    start: int
    end: int
    suggestion: str | None = None


class OddTime(NamedTuple):
    """A local time at which a schedule is due and which the clock of its zone does not have exactly once.

    `sort` is `skipped` or `doubled`; `at` is without a zone, and `runs` is the moment of the one run it gets.
    """

    at: datetime
    sort: str
    runs: datetime


class _Change(NamedTuple):
    """The local times from `start` up to, not including, `end` that a change of the clock skips or doubles."""

    start: datetime
    end: datetime
    sort: str


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day-of-month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day-of-week", 0, 7, _DAYS),
)
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_ORDER = "minute hour day-of-month month day-of-week"


def fault(expression: str) -> CronFault | None:
    """The first thing wrong with a cron expression, or None when it can be scheduled."""
    stripped = expression.strip()
    if stripped.startswith("@"):
        meant = _MACROS.get(stripped.casefold())
        advice = f'write "{meant}"' if meant else f"expected five fields: {_ORDER}"
        return CronFault(None, f"`{stripped}` is no cron expression; {advice}", 0, len(expression), meant)
    fields = list(re.finditer(r"\S+", expression))
    if len(fields) != len(_FIELDS):
        return _count_fault(expression, [field.group() for field in fields])
    for field, match in zip(_FIELDS, fields, strict=True):
        start = match.start()
        for term in match.group().split(","):
            problem = _term_problem(field, term)
            if problem:
                message = f"{field.name} field `{match.group()}`: {problem}"
                return CronFault(field.name, message, start, start + max(1, len(term)))
            start += len(term) + 1
    return None


def next_runs(expression: str, after: datetime, count: int = 1) -> list[datetime]:
    """The next `count` times an expression is due after `after`, in the time zone of `after`.

    Local times that a clock change skips or doubles run once, as in Debian's cron. Shorter than `count` when no time
    within 50 years is left. Raises ValueError with the sentence of `fault` when the expression is wrong.
    """
    from cronsim import CronSim, CronSimError

    wrong = fault(expression)
    if wrong is not None:
        raise ValueError(wrong.message)
    try:
        return list(islice(CronSim(expression, after), count))
    except CronSimError:
        return []  # the only thing left that it refuses is a day that no month has


def runs_after(expression: str, after: datetime) -> Iterator[datetime]:
    """Every time an expression is due after `after`, in order, as long as they are asked for; as `next_runs`."""
    from cronsim import CronSim

    if next_runs(expression, after):
        yield from CronSim(expression, after)


def odd_times(expression: str, zone: str, first: date, days: int) -> list[OddTime]:
    """The local times within `days` from `first` at which a schedule is due and that `zone` skips or doubles.

    Only schedules at written hours and minutes meet them: one with `*` in either goes by the time that passes. Raises
    ValueError as `next_runs`, and for a zone that nobody knows.
    """
    from zoneinfo import ZoneInfo

    fields = expression.split()
    if any(field.startswith("*") for field in fields[:2]):
        return []
    if not is_timezone(zone):
        raise ValueError(f"no time zone `{zone}`")
    found = []
    for change in _changes(zone, first, days):
        due = change.start - timedelta(minutes=1)
        while (runs := next_runs(expression, due)) and runs[0] < change.end:
            due = runs[0]
            when = due if change.sort == "doubled" else change.end
            found.append(OddTime(due, change.sort, when.replace(tzinfo=ZoneInfo(zone))))
    return found


@lru_cache(maxsize=16)
def _changes(zone: str, first: date, days: int) -> tuple[_Change, ...]:
    """Every change of the clock of a zone within `days` from `first`."""
    start = datetime.combine(first, time(), UTC)
    found = []
    for day in range(days):
        before, after = start + timedelta(days=day), start + timedelta(days=day + 1)
        if _offset(zone, before) != _offset(zone, after):
            found.append(_change(zone, before, after))
    return tuple(found)


def _change(zone: str, before: datetime, after: datetime) -> _Change:
    """The one change of the clock between two moments, to the minute."""
    old, new = _offset(zone, before), _offset(zone, after)
    low, high = 0, int((after - before) / timedelta(minutes=1))
    while high - low > 1:
        middle = (low + high) // 2
        same = _offset(zone, before + timedelta(minutes=middle)) == old
        low, high = (middle, high) if same else (low, middle)
    moment = (before + timedelta(minutes=high)).replace(tzinfo=None)
    start, end = sorted((moment + old, moment + new))
    return _Change(start, end, "skipped" if new > old else "doubled")


def _offset(zone: str, moment: datetime) -> timedelta:
    from zoneinfo import ZoneInfo

    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    assert offset is not None, "a zone of the database has an offset at every moment"
    return offset


def terms(expression: str) -> Iterator[tuple[str, int, int]]:
    """The fields of an expression as they stand in it, with their offsets."""
    return ((match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", expression))


def is_timezone(name: str) -> bool:
    """Whether the IANA database knows the time zone `name`."""
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def timezones() -> tuple[str, ...]:
    """All names of the IANA database, sorted; it reads the database, so only call it to name the nearest."""
    from zoneinfo import available_timezones

    return tuple(sorted(available_timezones()))


def _count_fault(expression: str, fields: list[str]) -> CronFault:
    seconds = " (there is no field for seconds)" if len(fields) == len(_FIELDS) + 1 else ""
    message = f"expected five fields: {_ORDER}; found {len(fields)}{seconds}"
    meant = " ".join(fields[1:]) if len(fields) == len(_FIELDS) + 1 and fields[0] in ("0", "*") else None
    if meant is not None and fault(meant) is not None:
        meant = None
    return CronFault(None, message, 0, len(expression), meant)


def _term_problem(field: _Field, term: str) -> str | None:
    """What is wrong with one of the terms between commas."""
    if not term:
        return "a value is missing beside a comma"
    body, slash, step = term.partition("/")
    if slash and not (_is_small_number(step) and int(step) > 0):
        return f"the step `/{step}` must be a number from 1"
    if body == "*":
        return None
    special = _special_problem(field, body.upper())
    if special is not None:
        return special or None
    low, dash, high = body.partition("-")
    bounds = [_number(field, low)] + ([_number(field, high)] if dash else [])
    for bound in bounds:
        if isinstance(bound, str):
            return bound
    first, last = bounds[0], bounds[-1]
    assert isinstance(first, int), "text was answered above"
    assert isinstance(last, int), "text was answered above"
    if first > last:
        return f"the range `{body}` runs backwards; write it as two: `{low}-{field.high},{field.low}-{high}`"
    return None


def _special_problem(field: _Field, body: str) -> str | None:
    """Empty text for a valid `L`, `LW`, `5L` or `MON#2`, a sentence for a wrong one, None when it is neither."""
    if field.name == "day-of-month" and body in ("L", "LW"):
        return ""
    if field.name != "day-of-week":
        return None
    if "#" in body:
        day, _, nth = body.partition("#")
        if nth not in ("1", "2", "3", "4", "5"):
            return f"`#{nth}` must be `#1` to `#5`, the week of the month"
        number = _number(field, day)
        return number if isinstance(number, str) else ""
    if len(body) == 2 and body.endswith("L"):
        number = _number(field, body[0])
        return number if isinstance(number, str) else ""
    return None


def _number(field: _Field, text: str) -> int | str:
    """The number that a value or a name stands for, else a sentence."""
    if text.upper() in field.names:
        return field.names.index(text.upper()) + (1 if field.name == "month" else 0)
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    if not _is_small_number(text) or not field.low <= int(text) <= field.high:
        return f"`{text}` is not {field.low} to {field.high}{names}"
    return int(text)


def _is_small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4  # longer ones fit no field, and int() refuses thousands
