"""The small changes that appliers are made of: a step's status, timers, and the end of a step's action."""

from __future__ import annotations

from heapq import heappop, heappush

from headgate.runtime.state import RunState, StepState
from headgate.runtime.status import STEP_ENDS, StepStatus, WaitsFor

RETRY = "retry"
DELAY = "delay"
EVERY = "every"
EXPIRY = "expiry"
WAIT = "wait"
WARN = "warn"
DEADLINE = "deadline"
DUE = "due"
DRAIN = "drain"
GRACE = "grace"


def mark(state: RunState, step: StepState, status: StepStatus, at: int, detail: str | None = None) -> None:
    """Give `step` its new status and keep the run's lists of open steps true. Whoever ends a step also settles it."""
    path = step.path
    old = step.status
    left = state.open.get(old)
    if left is not None:
        left.pop(path, None)
        if old is StepStatus.WAITING and step.detail is not None:
            _count_wait(state, step.detail, -1)
            if step.detail == WaitsFor.EVENT:
                state.listening.pop(path, None)
    step.status = status
    step.detail = detail
    joined = state.open.get(status)
    if joined is not None:
        if step.loop is None or status is not StepStatus.RUNNING:
            joined[path] = None
        if status is StepStatus.WAITING and detail is not None:
            _count_wait(state, detail, 1)
        step.ended_at = None
    elif status in STEP_ENDS:
        step.ended_at = at
        state.urgent.pop(path, None)


def begin(step: StepState, at: int) -> None:
    """The step has started: its condition held."""
    if step.started_at is None:
        step.started_at = at


def park(state: RunState, step: StepState, waits_for: WaitsFor, at: int) -> None:
    begin(step, at)
    state.urgent.pop(step.path, None)
    mark(state, step, StepStatus.WAITING, at, waits_for.value)


def arm(state: RunState, timer: str, due: int) -> None:
    """Set `timer` to fire at `due`, UTC in ms."""
    state.timers[timer] = due
    heappush(state.heap, (due, timer))
    _prune(state)


def disarm(state: RunState, timer: str) -> None:
    if state.timers.pop(timer, None) is not None:
        _prune(state)


def _prune(state: RunState) -> None:
    heap, timers = state.heap, state.timers
    while heap and timers.get(heap[0][1]) != heap[0][0]:
        heappop(heap)


def _count_wait(state: RunState, detail: str, change: int) -> None:
    count = state.waits.get(detail, 0) + change
    if count:
        state.waits[detail] = count
    else:
        state.waits.pop(detail, None)
