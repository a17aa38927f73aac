"""What the events of a step do to it, and to those that follow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from headgate.plan import Json, JsonObject
from headgate.runtime.conversation import AGENT, CALLBACK_EXPIRES_MS, Conversation
from headgate.runtime.edges import close
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import Event, EventType
from headgate.runtime.loops import conclude, loop_of, loop_result, open_next, start_loop, whole
from headgate.runtime.marks import DELAY, EVERY, RETRY, WAIT, arm, begin, disarm, mark, park
from headgate.runtime.state import RunState, StepState, error_of
from headgate.runtime.status import HoldReason, SkipDetail, StepStatus, WaitsFor

Applier: TypeAlias = "Callable[[RunState, StepState, Event], None]"

UNKNOWN_RESULT: Final = "It was done. What it returned is not known."
"""What an agent is told of a tool call that a person confirmed without its output."""
KEPT = "kept"
"""The detail of a step that completed in the run that this one was forked from."""

_CALLS: Final = frozenset({"workflow", "inputs"})
"""The attributes of a `call` that decide which run it makes."""

COUNTED = (ErrorClass.TRANSIENT, ErrorClass.IN_DOUBT)


def produce(state: RunState, step: StepState, result: Json, at: int) -> None:
    """The action is done: what the step declares of its result is checked, then it goes on as `accept` says."""
    step.result = result
    step.has_result = True
    if step.plan.result is None:
        finish_action(state, step, at)
        return
    step.unchecked = True
    mark(state, step, StepStatus.RUNNING, at)
    state.urgent[step.path] = None


def accept(state: RunState, step: StepState, result: Json, at: int) -> None:
    """A checked result: the step completes, or its next gate after the action is to be asked."""
    step.result = result
    step.has_result = True
    finish_action(state, step, at)


def finish_action(state: RunState, step: StepState, at: int) -> None:
    if step.reviewed < len(step.node.after):
        mark(state, step, StepStatus.RUNNING, at)
        state.urgent[step.path] = None
        return
    mark(state, step, StepStatus.COMPLETED, at)
    if step.plan.kind == "finish" and state.finish is None:
        state.finish = step.path
    conclude(state, step, at)


def _dispatched(state: RunState, step: StepState, event: Event) -> None:
    attempt = event.data["attempt"]
    assert isinstance(attempt, int), "attempts are numbered"
    begin(step, event.at)
    step.attempts = attempt
    step.input = event.data.get("input")
    step.key = event.data.get("key")
    step.error = None
    step.lost = False
    if step.plan.kind == AGENT:
        step.talk = step.talk or Conversation()
        step.talk.outside = bool(event.data.get("outside"))
    state.in_flight[step.path] = attempt
    mark(state, step, StepStatus.RUNNING, event.at)


def _is_late(state: RunState, step: StepState, event: Event) -> bool:
    """Whether the end of an attempt comes after it was given up: it is recorded, and changes nothing.

    What is evaluated in place is never in flight; it counts on, where a late end names an attempt there was.
    """
    attempt = event.data.get("attempt")
    if step.status is StepStatus.RUNNING:
        return state.in_flight.get(step.path) != attempt
    if step.status in (StepStatus.READY, StepStatus.INTERRUPTED):
        return isinstance(attempt, int) and attempt <= step.attempts
    return True


def _succeeded(state: RunState, step: StepState, event: Event) -> None:
    if _is_late(state, step, event):
        return
    if step.status in (StepStatus.READY, StepStatus.INTERRUPTED):  # a kind without effect, evaluated in place
        begin(step, event.at)
        attempt = event.data.get("attempt")
        step.attempts = attempt if isinstance(attempt, int) else step.attempts + 1
        step.input = event.data["input"] if "input" in event.data else event.data.get("result")
    else:
        del state.in_flight[step.path]
    step.error = None
    step.losses = 0
    accept(state, step, event.data.get("result"), event.at)


def _kept(state: RunState, step: StepState, event: Event) -> None:
    """It ended so in the run that this one was forked from."""
    facts = state.kept.pop(step.path)
    assert isinstance(facts, dict), "a kept step says how it ended"
    step.input = facts.get("input")
    if "result" in facts:
        step.result, step.has_result = facts["result"], True
    status, detail = StepStatus(str(facts["status"])), facts.get("detail")
    if detail == SkipDetail.DENIED:
        state.denied = step.denied = True
    elif detail == SkipDetail.FORCED:
        state.forced = True
    mark(state, step, status, event.at, str(detail) if status is StepStatus.SKIPPED else KEPT)
    conclude(state, step, event.at)


def _checked(state: RunState, step: StepState, event: Event) -> None:
    assert step.unchecked, "only what is unchecked is checked"
    step.unchecked = False
    state.urgent.pop(step.path, None)
    finish_action(state, step, event.at)


def _failed_attempt(state: RunState, step: StepState, event: Event) -> None:
    found = event.data["error"]
    assert isinstance(found, dict), "an attempt that failed has an error"
    attempt = event.data.get("attempt")
    weighed = attempt is None and step.status is StepStatus.RUNNING  # a template of a step that runs
    if not weighed and _is_late(state, step, event):
        return
    if step.status in (StepStatus.READY, StepStatus.INTERRUPTED):  # evaluated in place
        begin(step, event.at)
        step.attempts = attempt if isinstance(attempt, int) else step.attempts + 1
    elif not weighed:
        del state.in_flight[step.path]
    if "input" in event.data:
        step.input = event.data["input"]
    if step.talk is not None:
        step.talk.going = False
    step.error = error_of(found)
    step.losses = 0
    if step.unchecked:
        step.unchecked, step.result, step.has_result = False, None, False
    if step.error.error_class in COUNTED:
        step.failures += 1
    mark(state, step, StepStatus.RUNNING, event.at)
    state.urgent[step.path] = None


def _lost(state: RunState, step: StepState, event: Event) -> None:
    if _is_late(state, step, event):
        return
    del state.in_flight[step.path]
    step.lost = True
    if (HoldReason.INTERRUPTED, None) not in state.holds:
        step.losses += 1
    state.urgent[step.path] = None


def _interrupted(state: RunState, step: StepState, event: Event) -> None:
    step.lost = False
    state.urgent.pop(step.path, None)
    mark(state, step, StepStatus.INTERRUPTED, event.at)


def _retrying(state: RunState, step: StepState, event: Event) -> None:
    at = event.data["at"]
    assert isinstance(at, int), "a retry has its time"
    state.urgent.pop(step.path, None)
    step.resume_at = at
    arm(state, f"{RETRY}:{step.path}", at)
    mark(state, step, StepStatus.RETRYING, event.at)


def _failed(state: RunState, step: StepState, event: Event) -> None:
    found = event.data.get("error")
    if isinstance(found, dict):
        step.error = error_of(found)
    step.lost = False
    mark(state, step, StepStatus.FAILED, event.at)
    code = "" if step.error is None else step.error.code
    then = event.data.get("then")
    if then in ("fail", "drain"):
        state.verdict = state.verdict or {
            "code": code,
            "step": step.path,
            "message": "" if step.error is None else step.error.message,
            "drain": then == "drain",
        }
    elif then != "pause":
        if then == "item":
            step.scope.failure = step.scope.failure or step.path
        state.failures[step.path] = code
        conclude(state, step, event.at)


def _skipped(state: RunState, step: StepState, event: Event) -> None:
    detail = SkipDetail(str(event.data["detail"]))
    if step.status is StepStatus.FAILED and detail is SkipDetail.OPERATOR and step.error is not None:
        state.failures[step.path] = step.error.code
    if detail is SkipDetail.FORCED:
        state.forced = True
        state.in_flight.pop(step.path, None)
    if "output" in event.data:
        step.result = event.data["output"]
        step.has_result = True
    else:
        step.result, step.has_result = None, False
    _drop_timers(state, step)
    mark(state, step, StepStatus.SKIPPED, event.at, detail.value)
    _end(state, step, event)


def _blocked(state: RunState, step: StepState, event: Event) -> None:
    cause = event.data.get("cause")
    step.cause = cause if isinstance(cause, str) else None
    mark(state, step, StepStatus.BLOCKED, event.at)
    _end(state, step, event)


def _end(state: RunState, step: StepState, event: Event) -> None:
    """What follows goes on, but for a `final` end: the run ends with it."""
    if event.data.get("final"):
        close(state, step)
    else:
        conclude(state, step, event.at)


def _cancelled(state: RunState, step: StepState, event: Event) -> None:
    cause = event.data.get("cause")
    step.cause = cause if isinstance(cause, str) else None
    state.in_flight.pop(step.path, None)
    _drop_timers(state, step)
    mark(state, step, StepStatus.CANCELLED, event.at)
    close(state, step)


def _held(state: RunState, step: StepState, event: Event) -> None:
    state.urgent.pop(step.path, None)
    step.lost = False
    mark(state, step, StepStatus.HELD, event.at, str(event.data["hold"]))


def _starved(state: RunState, step: StepState, event: Event) -> None:
    step.starved = str(event.data["on"])
    state.ready.pop(step.path, None)
    state.interrupted.pop(step.path, None)
    state.urgent[step.path] = None


def _waiting(state: RunState, step: StepState, event: Event) -> None:
    data, path = event.data, step.path
    waits_for = WaitsFor(str(data["for"]))
    if "input" in data:
        step.input = data["input"]
    elif "inputs" in data:
        step.input = {"inputs": data["inputs"]}
    if waits_for is WaitsFor.TIMER:
        until = data["until"]
        assert isinstance(until, int), "a timer has its time"
        step.resume_at = until
        park(state, step, waits_for, event.at)
        arm(state, f"{DELAY if step.loop is None else EVERY}:{path}", until)
        return
    if waits_for is WaitsFor.EVENT:
        park(state, step, waits_for, event.at)
        state.listening[path] = str(data["event"])
        _bound(state, step, data.get("until"))
        return
    assert waits_for is WaitsFor.SUBRUN, "only timers, events and sub-runs are waited for by this event"
    step.child = str(data["run"])
    step.detached = bool(data.get("detach"))
    step.attempts += 1
    if step.detached:
        begin(step, event.at)
        produce(state, step, {"run": step.child}, event.at)
    else:
        park(state, step, waits_for, event.at)


def _bound(state: RunState, step: StepState, until: Json) -> None:
    """The wait ends at `until`, UTC in ms, also when nothing comes."""
    if isinstance(until, int):
        step.resume_at = until
        arm(state, f"{WAIT}:{step.path}", until)


def wait_is_over(state: RunState, step: StepState, at: int) -> None:
    """Nothing came in time for a step that waits for an event or a callback."""
    step.resume_at = None
    given = step.input if isinstance(step.input, dict) else {}
    if step.detail == WaitsFor.EVENT and given.get("on_expiry") == "continue":
        produce(state, step, None, at)
        return
    if step.detail == WaitsFor.EVENT:
        message = f"the event `{given.get('event')}` that `{step.path}` waits for did not come in time"
        step.error = StepError("STEP_TIMED_OUT", message, ErrorClass.PERMANENT)
    else:
        message = f"attempt {step.attempts} of `{step.path}` was not called back in time"
        unknown = step.talk is None  # an agent's step fails, and who redrives it knows that it may still be at work
        step.error = StepError("STEP_TIMED_OUT", message, ErrorClass.IN_DOUBT if unknown else ErrorClass.PERMANENT)
        step.failures += 1
    mark(state, step, StepStatus.RUNNING, at)
    state.urgent[step.path] = None


def _signalled(state: RunState, step: StepState, event: Event) -> None:
    state.signals.setdefault(str(event.data["signal"]), []).append(step.path)
    _drop_timers(state, step)
    _answered(state, step, event, "payload")


def _parked(state: RunState, step: StepState, event: Event) -> None:
    """The attempt has left its work with somebody who will call back."""
    if step.status is not StepStatus.RUNNING or _is_late(state, step, event):
        return
    del state.in_flight[step.path]
    park(state, step, WaitsFor.CALLBACK, event.at)
    _bound(state, step, event.data.get("until"))


def awaits_callback(state: RunState, step: StepState, attempt: Json) -> bool:
    """Whether a callback for `attempt` still decides how it ends: it may be faster than the call that asked for it."""
    if step.status is StepStatus.WAITING:
        return step.detail == WaitsFor.CALLBACK and step.attempts == attempt
    if step.status is StepStatus.HELD:  # an attempt in doubt that answers has happened
        return step.detail == HoldReason.IN_DOUBT and step.attempts == attempt
    return step.status is StepStatus.RUNNING and state.in_flight.get(step.path) == attempt


def _called_back(state: RunState, step: StepState, event: Event) -> None:
    data = event.data
    state.callbacks[str(data["token"])] = step.path
    if not awaits_callback(state, step, data.get("attempt")):
        return
    state.in_flight.pop(step.path, None)
    _drop_timers(state, step)
    _answered(state, step, event, "result")


def _answered(state: RunState, step: StepState, event: Event, result: str) -> None:
    """What came from outside is the step's result, or fails it."""
    error = event.data.get("error")
    if not isinstance(error, dict):
        step.error = None
        produce(state, step, event.data.get(result), event.at)
        return
    step.error = error_of(error)
    if step.error.error_class in COUNTED:
        step.failures += 1
    mark(state, step, StepStatus.RUNNING, event.at)
    state.urgent[step.path] = None


def _child_ended(state: RunState, step: StepState, event: Event) -> None:
    assert step.detail == WaitsFor.SUBRUN, "only who waits for a sub-run is told of its end"
    assert event.data.get("run") == step.child, "and only of that of its own"
    if event.data.get("status") == "completed":
        produce(state, step, event.data.get("output"), event.at)
        return
    step.error = _subrun_failed(step, event)
    mark(state, step, StepStatus.RUNNING, event.at)
    state.urgent[step.path] = None


def _subrun_failed(step: StepState, event: Event) -> StepError:
    status, failure = event.data.get("status"), event.data.get("failure")
    said = failure.get("message") if isinstance(failure, dict) else None
    message = f"sub-run `{step.child}` of `{step.config.get('workflow')}` ended {status}"
    detail: JsonObject = {"run": step.child, "status": status, "failure": failure}
    return StepError("SUBRUN_FAILED", f"{message}: {said}" if said else message, ErrorClass.PERMANENT, detail=detail)


def _loop_started(state: RunState, step: StepState, event: Event) -> None:
    items = event.data.get("items")
    begin(step, event.at)
    step.attempts += 1
    step.error = None
    start_loop(state, step, items if isinstance(items, list) else [], event.at)


def _round_started(state: RunState, step: StepState, event: Event) -> None:
    state.urgent.pop(step.path, None)
    open_next(state, step, event.at)
    if not loop_of(step).active:
        state.urgent[step.path] = None


def _round_tested(state: RunState, step: StepState, event: Event) -> None:
    loop = loop_of(step)
    tested = event.data["iteration"]
    assert isinstance(tested, int), "rounds are numbered"
    loop.tested = tested
    if event.data.get("stop"):
        loop.stopped = "while" if "while" in step.config else "until"
    state.urgent[step.path] = None


def _loop_ended(state: RunState, step: StepState, event: Event) -> None:
    state.urgent.pop(step.path, None)
    produce(state, step, loop_result(state, step), event.at)


def _retried(state: RunState, step: StepState, event: Event) -> None:
    edit = event.data.get("edit")
    if isinstance(edit, dict):
        step.edit = {**(step.edit or {}), **edit}
        if not edit.keys().isdisjoint(_CALLS):
            step.child = None  # another call makes another run
    failures = step.failures if step.status is StepStatus.RETRYING else 0
    _again(state, step, event.at)
    step.failures = failures  # between attempts it only goes on at once; after the last it has its retries anew


def _confirmed(state: RunState, step: StepState, event: Event) -> None:
    if event.data.get("done"):
        step.error, step.lost = None, False  # nothing is in doubt any more, whatever comes next
        if step.talk is not None and step.talk.pending() is not None:
            step.talk.returned({"result": event.data.get("output", UNKNOWN_RESULT)})
            step.talk.going = True
            mark(state, step, StepStatus.READY, event.at)
        elif step.talk is not None and step.talk.outside and "output" not in event.data:  # it has the task
            park(state, step, WaitsFor.CALLBACK, event.at)
            _bound(state, step, event.at + whole(step.config.get("callback_expires"), CALLBACK_EXPIRES_MS))
        else:
            accept(state, step, event.data.get("output"), event.at)
    else:
        _again(state, step, event.at)


def _again(state: RunState, step: StepState, at: int) -> None:
    """The step may start once more, with its retries counted from the beginning."""
    step.failures = step.losses = 0
    step.unchecked = False
    step.reviewed = 0
    step.starved = None
    step.result, step.has_result = None, False
    _drop_timers(state, step)
    mark(state, step, StepStatus.READY, at)


def _drop_timers(state: RunState, step: StepState) -> None:
    step.resume_at = None
    if state.timers:
        for name in (RETRY, DELAY, EVERY, WAIT):
            disarm(state, f"{name}:{step.path}")


STEP_EVENTS: Final[dict[EventType, Applier]] = {
    EventType.STEP_DISPATCHED: _dispatched,
    EventType.ATTEMPT_SUCCEEDED: _succeeded,
    EventType.ATTEMPT_FAILED: _failed_attempt,
    EventType.ATTEMPT_LOST: _lost,
    EventType.ATTEMPT_CANCELLED: _lost,
    EventType.STEP_INTERRUPTED: _interrupted,
    EventType.STEP_RETRYING: _retrying,
    EventType.STEP_FAILED: _failed,
    EventType.STEP_SKIPPED: _skipped,
    EventType.STEP_BLOCKED: _blocked,
    EventType.STEP_CANCELLED: _cancelled,
    EventType.STEP_HELD: _held,
    EventType.STEP_STARVED: _starved,
    EventType.STEP_WAITING: _waiting,
    EventType.ATTEMPT_PARKED: _parked,
    EventType.CALLBACK_RECEIVED: _called_back,
    EventType.SIGNAL_RECEIVED: _signalled,
    EventType.CHILD_ENDED: _child_ended,
    EventType.STEP_CHECKED: _checked,
    EventType.STEP_KEPT: _kept,
    EventType.LOOP_STARTED: _loop_started,
    EventType.ROUND_STARTED: _round_started,
    EventType.ROUND_TESTED: _round_tested,
    EventType.LOOP_ENDED: _loop_ended,
    EventType.STEP_RETRIED: _retried,
    EventType.STEP_CONFIRMED: _confirmed,
}
