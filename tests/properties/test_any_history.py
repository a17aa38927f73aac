"""Random plans with random histories: results, acts of people, crashes, late ends and jumps of the clock.

After every event the log folds to the live state, field by field; deciding changes nothing and another process decides
the same; the invariants hold; every run at rest has a reason; and every run can be brought to an end.
`python -m tests.properties.long` draws many more of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from happenings import ARGUMENTS, VERBS, lives
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from purity import Witness, replay
from strategies.plans import CONFIGS, plans
from watched import WatchedRun

from headgate.kinds import kind_names
from headgate.plan import Plan
from headgate.runtime.events import EventType

QUICK = [HealthCheck.too_slow, HealthCheck.data_too_large]
CI = settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=QUICK)


@pytest.fixture(scope="module")
def witness() -> Iterator[Witness]:
    found = Witness()
    yield found
    found.close()


@CI
@given(made=plans(), seed=st.integers(0, 2**32), length=st.integers(5, 40))
def test_any_history_keeps_every_promise(made: Plan, seed: int, length: int, witness: Witness) -> None:
    for run in lives(made, random.Random(seed), length):
        assert witness.objection(made, run.trace) is None


def test_the_witness_objects_to_another_decision(witness: Witness) -> None:
    from memory_runs import plan, step

    run = WatchedRun(plan(step("a"), step("b", "set", "a")))
    assert witness.objection(run.plan, run.trace) is None
    at = next(at for at, entry in enumerate(run.trace) if entry[0] == "decided")
    run.trace[at] = ("decided", run.trace[at][1], "[]")
    assert str(witness.objection(run.plan, run.trace)).startswith("entry ")
    assert replay(run.plan, run.trace) is not None


def test_the_strategies_know_the_language_and_the_acts() -> None:
    assert set(CONFIGS) <= set(kind_names())
    assert set(ARGUMENTS) <= set(VERBS)


def test_histories_come_by_every_event() -> None:
    seen: set[EventType] = set()

    @settings(
        max_examples=900,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=QUICK,
        phases=[Phase.generate],
    )
    @given(made=plans(), seed=st.integers(0, 2**32))
    def look(made: Plan, seed: int) -> None:
        for run in lives(made, random.Random(seed), 30):
            seen.update(event.type for event in run.events)

    look()
    assert seen == set(EventType), f"no history comes by {sorted(set(EventType) - seen)}"
