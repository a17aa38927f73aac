"""Tables, times and intervals."""

import pytest

from headgate.render.columns import cells
from headgate.render.intervals import Interval, intervals
from headgate.render.tables import Cell, table
from headgate.render.words import span, timestamp
from headgate.runtime.events import Event, EventType


def test_columns_are_as_wide_as_what_they_hold():
    text = table(("a", "long"), [("x", "1"), ("yyyy", "2")], width=None, colour=False)
    assert text == "A     LONG\nx     1\nyyyy  2\n"


def test_a_table_fits_the_terminal_it_is_cut_for():
    text = table(("name", "text"), [("one", "w" * 300), ("two", "漢字" * 100)], width=60, colour=False)
    for line in text.splitlines():
        assert sum(map(cells, line)) <= 60
    assert text.count("…") == 2


def test_in_a_pipe_nothing_is_cut():
    assert "w" * 300 in table(("text",), [("w" * 300,)], width=None, colour=False)


def test_colour_does_not_move_columns():
    rows = [(Cell("ok", "green"), "x"), (Cell("failed", "red"), "y")]
    text = table(("status", "z"), rows, width=None, colour=True)
    assert text.splitlines()[1] == "\x1b[32mok\x1b[0m      x"


def test_what_would_steer_a_terminal_is_shown_instead():
    text = table(("text",), [("a\x1b[2Jb\nc",)], width=None, colour=False)
    assert "\x1b" not in text
    assert text.count("\n") == 2


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1500, "1.5 s"),
        (59_999, "60.0 s"),
        (65_000, "1 m 05 s"),
        (3_600_000, "1 h 00 m"),
        (172_800_000 + 3_600_000, "2 d 1 h"),
        (-5, "0 ms"),
    ],
)
def test_durations_are_told_in_the_units_that_matter(milliseconds, text):
    assert span(milliseconds) == text


def test_times_are_utc_to_the_millisecond():
    assert timestamp(1_795_168_800_007) == "2026-11-20T10:00:00.007Z"
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(None) is None


def event(seq, at, kind, step="a"):
    return Event(seq, at, kind, {}, step)


def test_a_step_that_ran_was_retried_and_ran_again_has_an_interval_for_each():
    found = intervals(
        [
            event(1, 10, EventType.STEP_DISPATCHED),
            event(2, 20, EventType.ATTEMPT_FAILED),
            event(3, 20, EventType.STEP_RETRYING),
            event(4, 70, EventType.TIMER_FIRED),
            event(5, 71, EventType.STEP_DISPATCHED),
        ]
    )
    assert found == {"a": [Interval("running", 10, 20), Interval("retrying", 20, 70), Interval("running", 71, None)]}


def test_the_rounds_of_a_loop_are_one_interval():
    found = intervals(
        [
            event(1, 0, EventType.LOOP_STARTED),
            event(2, 0, EventType.ROUND_STARTED),
            event(3, 5, EventType.ROUND_TESTED),
            event(4, 5, EventType.ROUND_STARTED),
            event(5, 9, EventType.LOOP_ENDED),
        ]
    )
    assert found == {"a": [Interval("running", 0, 9)]}


def test_what_is_evaluated_in_place_is_an_instant_and_what_never_began_is_nothing():
    found = intervals([event(1, 7, EventType.ATTEMPT_SUCCEEDED), event(2, 8, EventType.STEP_SKIPPED, "b")])
    assert found == {"a": [Interval("running", 7, 7)]}
