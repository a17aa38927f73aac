"""Cron expressions: which are refused, with which sentence, and when the others run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.schedules import fault, is_timezone, next_runs, odd_times, timezones

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "field", "says"),
    [
        ("61 * * * *", "minute", "`61` is not 0 to 59"),
        ("* 24 * * *", "hour", "`24` is not 0 to 23"),
        ("* * 0 * *", "day-of-month", "`0` is not 1 to 31"),
        ("* * * 13 *", "month", "`13` is not 1 to 12 or JAN to DEC"),
        ("* * * * 8", "day-of-week", "`8` is not 0 to 7 or SUN to SAT"),
        ("* * * * FOO", "day-of-week", "`FOO` is not"),
        ("*/0 * * * *", "minute", "the step `/0` must be a number from 1"),
        ("*/x * * * *", "minute", "the step `/x`"),
        ("0 22-6 * * *", "hour", "runs backwards; write it as two: `22-23,0-6`"),
        ("1,,2 * * * *", "minute", "missing beside a comma"),
        ("* * * * MON#6", "day-of-week", "`#6` must be `#1` to `#5`"),
        ("* * * *", None, "expected five fields: minute hour day-of-month month day-of-week; found 4"),
        ("0 0 9 * * *", None, "found 6 (there is no field for seconds)"),
        ("", None, "found 0"),
        ("@daily", None, 'write "0 0 * * *"'),
        ("*/" + "9" * 5000 + " * * * *", "minute", "must be a number from 1"),
        ("@reboot", None, "expected five fields"),
    ],
)
def test_a_wrong_expression_names_its_field_and_what_was_expected(
    expression: str, field: str | None, says: str
) -> None:
    wrong = fault(expression)
    assert wrong is not None
    assert wrong.field == field
    assert says in wrong.message
    assert "\n" not in wrong.message


def test_the_place_of_a_fault_is_the_wrong_term() -> None:
    expression = "0  9,25 * * *"
    wrong = fault(expression)
    assert wrong is not None
    assert expression[wrong.start : wrong.end] == "25"


@pytest.mark.parametrize(
    "expression",
    [
        "* * * * *",
        "*/5 9-17 * * MON-FRI",
        "0 9 L * *",
        "0 9 LW * *",
        "0 0 * * 5L",
        "0 0 * * MON#2",
        "5/15 * * jan *",
        "0 0 1,15 * 7",
    ],
)
def test_a_good_expression_has_no_fault_and_a_next_run(expression: str) -> None:
    assert fault(expression) is None
    assert next_runs(expression, NOON, 3) == sorted(next_runs(expression, NOON, 3))
    assert len(next_runs(expression, NOON, 3)) == 3


def test_a_suggestion_is_offered_for_a_macro_and_for_a_leading_zero_second() -> None:
    daily, with_seconds = fault("@daily"), fault("0 30 9 * * *")
    assert daily is not None
    assert with_seconds is not None
    assert (daily.suggestion, with_seconds.suggestion) == ("0 0 * * *", "30 9 * * *")


def test_a_local_time_that_a_clock_change_skips_still_runs_once_that_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    runs = next_runs("30 2 * * *", datetime(2026, 3, 28, 12, 0, tzinfo=berlin), 2)
    assert [(run.month, run.day, run.hour) for run in runs] == [(3, 29, 3), (3, 30, 2)]


def test_a_day_that_no_month_has_never_runs() -> None:
    assert next_runs("0 0 30 2 *", NOON) == []


def test_next_runs_refuses_a_wrong_expression_with_its_sentence() -> None:
    with pytest.raises(ValueError, match="minute field `61`"):
        next_runs("61 * * * *", NOON)


def test_time_zones_are_known_by_their_database_names() -> None:
    assert is_timezone("Europe/Berlin")
    assert not is_timezone("Mars/Olympus")
    assert not is_timezone("../etc/passwd")
    assert not is_timezone("")
    assert "UTC" in timezones()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="0123456789*/-,LW#MON", min_size=1, max_size=5), min_size=5, max_size=5))
def test_what_is_accepted_is_what_the_scheduler_accepts(fields: list[str]) -> None:
    expression = " ".join(fields)
    refusal = ""
    try:
        CronSim(expression, NOON)
    except CronSimError as error:
        refusal = str(error)
    never_due = refusal == "Bad day-of-month"  # a day that no month has: valid, but never due
    assert fault(expression) is not None or not refusal or never_due


TODAY = date(2026, 11, 20)


@pytest.mark.parametrize(
    ("expression", "zone", "found"),
    [
        (
            "30 2 * * *",
            "Europe/Berlin",
            ["2027-03-28 02:30 skipped", "2027-10-31 02:30 doubled", "2028-03-26 02:30 skipped"],
        ),
        ("30 1 * * *", "America/New_York", ["2027-11-07 01:30 doubled"]),
        ("0 3 * * *", "Europe/Berlin", []),
        ("59 1 * * *", "Europe/Berlin", []),
        ("30 2 * * MON", "Europe/Berlin", []),
        ("30 * * * *", "Europe/Berlin", []),
        ("30 2 * * *", "Asia/Tokyo", []),
        ("30 2 * * *", "UTC", []),
        ("15,45 2 * 3 *", "Australia/Lord_Howe", []),
        ("15,45 2 * 10 *", "Australia/Lord_Howe", ["2027-10-03 02:15 skipped"]),
    ],
)
def test_odd_times_are_those_that_a_change_of_the_clock_skips_or_doubles(
    expression: str, zone: str, found: list[str]
) -> None:
    said = [f"{one.at:%Y-%m-%d %H:%M} {one.sort}" for one in odd_times(expression, zone, TODAY, 500)]
    assert said == found


@given(st.integers(0, 23), st.integers(0, 59), st.sampled_from(["Europe/Berlin", "America/New_York", "Africa/Cairo"]))
@settings(max_examples=60, deadline=None)
def test_a_time_is_odd_exactly_when_its_zone_does_not_have_it_once(hour: int, minute: int, zone: str) -> None:
    odd = {one.at.date() for one in odd_times(f"{minute} {hour} * * *", zone, TODAY, 400)}
    for number in range(1, 399):
        day = date.fromordinal(TODAY.toordinal() + number)
        local = datetime(day.year, day.month, day.day, hour, minute)
        offsets = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1)}
        assert (day in odd) == (len(offsets) == 2), day


def test_a_skipped_time_runs_when_the_clock_has_changed_and_a_doubled_one_the_first_time() -> None:
    skipped, doubled = odd_times("30 2 * * *", "Europe/Berlin", TODAY, 365)
    assert [skipped.runs.isoformat(), doubled.runs.isoformat()] == [
        "2027-03-28T03:00:00+02:00",
        "2027-10-31T02:30:00+02:00",
    ]


def test_odd_times_in_a_zone_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValueError, match="no time zone `Europe/Brelin`"):
        odd_times("30 2 * * *", "Europe/Brelin", TODAY, 365)
