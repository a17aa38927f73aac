"""What a failure leads to: another attempt, a hold, or the end; and what a step's failure does to its run."""

from __future__ import annotations

from hashlib import blake2b

from headgate.plan import JsonObject
from headgate.runtime.commands import Command, Record
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.state import RunState, StepState, error_json
from headgate.runtime.status import HoldReason, Phase

JITTER = 0.1
LONGEST_RETRY_AFTER_MS = 86_400_000
DEFAULT_BACKOFF_MS = 5_000
LOST_AT_MOST = 5
"""How many attempts of a step may be lost in a row before a person is asked; a worker that stops in good order does not
count.
"""


def doubt_policy(step: StepState) -> str:
    """`retry`, `hold` or `fail`: what to do when nobody knows whether the attempt had its effect.

    An agent's model may be asked again; a tool call is in doubt by its own tool, unless the step retries in any case.
    """
    policy, talk = step.plan.in_doubt, step.talk
    if talk is None or talk.outside:
        return policy
    call = talk.pending()
    return policy if call is not None and call.get("in_doubt") != "retry" else "retry"


def weigh_error(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    """What follows from the error of the attempt that just ended."""
    error = step.error
    assert error is not None, "only an attempt with an error is weighed"
    kind = error.error_class
    if kind is ErrorClass.IN_DOUBT and doubt_policy(step) != "retry":
        return weigh_doubt(state, step, error)
    if kind is ErrorClass.AUTH:
        connection = (error.detail or {}).get("connection")
        return hold(step, HoldReason.REAUTH, connection) if isinstance(connection, str) else fail(state, step, error)
    if kind is ErrorClass.QUOTA and error.hold is not None:
        return hold(step, HoldReason(error.hold))
    if kind in (ErrorClass.TRANSIENT, ErrorClass.IN_DOUBT) and step.failures <= step.plan.retry.max:
        at = now_ms + retry_delay_ms(state, step, error)
        return [Record(EventType.STEP_RETRYING, {"attempt": step.attempts + 1, "at": at}, step.path)]
    return fail(state, step, error)


def weigh_doubt(state: RunState, step: StepState, error: StepError | None) -> list[Command]:
    """What follows when nobody knows whether the attempt had its effect.

    What may be sent again is, but not for ever: it may be this step that its workers die of.
    """
    policy = doubt_policy(step)
    if policy == "retry" and step.losses >= LOST_AT_MOST:
        policy = "hold"
    if policy == "retry":
        return [Record(EventType.STEP_INTERRUPTED, {"attempt": step.attempts}, step.path)]
    if policy == "hold":
        return hold(step, HoldReason.IN_DOUBT)
    message = f"attempt {step.attempts} of `{step.path}` was lost after its request may have left"
    detail: JsonObject | None = None
    if error is not None:
        message = f"attempt {step.attempts} of `{step.path}` broke after its request may have left: {error.message}"
        detail = {"error": error_json(error)}
    return fail(state, step, StepError("EFFECT_IN_DOUBT", message, ErrorClass.PERMANENT, detail=detail))


def hold(step: StepState, reason: HoldReason, connection: str | None = None) -> list[Command]:
    """Hold the run at `step`; for reauthorization, of a connection: nothing else could release it."""
    held = held_for(step.path, reason, connection)
    return [held, opening(held)]


def held_for(step: str, reason: HoldReason, connection: str | None = None) -> Record:
    """The first of the two events of a hold at a step."""
    named: JsonObject = {} if connection is None else {"connection": connection}
    return Record(EventType.STEP_HELD, {"hold": reason.value, **named}, step)


def opening(held: Record) -> Record:
    """The second: the run is held by it."""
    return Record(EventType.HOLD_OPENED, held.data, held.step)


def fail(state: RunState, step: StepState, error: StepError) -> list[Command]:
    """Fail `step` for good, and say what that means for its run. What the platform refused nobody can try again."""
    then = consequence(state, step)
    if then == "pause" and error.error_class is ErrorClass.POLICY:
        then = "fail" if step.scope.loop is None else "item"
    records: list[Command] = [Record(EventType.STEP_FAILED, {"error": error_json(error), "then": then}, step.path)]
    if then == "pause":
        records.append(Record(EventType.HOLD_OPENED, {"hold": HoldReason.STEP_FAILED.value}, step.path))
    return records


def consequence(state: RunState, step: StepState) -> str:
    """`handled` when an edge takes the failure up, `item` when the loop around it decides, else the step's policy:
    `fail`, `pause`, `drain` or `continue`; while a run drains, its verdict stands.
    """
    if step.node.handled:
        return "handled"
    loop = step.scope.loop
    draining = state.phase is Phase.DRAINING
    if loop is not None:
        return "pause" if loop.config.get("on_item_failure") == "pause" and not draining else "item"
    if draining:
        return "continue"
    if step.plan.on_failure is None and step.node.kind == "fail":
        return "fail"
    policy = step.plan.on_failure or state.plan.policies.on_failure
    return policy if policy in ("pause", "drain", "continue") else "fail"


def retry_delay_ms(state: RunState, step: StepState, error: StepError) -> int:
    """How long until the next attempt, in ms: what the provider asked for, else the backoff with its jitter.

    The jitter is a hash of run, step and attempt, so that deciding twice gives the same.
    """
    if error.retry_after_ms is not None:
        return max(0, min(error.retry_after_ms, LONGEST_RETRY_AFTER_MS))
    backoff = step.plan.retry.backoff or (DEFAULT_BACKOFF_MS,)
    base = backoff[min(step.failures, len(backoff)) - 1]
    seed = f"{state.run_id}/{step.path}/{step.attempts}".encode()
    share = int.from_bytes(blake2b(seed, digest_size=4).digest(), "big") / 0xFFFFFFFF
    return round(base * (1 - JITTER + 2 * JITTER * share))
