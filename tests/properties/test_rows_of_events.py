"""An event and its row: nothing is lost on the way, and nonsense is named with its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_runs import plan, step

from headgate.runtime.codec import decode, encode
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import Event, EventType
from headgate.runtime.state import new

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.builds(
        Event,
        st.integers(1, 10**9),
        st.integers(0, 10**13),
        st.sampled_from(EventType),
        st.dictionaries(st.text(), VALUES, max_size=4),
        st.none() | st.text(),
        st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
    )
)
def test_every_event_survives_its_row(event: Event) -> None:
    assert decode("R", event.seq, encode(event)) == event


@given(st.text() | VALUES.map(str) | st.just("[1,2,3]") | st.just("[2,0,1,1,1]"))
def test_nonsense_in_a_row_is_a_damaged_log_that_names_its_place(text: str) -> None:
    with pytest.raises(DamagedLog, match="run R, event 7"):
        decode("R", 7, text)


def test_a_row_of_half_a_surrogate_pair_can_be_stored():
    event = Event(1, 2, EventType.ATTEMPT_SUCCEEDED, {"result": "\ud83d"}, "a")
    assert encode(event).isascii()
    assert decode("R", 1, encode(event)) == event


def test_a_trivial_step_is_a_row_of_less_than_a_hundred_bytes():
    event = Event(1, 1_800_000_000_000, EventType.ATTEMPT_SUCCEEDED, {"attempt": 1, "result": {}}, "s100")
    assert len(encode(event)) < 100


def test_a_gap_in_the_log_is_damage():
    from headgate.runtime.decider import evolve

    state = new("R", plan(step("a")))
    with pytest.raises(DamagedLog, match="expected event 1"):
        evolve(state, Event(2, 0, EventType.RUN_CREATED, {}))
