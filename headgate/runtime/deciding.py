"""What each step on the frontier needs next."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json, JsonObject
from headgate.runtime.agent_turns import goes_on, limit, refused, turn
from headgate.runtime.commands import Command, Perform, Prepare, Purpose, Record
from headgate.runtime.conversation import AGENT, BETWEEN
from headgate.runtime.edges import starved_by
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.loops import EACH, REPEAT, loop_of, whole
from headgate.runtime.state import Approval, RunState, StepState
from headgate.runtime.status import Cause, SkipDetail, StepStatus, WaitsFor
from headgate.runtime.weighing import fail, weigh_doubt, weigh_error

# What a kind's templates are evaluated for when its turn comes; any other kind has an effect and is dispatched.
_PURPOSES: Final[dict[str, Purpose]] = {
    "set": Purpose.RESULT,
    "switch": Purpose.RESULT,
    "fail": Purpose.RESULT,
    "finish": Purpose.RESULT,
    "each": Purpose.LOOP,
    "repeat": Purpose.LOOP,
    "human": Purpose.APPROVAL,
    "delay": Purpose.TIMER,
    "wait": Purpose.EVENT,
    "call": Purpose.CHILD,
}


def start(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    """The next command of a step that may start, or of an agent that may go on."""
    plan = step.plan
    if plan.kind == AGENT:
        stopped = limit(step, now_ms, _next_task(state))
        if stopped is not None or goes_on(step):
            return stopped or turn(step)
    if not plan.enabled:
        return [Record(EventType.STEP_SKIPPED, {"detail": SkipDetail.DISABLED.value}, step.path)]
    for gate in step.node.before:
        if gate not in step.approved:
            return [Prepare(Purpose.APPROVAL, step.path, {"task": _next_task(state), "gate": gate})]
    purpose = _PURPOSES.get(plan.kind, Purpose.DISPATCH)
    if purpose is Purpose.DISPATCH:
        attempt = step.attempts + 1
        return [Prepare(purpose, step.path, {"attempt": attempt}), Perform(step.path, attempt)]
    if purpose is Purpose.RESULT:
        return [Prepare(purpose, step.path, {"attempt": step.attempts + 1})]
    if purpose is Purpose.APPROVAL:
        return [Prepare(purpose, step.path, {"task": _next_task(state), "gate": None})]
    if purpose is Purpose.LOOP and step.loop is not None:
        return [Record(EventType.LOOP_STARTED, {"resumed": True}, step.path)]
    return [Prepare(purpose, step.path, {})]


def _next_task(state: RunState) -> str:
    return f"{state.run_id}-{len(state.approvals) + 1}"


def weigh(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    """What follows for a step that something happened to."""
    if step.status is StepStatus.PENDING:
        if step.dead_failure is not None:
            return [Record(EventType.STEP_BLOCKED, {"cause": step.dead_failure}, step.path)]
        return [_skip(step, Cause.DENIAL if step.dead_denial else Cause.BRANCH)]
    if step.starved is not None:
        cause = starved_by(state, step)
        if cause is Cause.FAILURE:
            return [Record(EventType.STEP_BLOCKED, {"cause": step.starved}, step.path)]
        return [_skip(step, cause)]
    if step.status is StepStatus.WAITING:
        return _weigh_approval(state, step, now_ms)
    assert step.status is StepStatus.RUNNING, "what is urgent is dead, starved, waits or runs"
    if step.lost:
        return weigh_doubt(state, step, None)
    if step.error is not None:
        return weigh_error(state, step, now_ms)
    if step.unchecked:
        return [Prepare(Purpose.CHECK, step.path, {})]
    if goes_on(step):
        return limit(step, now_ms, _next_task(state)) or turn(step)
    if step.has_result:
        gate = step.node.after[step.reviewed]
        return [Prepare(Purpose.APPROVAL, step.path, {"task": _next_task(state), "gate": gate})]
    return _weigh_loop(state, step, now_ms)


def _skip(step: StepState, cause: Cause) -> Record:
    detail = SkipDetail.DENIED if cause is Cause.DENIAL else SkipDetail.BRANCH_NOT_TAKEN
    return Record(EventType.STEP_SKIPPED, {"detail": detail.value}, step.path)


def _weigh_approval(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    assert step.approval is not None, "a step waits in urgency for its approval only"
    approval = state.approvals[step.approval]
    if approval.status == "denied" or (approval.status == "expired" and approval.when != "before"):
        return fail(state, step, _rejected(step, approval))
    policy = approval.on_expiry
    if approval.overdue and policy == "proceed":
        policy = "ask_again"
    if policy == "escalate" and not approval.escalate_to:
        policy = "deny"
    expired = Record(EventType.APPROVAL_EXPIRED, {"task": approval.task, "policy": policy}, step.path)
    if policy == "escalate":
        people: list[Json] = list(approval.escalate_to)
        return [expired, _ask_anew(state, step, approval, now_ms, {"assignees": people, "on_expiry": "deny"})]
    if policy == "ask_again":
        return [expired, _ask_anew(state, step, approval, now_ms, {})]
    return [expired]


def _ask_anew(state: RunState, step: StepState, old: Approval, now_ms: int, changes: JsonObject) -> Record:
    data: JsonObject = {
        "task": _next_task(state),
        "kind": old.kind,
        "when": old.when,
        "gate": old.gate,
        "title": old.title,
        "body": old.body,
        "assignees": list(old.assignees),
        "expires": old.expires,
        "expires_at": now_ms + old.expires,
        "on_expiry": old.on_expiry,
        "escalate_to": list(old.escalate_to),
        "reversibility": old.reversibility,
        "channel": old.channel,
        "input": old.input,
        "input_digest": old.input_digest,
        "escalated_from": old.task,
    }
    if old.fields is not None:
        data["fields"] = old.fields
    return Record(EventType.APPROVAL_REQUESTED, {**data, **changes}, step.path)


def _rejected(step: StepState, approval: Approval) -> StepError:
    if approval.when == BETWEEN:
        said = f"{approval.decided_by} denied that it goes on"
        if approval.comment:
            said += f": {approval.comment}"
        return refused(step, "nobody let it go on in time" if approval.status == "expired" else said)
    if approval.status == "expired":
        message = f"nobody decided the {approval.kind} of `{step.path}` in time, which denies it"
    else:
        message = f"{approval.decided_by} rejected what `{step.path}` did"
        if approval.comment:
            message += f": {approval.comment}"
    return StepError("HUMAN_TASK_FAILED", message, ErrorClass.PERMANENT)


def _weigh_loop(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    """Every item or round that was open has ended."""
    loop = loop_of(step)
    assert not loop.active, "a loop is weighed when nothing of it is open"
    if loop.failing is not None:
        failed = state.steps[loop.failing].error
        assert failed is not None, "a step that failed has its error"
        detail: JsonObject = {**(failed.detail or {}), "step": loop.failing}
        return fail(state, step, failed._replace(error_class=ErrorClass.PERMANENT, detail=detail))
    if step.plan.kind == EACH:
        return [Record(EventType.LOOP_ENDED, {}, step.path)]
    assert step.plan.kind == REPEAT, "each and repeat are the loops"
    return _weigh_round(state, step, now_ms)


def _weigh_round(state: RunState, step: StepState, now_ms: int) -> list[Command]:
    loop, config = loop_of(step), step.config
    if loop.stopped is not None:
        return [Record(EventType.LOOP_ENDED, {}, step.path)]
    to_test = loop.opened if "while" in config else loop.opened - 1
    tests = "while" in config or ("until" in config and loop.opened > 0)
    if tests and loop.tested < to_test:
        return [Prepare(Purpose.TEST, step.path, {"iteration": to_test})]
    most = whole(config.get("max"), 1)
    if loop.opened >= most:
        if config.get("on_max") == "continue":
            return [Record(EventType.LOOP_ENDED, {}, step.path)]
        message = f"`{step.path}` reached its max of {most} rounds"
        return fail(state, step, StepError("LIMIT_EXCEEDED", message, ErrorClass.PERMANENT))
    due = loop.round_at + whole(config.get("every"), 0) if loop.opened else now_ms
    if due > now_ms:
        return [Record(EventType.STEP_WAITING, {"for": WaitsFor.TIMER.value, "until": due}, step.path)]
    return [Record(EventType.ROUND_STARTED, {"iteration": loop.opened}, step.path)]
