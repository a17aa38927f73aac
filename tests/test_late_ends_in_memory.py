"""An attempt that was given up may still end, late or twice: that is recorded, and changes nothing."""

from __future__ import annotations

import pytest
from memory_runs import MemoryRun, error, plan, step

from headgate.plan import Retry
from headgate.runtime.commands import Record
from headgate.runtime.events import EventType
from headgate.runtime.status import StepStatus

ENDS = {
    EventType.ATTEMPT_SUCCEEDED: {"attempt": 1, "result": {"late": True}},
    EventType.ATTEMPT_FAILED: {
        "attempt": 1,
        "error": {"code": "X", "message": "late", "class": "permanent", "provider_status": None, "detail": None},
    },
    EventType.ATTEMPT_CANCELLED: {"attempt": 1},
}


def out(**given: object) -> MemoryRun:
    """A run whose first attempt of `a` is out."""
    run = MemoryRun(plan(step("a", "mcp", retry=Retry(2, (1_000,)), **given), step("b", "mcp", "a")), None).drive()
    assert run.state.in_flight == {"a": 1}
    run.verify = True
    return run


def ready_again(run: MemoryRun) -> None:
    run.ask("pause")
    run.append(Record(EventType.ATTEMPT_LOST, {"attempt": 1}, "a"))
    run.settle()


def redriven(run: MemoryRun) -> None:
    run.ask("cancel")
    run.attempt_cancelled("a", 1)
    run.settle()
    run.ask("redrive", yes=True)


def held(run: MemoryRun) -> None:
    run.append(Record(EventType.ATTEMPT_LOST, {"attempt": 1}, "a"))
    run.settle()


SITUATIONS = {
    "between attempts": (lambda run: run.end("a", 1, error("transient")), {}, StepStatus.RETRYING),
    "interrupted under a hold": (ready_again, {}, StepStatus.INTERRUPTED),
    "redriven": (redriven, {}, StepStatus.RUNNING),
    "in doubt": (held, {"in_doubt": "hold"}, StepStatus.HELD),
    "completed": (lambda run: run.end("a", 1, {"n": 1}), {}, StepStatus.COMPLETED),
}


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_late_end_is_recorded_and_changes_nothing(situation: str, kind: EventType) -> None:
    happen, given, status = SITUATIONS[situation]
    run = out(**given)
    happen(run)
    run.settle()
    step_before = run["a"]
    assert step_before.status is status
    before = (
        step_before.status,
        step_before.result,
        step_before.error,
        step_before.attempts,
        dict(run.state.in_flight),
    )
    run.append(Record(kind, ENDS[kind], "a"))
    after = run["a"]
    assert (after.status, after.result, after.error, after.attempts, dict(run.state.in_flight)) == before
    assert run.settle() == []
