"""Events change state; nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from headgate.plan import Json, JsonObject
from headgate.runtime.agent_events import AGENT_EVENTS
from headgate.runtime.approval_events import APPROVAL_EVENTS
from headgate.runtime.edges import open_scope
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import Event, EventType
from headgate.runtime.loops import reset_steps
from headgate.runtime.marks import (
    DEADLINE,
    DELAY,
    DRAIN,
    DUE,
    EVERY,
    EXPIRY,
    GRACE,
    RETRY,
    WAIT,
    WARN,
    arm,
    disarm,
    mark,
)
from headgate.runtime.state import Hold, RunState, StepState
from headgate.runtime.status import RUN_TRANSITIONS, STEP_TRANSITIONS, HoldReason, Phase, StepStatus
from headgate.runtime.step_events import STEP_EVENTS, produce, wait_is_over
from headgate.runtime.times import iso

RunApplier: TypeAlias = "Callable[[RunState, Event], None]"


def evolve(state: RunState, event: Event) -> None:
    """Apply `event`, live and on replay alike. Raises DamagedLog when it does not follow from what came before."""
    if event.seq != state.seq + 1:
        raise DamagedLog(state.run_id, event.seq, f"expected event {state.seq + 1}")
    try:
        _apply(state, event)
    except (KeyError, ValueError, TypeError, AttributeError, AssertionError) as fault:
        raise DamagedLog(state.run_id, event.seq, f"`{event.type}` does not fit its run: {fault!r}") from fault
    if "hidden" in event.data:
        state.hidden = _hidden(state, event)
    state.seq = event.seq
    state.at = event.at
    if event.request_id is not None:
        answer = event.data.get("answer")
        state.requests.setdefault(event.request_id, answer if isinstance(answer, str) else "")


def _apply(state: RunState, event: Event) -> None:
    applier = RUN_EVENTS.get(event.type)
    if applier is not None:
        if event.type not in _ANY_PHASE:
            _check_phase(state, event, applier)
        else:
            applier(state, event)
        return
    if event.type is EventType.TIMER_FIRED and event.step is None:
        _deadline_fired(state, event)
        return
    assert event.step is not None, "the event names its step"
    step = state.steps[event.step]
    allowed = STEP_TRANSITIONS[step.status].get(event.type)
    if allowed is None:
        raise DamagedLog(state.run_id, event.seq, f"`{event.type}` is illegal: `{step.path}` is {step.status}")
    if event.type is EventType.TIMER_FIRED:
        _timer_fired(state, step, event)
    else:
        _APPLIERS[event.type](state, step, event)
    if step.status not in allowed:
        raise DamagedLog(state.run_id, event.seq, f"`{event.type}` left `{step.path}` {step.status}")


def _check_phase(state: RunState, event: Event, applier: RunApplier) -> None:
    before = state.phase if state.seq else None
    allowed = RUN_TRANSITIONS[before].get(event.type)
    if allowed is None:
        raise DamagedLog(state.run_id, event.seq, f"`{event.type}` is illegal: the run is {before or 'not created'}")
    applier(state, event)
    if state.phase not in allowed:
        raise DamagedLog(state.run_id, event.seq, f"`{event.type}` left the run {state.phase}")


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _hidden(state: RunState, event: Event) -> tuple[str, ...]:
    found = event.data["hidden"]
    told = [str(value) for value in found] if isinstance(found, list) else []
    return tuple(dict.fromkeys((*state.hidden, *told)))


def _created(state: RunState, event: Event) -> None:
    data = event.data
    state.workflow = _text(data.get("workflow")) or state.plan.workflow
    state.version = _whole(data.get("version"))
    state.plan_digest = _text(data.get("plan_digest")) or state.plan.digest
    state.inputs = _object(data.get("inputs"))
    state.trigger = _object(data.get("trigger"))
    state.environment = _text(data.get("environment"))
    state.parent = _object(data.get("parent")) or None
    state.source = _text(data.get("source"))
    fork = _object(data.get("fork"))
    state.kept = dict(_object(fork.get("kept")))
    state.preapproved = _object(fork.get("approved"))
    state.created_at = event.at
    state.due_at = _whole(data.get("due_at"))
    state.late_window = _whole(data.get("late_window"))
    if state.due_at is not None and state.due_at > event.at:
        state.phase = Phase.SCHEDULED
        arm(state, DUE, state.due_at)
    else:
        state.phase = Phase.QUEUED


def _queued(state: RunState, event: Event) -> None:
    del event
    state.phase = Phase.QUEUED
    disarm(state, DUE)


def _starting(state: RunState, event: Event) -> None:
    state.phase = Phase.STARTING
    state.started_at = event.at
    disarm(state, DUE)


def _activated(state: RunState, event: Event) -> None:
    state.phase = Phase.ACTIVE
    _arm_deadline(state, event.at)
    open_scope(state, state.root, event.at)
    for name, gates in state.preapproved.items():
        state.steps[name].approved = {int(gate): _text(digest) for gate, digest in _object(gates).items()}


def _arm_deadline(state: RunState, at: int) -> None:
    if state.plan.policies.deadline is not None:
        state.deadline = at + state.plan.policies.deadline
        arm(state, DEADLINE, state.deadline)


def _end(state: RunState, phase: Phase, at: int) -> None:
    """Nothing of an ended run is out, armed or held any more."""
    state.phase = phase
    state.ended_at = at
    state.in_flight.clear()
    state.timers.clear()
    state.heap.clear()
    state.urgent.clear()
    state.overdue.clear()
    state.holds.clear()
    state.verdict = None
    state.ends_by = None
    state.overtime = False


def _completed(state: RunState, event: Event) -> None:
    state.outcome = str(event.data["outcome"])
    state.output = event.data.get("output")
    _end(state, Phase.COMPLETED, event.at)


def _failed(state: RunState, event: Event) -> None:
    state.failure_code = str(event.data["code"])
    state.failed_step = _text(event.data.get("step"))
    state.failure_message = _text(event.data.get("message"))
    _end(state, Phase.FAILED, event.at)


def _draining(state: RunState, event: Event) -> None:
    state.drain = event.data
    disarm(state, DEADLINE)
    _begin_end(state, event, Phase.DRAINING, DRAIN)


def _cancelling(state: RunState, event: Event) -> None:
    state.cancelling = event.data
    state.urgent.clear()
    state.timers.clear()
    state.heap.clear()
    _begin_end(state, event, Phase.CANCELLING, GRACE)


def _begin_end(state: RunState, event: Event, phase: Phase, timer: str) -> None:
    """Nothing holds a run that ends, and its phase has its own deadline."""
    state.phase = phase
    state.ending_since, state.ending_at = event.seq, event.at
    state.holds.clear()
    state.overdue.clear()
    state.overtime = False
    state.ends_by = _whole(event.data.get("deadline"))
    if state.ends_by is not None:
        arm(state, timer, state.ends_by)


def _cancelled(state: RunState, event: Event) -> None:
    state.failure_code = _text(event.data.get("code"))
    _end(state, Phase.CANCELLED, event.at)


def _skipped(state: RunState, event: Event) -> None:
    state.skip_reason = str(event.data["reason"])
    _end(state, Phase.SKIPPED, event.at)


def _redriven(state: RunState, event: Event) -> None:
    steps, fresh = event.data["steps"], event.data.get("fresh")
    assert isinstance(steps, list), "a redrive names its steps"
    state.epoch = int(str(event.data["epoch"]))
    state.phase = Phase.ACTIVE
    state.ended_at = None
    state.outcome = state.failure_code = state.failed_step = state.failure_message = None
    state.drain, state.cancelling = None, {}
    state.output = None
    _arm_deadline(state, event.at)
    if not state.root.steps:  # it ended before it was active
        open_scope(state, state.root, event.at)
        state.started_at = state.started_at or event.at
        return
    again = frozenset(str(name) for name in fresh) if isinstance(fresh, list) else frozenset()
    reset_steps(state, state.root, [str(name) for name in steps], event.at, again)
    ended_by = state.steps.get(state.finish or "")
    if ended_by is None or ended_by.status is not StepStatus.COMPLETED:
        state.finish = None


def _hold_opened(state: RunState, event: Event) -> None:
    reason = HoldReason(str(event.data["hold"]))
    connection = _text(event.data.get("connection"))
    anybodys = reason is HoldReason.REAUTH and connection is None  # nothing could cure it, so that a person may
    hold = Hold(reason, event.step, event.at, event.actor, event.reason, connection, anybodys)
    state.holds[reason, event.step] = hold


def _hold_cured(state: RunState, event: Event) -> None:
    key = HoldReason(str(event.data["hold"])), event.step
    state.holds[key] = state.holds[key]._replace(cured=True)


def _hold_released(state: RunState, event: Event) -> None:
    reason = HoldReason(str(event.data["hold"]))
    del state.holds[reason, event.step]
    if reason is HoldReason.THROUGHPUT:
        state.let_in = True
    start_at = _whole(event.data.get("start_at"))
    if start_at is not None and state.phase is Phase.QUEUED:
        arm(state, DUE, start_at)
    if reason in (HoldReason.REAUTH, HoldReason.CREDITS) and event.step is not None:
        step = state.steps[event.step]
        if step.status is StepStatus.HELD:
            mark(state, step, StepStatus.READY, event.at)
    if not state.holds:
        for task in state.overdue:
            state.urgent[state.approvals[task].step] = None


def _deadline_fired(state: RunState, event: Event) -> None:
    timer = str(event.data["timer"])
    assert timer in state.timers, "only an armed timer fires"
    disarm(state, timer)
    if timer in (DRAIN, GRACE):
        state.overtime = True
        return
    assert timer == DEADLINE, "only deadlines are no step's"
    state.verdict = state.verdict or {
        "code": "RUN_STALLED_OR_TIMED_OUT",
        "step": None,
        "message": "the run passed its deadline",
    }


def _timer_fired(state: RunState, step: StepState, event: Event) -> None:
    timer = str(event.data["timer"])
    kind, _, name = timer.partition(":")
    assert timer in state.timers, "only an armed timer fires"
    disarm(state, timer)
    if kind == RETRY:
        step.resume_at = None
        mark(state, step, StepStatus.READY, event.at)
    elif kind == DELAY:
        step.resume_at = None
        produce(state, step, {"at": iso(event.at)}, event.at)
    elif kind == WAIT:
        wait_is_over(state, step, event.at)
    elif kind == EVERY:
        step.resume_at = None
        mark(state, step, StepStatus.RUNNING, event.at)
        state.urgent[step.path] = None
    else:
        assert kind == EXPIRY, "a timer's name says what it is for"
        disarm(state, f"{WARN}:{name}")
        state.approvals[name] = state.approvals[name]._replace(overdue=bool(state.holds))
        if state.holds:
            state.overdue[name] = None
        else:
            state.urgent[step.path] = None


RUN_EVENTS: Final[dict[EventType, RunApplier]] = {
    EventType.RUN_CREATED: _created,
    EventType.RUN_QUEUED: _queued,
    EventType.RUN_STARTING: _starting,
    EventType.RUN_ACTIVATED: _activated,
    EventType.RUN_COMPLETED: _completed,
    EventType.RUN_FAILED: _failed,
    EventType.RUN_DRAINING: _draining,
    EventType.RUN_CANCELLING: _cancelling,
    EventType.RUN_CANCELLED: _cancelled,
    EventType.RUN_SKIPPED: _skipped,
    EventType.RUN_REDRIVEN: _redriven,
    EventType.HOLD_OPENED: _hold_opened,
    EventType.HOLD_CURED: _hold_cured,
    EventType.HOLD_RELEASED: _hold_released,
}
_ANY_PHASE: Final = frozenset({EventType.HOLD_OPENED, EventType.HOLD_CURED, EventType.HOLD_RELEASED})
_APPLIERS: Final = {**STEP_EVENTS, **AGENT_EVENTS, **APPROVAL_EVENTS}
