"""What the decider asks for. The executor carries commands out and appends what came of them."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.events import SYSTEM, EventType


class Record(NamedTuple):
    """Append this event: a decision that needs nothing from the world."""

    type: EventType
    data: JsonObject
    step: str | None = None
    actor: str = SYSTEM
    reason: str | None = None


class Purpose(StrEnum):
    """What a step's templates are evaluated for, and the event that carries the answer."""

    RESULT = "result"  # a kind without effect: attempt_succeeded with input and result
    DISPATCH = "dispatch"  # a kind with effect: step_dispatched with attempt and input
    APPROVAL = "approval"  # a gate or a human step: approval_requested
    TIMER = "timer"  # delay: step_waiting with until
    EVENT = "event"  # wait: step_waiting with event and until
    CHILD = "child"  # call: step_waiting with the child's run and inputs
    LOOP = "loop"  # loop_started with the items
    TEST = "test"  # while and until: round_tested
    CHECK = "check"  # a result that a step declares: step_checked
    OUTPUT = "output"  # the run's output: run_completed


class Prepare(NamedTuple):
    """Evaluate the templates of a step (`step` is None for the run's output) for `purpose` and append the event of that
    purpose with `data` added; or `step_skipped` (condition_false), `step_starved`, or `attempt_failed`.
    """

    purpose: Purpose
    step: str | None
    data: JsonObject


class Perform(NamedTuple):
    """Start the attempt, once everything appended so far is committed; append how it ended."""

    step: str
    attempt: int


class Abort(NamedTuple):
    """Cancel the attempt that is out; append `attempt_cancelled`, or how it ended if that was faster."""

    step: str
    attempt: int


Command: TypeAlias = Record | Prepare | Perform | Abort
