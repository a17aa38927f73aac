"""What a schedule owes: times between two moments, by its late policy, over changes of the clock and long outages."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from headgate.runtime.occasions import (
    COUNTED,
    LATE_AFTER_MS,
    TOLD_APART,
    Occasion,
    Terms,
    due_between,
    latest_due,
    next_due,
    occasions,
    terms_of,
)

HOUR = 3_600_000
MINUTE = 60_000
BERLIN = "Europe/Berlin"


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def owed(cron: str, after: int, now: int, terms: Terms, zone: str = "UTC") -> tuple[list[int], list[int]]:
    """Those that run and those that are missed."""
    found = list(occasions(cron, zone, after, now, terms))
    assert [each.due_at for each in found] == sorted({each.due_at for each in found})
    return [each.due_at for each in found if not each.missed], [each.due_at for each in found if each.missed]


NOON = at("2026-06-01T12:00:00")
EVERY_HOUR = [NOON + hour * HOUR for hour in range(1, 6)]


@pytest.mark.parametrize(
    ("config", "terms"),
    [
        ({}, Terms("run", None)),
        ({"late": "run"}, Terms("run", None)),
        ({"late": "latest"}, Terms("latest", None)),
        ({"late": "skip"}, Terms("skip", LATE_AFTER_MS)),
        ({"late": {"policy": "skip"}}, Terms("skip", LATE_AFTER_MS)),
        ({"late": {"policy": "latest", "window": HOUR}}, Terms("latest", HOUR)),
    ],
)
def test_the_terms_are_read_from_the_trigger(config: dict[str, object], terms: Terms) -> None:
    assert terms_of(config) == terms  # type: ignore[arg-type]


def test_run_meets_every_time_once() -> None:
    assert owed("0 * * * *", NOON, NOON + 5 * HOUR, Terms()) == (EVERY_HOUR, [])
    assert owed("0 * * * *", NOON + 5 * HOUR, NOON + 5 * HOUR, Terms()) == ([], [])
    assert owed("0 * * * *", NOON, NOON + HOUR - 1, Terms()) == ([], [])


def test_latest_runs_the_last_and_misses_the_others() -> None:
    assert owed("0 * * * *", NOON, NOON + 5 * HOUR + 1, Terms("latest")) == (EVERY_HOUR[-1:], EVERY_HOUR[:-1])


def test_a_window_bounds_every_policy() -> None:
    now = NOON + 5 * HOUR + 30 * MINUTE
    assert owed("0 * * * *", NOON, now, Terms("run", 2 * HOUR)) == (EVERY_HOUR[3:], EVERY_HOUR[:3])
    assert owed("0 * * * *", NOON, now, Terms("skip", 2 * HOUR)) == (EVERY_HOUR[3:], EVERY_HOUR[:3])
    assert owed("0 * * * *", NOON, now, Terms("latest", 2 * HOUR)) == (EVERY_HOUR[4:], EVERY_HOUR[:4])
    assert owed("0 * * * *", NOON, now, Terms("latest", MINUTE)) == ([], EVERY_HOUR)
    exactly = NOON + 5 * HOUR
    assert owed("0 * * * *", NOON, exactly, Terms("skip", HOUR))[0] == EVERY_HOUR[3:], "the edge of a window is in it"


def test_skip_without_a_window_forgives_a_minute() -> None:
    terms = terms_of({"late": "skip"})
    assert owed("0 * * * *", NOON, NOON + HOUR + LATE_AFTER_MS, terms) == (EVERY_HOUR[:1], [])
    assert owed("0 * * * *", NOON, NOON + HOUR + LATE_AFTER_MS + 1, terms) == ([], EVERY_HOUR[:1])


def test_many_missed_times_are_told_by_the_latest_of_them() -> None:
    now = NOON + 500 * MINUTE
    found = list(occasions("* * * * *", "UTC", NOON, now, Terms("latest")))
    missed = [each for each in found if each.missed]
    assert len(missed) == TOLD_APART
    assert missed[0] == Occasion(now - TOLD_APART * MINUTE, missed=True, also=499 - TOLD_APART)
    assert found[-1] == Occasion(now)


def test_an_outage_of_years_costs_no_more_than_what_is_told() -> None:
    now = NOON + 3 * 365 * 24 * HOUR
    found = list(occasions("* * * * *", "UTC", NOON, now, Terms("latest")))
    assert found[-1] == Occasion(now)
    assert found[0].more
    assert found[0].also >= COUNTED - TOLD_APART - 1
    assert found[-2].due_at == now - MINUTE, "the next look begins behind all that was missed"
    first = next(iter(occasions("* * * * *", "UTC", NOON, now, Terms("run"))))
    assert first == Occasion(NOON + MINUTE), "what is to be run is looked at one by one"


def test_a_day_that_never_comes_owes_nothing() -> None:
    assert owed("0 0 30 2 *", NOON, NOON + 365 * 24 * HOUR, Terms()) == ([], [])
    assert next_due("0 0 30 2 *", "UTC", NOON) is None
    assert latest_due("0 0 30 2 *", "UTC", NOON, NOON + 365 * 24 * HOUR) is None


def test_a_time_that_the_clock_skips_runs_when_the_clock_has_changed() -> None:
    before, after = at("2027-03-27T12:00:00", BERLIN), at("2027-03-29T12:00:00", BERLIN)
    runs, _ = owed("30 2 * * *", before, after, Terms(), BERLIN)
    assert runs == [at("2027-03-28T03:00:00", BERLIN), at("2027-03-29T02:30:00", BERLIN)]


def test_a_time_that_the_clock_repeats_runs_once() -> None:
    before, after = at("2026-10-24T12:00:00", BERLIN), at("2026-10-26T12:00:00", BERLIN)
    runs, _ = owed("30 2 * * *", before, after, Terms(), BERLIN)
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo(BERLIN), fold=0)
    assert runs == [round(first.timestamp() * 1000), at("2026-10-26T02:30:00", BERLIN)]


@pytest.mark.parametrize("cron", ["30 2 * * *", "*/15 * * * *", "0 * * * *", "15 1-3 * * *", "0 0 * * 0"])
@pytest.mark.parametrize("zone", [BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("day", ["2026-10-24", "2026-10-31", "2027-03-13", "2027-03-27", "2027-04-03", "2026-10-03"])
def test_looking_after_each_run_or_at_the_end_finds_the_same_times(cron: str, zone: str, day: str) -> None:
    start = at(f"{day}T00:00:00", zone)
    end = start + 3 * 24 * HOUR
    at_once = list(due_between(cron, zone, start, end))
    one_by_one: list[int] = []
    cursor = start
    while (due := next_due(cron, zone, cursor)) is not None and due <= end:
        one_by_one.append(due)
        cursor = due
    assert one_by_one == at_once
    assert at_once == sorted(set(at_once))
    often: list[int] = []
    for now in range(start, end + 1, 7 * MINUTE):
        often += due_between(cron, zone, max([start, *often[-1:]]), now)
    often += due_between(cron, zone, max([start, *often[-1:]]), end)
    assert often == at_once
