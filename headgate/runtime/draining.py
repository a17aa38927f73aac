"""A run that drains: what is out may finish, nothing new starts, and then its verdict falls."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json, JsonObject
from headgate.runtime.agent_turns import goes_on
from headgate.runtime.closing import CANCEL_GRACE_MS, abort_all, cancel_open, cancel_step, fail_run
from headgate.runtime.commands import Command, Perform, Prepare, Purpose, Record
from headgate.runtime.deciding import weigh
from headgate.runtime.events import EventType
from headgate.runtime.state import RunState, StepState
from headgate.runtime.status import Drain, Phase, WaitsFor

_NAMED = 3
# What may still be decided of a step: none of it starts anything.
_ENDS: Final = frozenset({EventType.STEP_FAILED, EventType.STEP_BLOCKED, EventType.STEP_SKIPPED, EventType.LOOP_ENDED})
_LOOKS: Final = frozenset({Purpose.TEST, Purpose.CHECK})


def begin(state: RunState, verdict: JsonObject, now_ms: int) -> Record:
    """A step failed whose policy is to drain. The run's own limits bound the drain: its `timeout` and `deadline`."""
    data: JsonObject = {"verdict": Drain.FAILED.value, **{key: verdict[key] for key in ("code", "step", "message")}}
    return Record(EventType.RUN_DRAINING, {**data, "deadline": drain_until(state, now_ms, state.plan.policies.timeout)})


def drain_until(state: RunState, now_ms: int, most_ms: int) -> int:
    """The deadline of a drain that begins now and may take `most_ms`; never later than the run's own, UTC in ms."""
    return min(now_ms + most_ms, state.deadline) if state.deadline is not None else now_ms + most_ms


def drain(state: RunState, now_ms: int) -> list[Command]:
    """What to do next in phase `draining`; empty while something is out that may finish."""
    assert state.phase is Phase.DRAINING, "only a run that drains is drained"
    closed = _close_waits(state)
    if closed:
        return closed
    if state.urgent:
        return _weigh(state, state.steps[next(iter(state.urgent))], now_ms)
    if not what_is_out(state):
        return _verdict(state)
    return _too_late(state, now_ms) if state.overtime else []


def what_is_out(state: RunState) -> list[str]:
    """The steps with an attempt out, and those that wait for their sub-run."""
    called = (path for path in state.waiting if state.steps[path].detail == WaitsFor.SUBRUN)
    return [*state.in_flight, *called]


def named(paths: list[str]) -> str:
    """A few of them, in words."""
    shown = ", ".join(f"`{path}`" for path in paths[:_NAMED])
    return f"{shown} and {len(paths) - _NAMED} more" if len(paths) > _NAMED else shown


def _close_waits(state: RunState) -> list[Command]:
    """Ends what waits, is held or is between attempts. A sub-run drains for itself, and is waited for."""
    commands: list[Command] = []
    waiting = (path for path in state.waiting if state.steps[path].detail != WaitsFor.SUBRUN)
    for path in (*state.retrying, *state.held, *state.interrupted, *waiting):
        commands += cancel_step(state, state.steps[path], _cause(state))
    return commands


def _weigh(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    """What happened to a step is decided as ever, but for what would start something: that cancels it."""
    if not (_was_stopped(step) or _is_broken_off(step)):
        commands = weigh(state, step, now_ms)
        if goes_on(step) and isinstance(commands[-1], Perform):  # what its attempt does next
            return commands
        kept = [each for each in commands if not (isinstance(each, Record) and each.type is EventType.HOLD_OPENED)]
        if all(_only_ends(each) for each in kept):
            return kept
    return cancel_step(state, step, _cause(state))


def _only_ends(command: Command) -> bool:
    match command:
        case Record():
            return command.type in _ENDS
        case Prepare():
            return command.purpose in _LOOKS
        case _:
            return False


def _was_stopped(step: StepState) -> bool:
    """Whether it called a sub-run that was stopped with this one."""
    error = step.error
    detail = None if error is None or error.code != "SUBRUN_FAILED" else error.detail
    return detail is not None and detail.get("status") == "cancelled"


def _is_broken_off(step: StepState) -> bool:
    """Whether it is a loop of which items were not begun."""
    loop = step.loop
    return loop is not None and loop.failing is None and loop.opened < len(loop.items)


def _cause(state: RunState) -> Json:
    drained = _facts(state)
    return drained["code"] if drained.get("step") is None else drained["step"]


def _facts(state: RunState) -> JsonObject:
    assert state.drain is not None, "a drain has its verdict"
    return state.drain


def _verdict(state: RunState) -> list[Command]:
    """Nothing is out any more."""
    drained = _facts(state)
    if drained["verdict"] == Drain.FAILED:
        return fail_run(state, str(drained["code"]), drained["step"], drained["message"])
    return [*cancel_open(state), Record(EventType.RUN_CANCELLED, {"code": drained["code"]})]


def _too_late(state: RunState, now_ms: int) -> list[Command]:
    drained, still = _facts(state), what_is_out(state)
    message = f"{named(still)} did not finish before the drain's deadline"
    if drained.get("step") is not None:
        message += f"; the run drained because `{drained['step']}` failed with {drained['code']}: {drained['message']}"
    data: JsonObject = {
        "code": "DRAIN_TIMEOUT",
        "then": Drain.FAILED.value,
        "step": drained.get("step") or still[0],
        "message": message,
        "deadline": now_ms + CANCEL_GRACE_MS,
    }
    return [Record(EventType.RUN_CANCELLING, data), *abort_all(state)]
