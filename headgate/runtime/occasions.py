"""What a schedule owes: the times that are due and were not met, and what the `late` policy makes of each. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.schedules import next_runs, runs_after

LATE_AFTER_MS: Final = 60_000
"""`late = skip` without a window skips what is later than this: a driver that cron starts is never quite on time."""

TOLD_APART: Final = 100
"""So many missed times of a schedule become a run each; those before them are told by the first of these."""

COUNTED: Final = 10_000
"""So many missed times are counted; of more it is said that they were more."""


class Terms(NamedTuple):
    """How a schedule takes being late: `run`, `latest` or `skip`, and how late is too late in ms, None for never."""

    policy: str = "run"
    window: int | None = None


class Occasion(NamedTuple):
    """One time that is due, UTC in ms. `missed` says that it comes too late to be run.

    `also` is how many missed times before it this one stands for, `more` that they were not all counted.
    """

    due_at: int
    missed: bool = False
    also: int = 0
    more: bool = False


def terms_of(config: JsonObject) -> Terms:
    """The terms in a trigger's attributes."""
    late = config.get("late")
    if isinstance(late, dict):
        window = late.get("window")
        policy = str(late.get("policy", "run"))
        if not isinstance(window, int):
            window = None
    else:
        policy, window = "run" if late is None else str(late), None
    return Terms(policy, LATE_AFTER_MS if policy == "skip" and window is None else window)


def occasions(cron: str, zone: str, after_ms: int, now_ms: int, terms: Terms) -> Iterator[Occasion]:
    """Every time after `after_ms` that is due, in order, lazily; what is missed comes first, for it is older.

    The missed ones are told apart up to a number, and those before them stand together in the first.
    """
    first_in_time = after_ms if terms.window is None else max(after_ms, now_ms - terms.window - 1)
    if terms.policy == "latest":
        latest = latest_due(cron, zone, first_in_time, now_ms)
        if latest is None:
            yield from _missed(cron, zone, after_ms, now_ms)
            return
        yield from _missed(cron, zone, after_ms, latest - 1)
        yield Occasion(latest)
        return
    yield from _missed(cron, zone, after_ms, first_in_time)
    for due in due_between(cron, zone, first_in_time, now_ms):
        yield Occasion(due)


def due_between(cron: str, zone: str, after_ms: int, until_ms: int) -> Iterator[int]:
    """The times after a moment up to another, that one included."""
    if until_ms <= after_ms:
        return
    for due in runs_after(cron, _local(after_ms, zone)):
        at = round(due.timestamp() * 1000)
        if at > until_ms:
            return
        if at > after_ms:
            yield at


def latest_due(cron: str, zone: str, after_ms: int, until_ms: int) -> int | None:
    """The last time between two moments; looked for from the end, so that a long outage costs nothing."""
    span = 60_000
    while True:
        start = max(after_ms, until_ms - span)
        found = None
        for due in due_between(cron, zone, start, until_ms):
            found = due
        if found is not None or start == after_ms:
            return found
        span *= 8


def next_due(cron: str, zone: str, after_ms: int) -> int | None:
    """When a schedule is due next after a moment, UTC in ms; None when it never is."""
    found = next_runs(cron, _local(after_ms, zone))
    return round(found[0].timestamp() * 1000) if found else None


def _missed(cron: str, zone: str, after_ms: int, until_ms: int) -> Iterator[Occasion]:
    """The times that nobody met and nobody will: the latest each for itself, the ones before in the first of them."""
    kept: deque[int] = deque(maxlen=TOLD_APART)
    count = 0
    for due in due_between(cron, zone, after_ms, until_ms):
        kept.append(due)
        count += 1
        if count >= COUNTED:
            break
    more = count >= COUNTED
    if more:
        latest = latest_due(cron, zone, kept[-1], until_ms)
        if latest is not None:
            kept.append(latest)
    for place, due in enumerate(kept):
        also = max(0, count - len(kept)) if place == 0 else 0
        yield Occasion(due, missed=True, also=also, more=more and place == 0)


def _local(at_ms: int, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone))


def overlap_of(config: JsonObject) -> str:
    """What to do while the run before is open: `allow`, `skip` or `queue`."""
    overlap: Json = config.get("overlap")
    return "allow" if overlap is None else str(overlap)
