"""What the events of an approval do to its step."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json, JsonObject
from headgate.runtime.agent_events import go_on, talk_of
from headgate.runtime.conversation import BETWEEN, rounds_allowed
from headgate.runtime.events import Event, EventType
from headgate.runtime.fields import defaults
from headgate.runtime.loops import conclude
from headgate.runtime.marks import EXPIRY, WARN, arm, disarm, mark, park
from headgate.runtime.state import Approval, RunState, StepState
from headgate.runtime.status import SkipDetail, StepStatus, WaitsFor
from headgate.runtime.step_events import Applier, finish_action, produce
from headgate.runtime.times import iso

_WAITS = {"review": WaitsFor.REVIEW, "form": WaitsFor.FORM, "task": WaitsFor.FORM}
WARN_SHARE = 0.8
"""Of the time that people are given, until they are warned."""
HUMAN = "human"


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(str(each) for each in value) if isinstance(value, list) else ()


def _number(data: JsonObject, key: str) -> int:
    value = data[key]
    assert isinstance(value, int), f"an approval's {key} is a whole number"
    return value


def _approval(step: StepState, event: Event) -> Approval:
    data = event.data
    gate, digest, escalated = data.get("gate"), data.get("input_digest"), data.get("escalated_from")
    fields, links = data.get("fields"), data.get("links")
    return Approval(
        task=str(data["task"]),
        step=step.path,
        kind=str(data["kind"]),
        when=str(data.get("when") or "before"),
        gate=gate if isinstance(gate, int) else None,
        title=str(data.get("title") or ""),
        body=data.get("body"),
        assignees=_texts(data.get("assignees")),
        requested_at=event.at,
        expires=_number(data, "expires"),
        expires_at=_number(data, "expires_at"),
        on_expiry=str(data["on_expiry"]),
        escalate_to=_texts(data.get("escalate_to")),
        reversibility=str(data.get("reversibility") or step.plan.reversibility),
        channel=str(data.get("channel") or "inbox"),
        input=data.get("input"),
        input_digest=digest if isinstance(digest, str) else None,
        escalated_from=escalated if isinstance(escalated, str) else None,
        fields=fields if isinstance(fields, dict) else None,
        links={person: str(token) for person, token in links.items()} if isinstance(links, dict) else {},
    )


def _requested(state: RunState, step: StepState, event: Event) -> None:
    approval = _approval(step, event)
    state.approvals[approval.task] = approval
    step.approval = approval.task
    if approval.when == "before":
        step.input = approval.input
    _set_clock(state, approval, event.at)
    park(state, step, _WAITS.get(approval.kind, WaitsFor.APPROVAL), event.at)


def _set_clock(state: RunState, approval: Approval, at: int) -> None:
    """Arms the expiry, and the warning before it."""
    arm(state, f"{EXPIRY}:{approval.task}", approval.expires_at)
    arm(state, f"{WARN}:{approval.task}", at + round(WARN_SHARE * (approval.expires_at - at)))


def _expiring(state: RunState, step: StepState, event: Event) -> None:
    del step
    task = str(event.data["task"])
    disarm(state, f"{WARN}:{task}")
    state.approvals[task] = state.approvals[task]._replace(warned=True)


def _extended(state: RunState, step: StepState, event: Event) -> None:
    task = str(event.data["task"])
    expires_at = _number(event.data, "expires_at")
    approval = state.approvals[task]._replace(expires_at=expires_at, overdue=False, warned=False)
    state.approvals[task] = approval
    state.overdue.pop(task, None)
    state.urgent.pop(step.path, None)
    _set_clock(state, approval, event.at)


def _close(state: RunState, approval: Approval) -> None:
    state.approvals[approval.task] = approval
    state.overdue.pop(approval.task, None)
    disarm(state, f"{EXPIRY}:{approval.task}")
    disarm(state, f"{WARN}:{approval.task}")


def _decided(state: RunState, step: StepState, event: Event) -> None:
    data = event.data
    decision = str(data["decision"])
    comment, via, values, token = data.get("comment"), data.get("via"), data.get("fields"), data.get("token")
    approval = state.approvals[str(data["task"])]._replace(
        status=decision,
        decided_by=str(data["by"]),
        decided_at=event.at,
        comment=comment if isinstance(comment, str) else None,
        via=via if isinstance(via, str) else None,
        values=values if isinstance(values, dict) else None,
        token=token if isinstance(token, str) else None,
    )
    _close(state, approval)
    if approval.via == "force":
        state.forced = True
    if decision == "approved":
        _agree(state, step, approval, event.at)
    else:
        _deny(state, step, approval, event.at)


def _expired(state: RunState, step: StepState, event: Event) -> None:
    approval = state.approvals[str(event.data["task"])]._replace(status="expired", decided_at=event.at)
    _close(state, approval)
    policy = str(event.data["policy"])
    state.urgent.pop(step.path, None)
    if policy == "proceed":
        approval = approval._replace(values=defaults(approval.fields))
        state.approvals[approval.task] = approval
        _agree(state, step, approval, event.at)
    elif policy == "deny":
        _deny(state, step, approval, event.at)


def _agree(state: RunState, step: StepState, approval: Approval, at: int) -> None:
    if step.plan.kind == HUMAN and approval.gate is None:
        produce(state, step, _decision(approval), at)
    elif approval.when == BETWEEN:
        talk = talk_of(step)
        talk.granted += rounds_allowed(step.config, 0)
        go_on(state, step, at)
    elif approval.when == "before":
        assert approval.gate is not None, "only a human step asks without a gate"
        step.approved[approval.gate] = approval.input_digest
        mark(state, step, StepStatus.READY, at)
    else:
        step.reviewed += 1
        finish_action(state, step, at)


def _deny(state: RunState, step: StepState, approval: Approval, at: int) -> None:
    if approval.when != "before":
        state.urgent[step.path] = None  # a failure, which the decision weighs
        return
    state.denied = True
    step.denied = True
    if step.plan.kind == HUMAN and approval.gate is None:
        step.result, step.has_result = _decision(approval), True
    mark(state, step, StepStatus.SKIPPED, at, SkipDetail.DENIED)
    conclude(state, step, at)


def _decision(approval: Approval) -> JsonObject:
    return {
        "decision": approval.status,
        "by": approval.decided_by,
        "at": None if approval.decided_at is None else iso(approval.decided_at),
        "comment": approval.comment,
        "fields": approval.values or {},
    }


def _cancelled(state: RunState, step: StepState, event: Event) -> None:
    del step
    approval = state.approvals[str(event.data["task"])]
    _close(state, approval._replace(status="cancelled", decided_at=event.at))


def _outdated(state: RunState, step: StepState, event: Event) -> None:
    del state, event
    step.approved = {}


APPROVAL_EVENTS: Final[dict[EventType, Applier]] = {
    EventType.APPROVAL_REQUESTED: _requested,
    EventType.APPROVAL_DECIDED: _decided,
    EventType.APPROVAL_EXPIRED: _expired,
    EventType.APPROVAL_EXPIRING: _expiring,
    EventType.APPROVAL_EXTENDED: _extended,
    EventType.APPROVAL_CANCELLED: _cancelled,
    EventType.APPROVAL_OUTDATED: _outdated,
}
