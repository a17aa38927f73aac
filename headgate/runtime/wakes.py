"""What will move a run that rests: the invariant that no run is ever forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headgate.records import NamedTuple
from headgate.runtime.marks import DEADLINE, DELAY, DRAIN, DUE, EVERY, EXPIRY, GRACE, RETRY, WAIT, WARN
from headgate.runtime.state import RunState
from headgate.runtime.status import TERMINAL_PHASES, Phase, WaitsFor


class WakeSource(NamedTuple):
    """`kind` is `decision`, `attempt`, `hold`, `timer`, `approval`, `event`, `callback` or
    `subrun`; `what` names it.
    """

    kind: str
    what: str


def is_forgotten(state: RunState) -> bool:
    """Whether the run is open and nothing will ever move it, which is a fault of ours. O(1)."""
    return not state.in_flight and state.phase not in TERMINAL_PHASES and next(wake_sources(state), None) is None


def stall_at(state: RunState) -> int | None:
    """When the run has made no progress for its `timeout`, UTC in ms; None while no step is ready, running or retrying,
    and while it is held.
    """
    if state.holds or not (state.running or state.retrying or state.ready):
        return None
    return state.at + state.plan.policies.timeout


def next_wake(state: RunState) -> int | None:
    """When to decide again though nothing happened, UTC in ms; None when no clock moves the run."""
    held_back = state.phase in (Phase.SCHEDULED, Phase.QUEUED) and state.holds
    if held_back or state.phase in TERMINAL_PHASES or state.phase is Phase.STARTING:
        return None
    due = [state.heap[0][0]] if state.heap else []
    stalls = stall_at(state) if state.phase is Phase.ACTIVE else None
    if stalls is not None:
        due.append(stalls)
    return min(due, default=None)


def resting_wake(state: RunState) -> int | None:
    """As `next_wake`, but of a run that moves only its timers: whoever drives it watches over its progress, and a list
    that noted when it would stall would be written anew with every event.
    """
    if not (state.running or state.ready):
        return next_wake(state)
    return state.heap[0][0] if state.heap and state.phase is Phase.ACTIVE else None


class Told(NamedTuple):
    """When a clock moves the run, UTC in ms, and what for, in words before a time: "`ask` expires"."""

    at: int
    what: str


def told_wake(state: RunState) -> Told | None:
    """What moves the run next though nothing happens, a warning aside; None when no clock does."""
    at = next_wake(state)
    if at is None:
        return None
    moving = [(due, timer) for timer, due in state.timers.items() if not timer.startswith(WARN)]
    due, timer = min(moving, default=(None, ""))
    stalls = stall_at(state)
    if due is None or (stalls is not None and stalls < due):
        return None if stalls is None else Told(stalls, "without progress it fails")
    kind, _, name = timer.partition(":")
    if kind == EXPIRY:
        return Told(due, f"`{state.approvals[name].step}` expires")
    return Told(due, _TIMERS[kind].format(name))


_TIMERS: Final = {
    RETRY: "`{}` is tried again",
    DELAY: "`{}` goes on",
    EVERY: "`{}` begins its next round",
    DEADLINE: "its deadline passes",
    DUE: "it starts",
    WAIT: "`{}` stops waiting",
    DRAIN: "what still runs is stopped",
    GRACE: "it ends without what still runs",
}


def wake_sources(state: RunState) -> Iterator[WakeSource]:
    """Everything that will move this run, lazily. An open run at rest has at least one; an ended one has none."""
    if state.phase in TERMINAL_PHASES:
        return
    if state.phase in (Phase.QUEUED, Phase.STARTING):
        yield WakeSource("decision", state.phase.value)
    for path, attempt in state.in_flight.items():
        yield WakeSource("attempt", f"{path} {attempt}")
    for reason, step in state.holds:
        yield WakeSource("hold", reason.value if step is None else f"{reason.value}: {step}")
    for path in state.waiting:
        step_state = state.steps[path]
        if step_state.detail == WaitsFor.SUBRUN and step_state.child is not None:
            yield WakeSource("subrun", step_state.child)
        elif step_state.detail == WaitsFor.EVENT:
            yield WakeSource("event", state.listening[path])
        elif step_state.detail == WaitsFor.CALLBACK:
            yield WakeSource("callback", f"{path} {step_state.attempts}")
        elif step_state.approval is not None and state.approvals[step_state.approval].status == "pending":
            yield WakeSource("approval", step_state.approval)
    for timer in state.timers:
        yield WakeSource("timer", timer)
    for frontier in (state.urgent, state.ready, state.interrupted):
        for path in frontier:
            yield WakeSource("decision", path)
