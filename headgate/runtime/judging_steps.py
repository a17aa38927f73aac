"""Acts on a step or an approval, judged by its own state."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.plan import Json, JsonObject
from headgate.runtime.acts import (
    APPROVAL_ACTS,
    REFUSALS,
    STEP_ACTS,
    STEP_ALLOWED,
    STEP_REFUSALS,
    ApprovalAct,
    RefusalCode,
    StepAct,
)
from headgate.runtime.closing import cancel_within
from headgate.runtime.commands import Record
from headgate.runtime.errors import StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fields import defaults, fill
from headgate.runtime.fitting import fit, storable
from headgate.runtime.state import Approval, HoldKey, RunState, StepState
from headgate.runtime.status import HoldReason, SkipDetail, StepStatus
from headgate.runtime.times import iso
from headgate.runtime.verdicts import Accepted, Case, People, Refusal, Verdict, released, remaining, split, stopped

ADMINS = "admins"
_MOST_NAMED = 8


# Acts on a step


def _step_for(case: Case, act: StepAct) -> StepState | Refusal:
    """The step of the request, when the act is allowed on it now."""
    state, path = case.state, case.request.step
    refusal = stopped(state)
    if refusal is not None:
        return refusal
    step = state.steps.get(path or "")
    if step is None:
        names = ", ".join(f"`{name}`" for name in list(state.steps)[:8])
        message = f"run {state.run_id} has no step `{path}`; " + (f"it has {names}" if names else "it has not started")
        return Refusal(RefusalCode.NO_SUCH_STEP, message)
    allowed = step.status in STEP_ACTS[act]
    if step.status is StepStatus.FAILED:
        allowed = allowed and (HoldReason.STEP_FAILED, path) in state.holds
    if act is StepAct.CONFIRM:
        allowed = allowed and step.detail == HoldReason.IN_DOUBT
    if allowed:
        return step
    code = STEP_REFUSALS[act]
    if step.status is StepStatus.COMPLETED and act in (StepAct.SKIP, StepAct.FORCE_ADVANCE):
        code = RefusalCode.ALREADY_COMPLETED
    detail = f" ({step.detail})" if step.detail else ""
    return Refusal(code, f"step `{path}` is {step.status}{detail}; {STEP_ALLOWED[act]}")


def _holds_at(state: RunState, path: str) -> list[HoldKey]:
    """The holds at a step, and at those inside it."""
    return [key for key in state.holds if key[1] is not None and (key[1] == path or key[1].startswith(f"{path}."))]


def retry(case: Case) -> Verdict:
    step = _step_for(case, StepAct.RETRY)
    if isinstance(step, Refusal):
        return step
    edit = case.request.args.get("edit")
    gone = _holds_at(case.state, step.path)
    data: JsonObject = {"edit": edit} if edit else {}
    records = (Record(EventType.STEP_RETRIED, data, step.path), *(released(key) for key in gone))
    return Accepted(records, f"`{step.path}` is tried again{remaining(case.state, gone)}")


def skip(case: Case) -> Verdict:
    step = _step_for(case, StepAct.SKIP)
    if isinstance(step, Refusal):
        return step
    return _pass_over(case, step, SkipDetail.OPERATOR)


def _pass_over(case: Case, step: StepState, detail: SkipDetail) -> Verdict:
    state, args = case.state, case.request.args
    data: JsonObject = {"detail": detail.value}
    if "output" in args:
        refusal = _unfit(step, args["output"])
        if refusal is not None:
            return refusal
        data["output"] = args["output"]
    records, aborts = split(cancel_within(state, step))
    gone = _holds_at(state, step.path)
    skipped = Record(EventType.STEP_SKIPPED, data, step.path)
    with_result = ", with that output for its result" if "output" in args else " without its result"
    return Accepted(
        (*records, skipped, *(released(key) for key in gone)),
        f"`{step.path}` is skipped; what follows goes on{with_result}{remaining(state, gone)}",
        aborts,
    )


def _unfit(step: StepState, output: Json) -> Refusal | None:
    """Why `output` cannot stand in for the step's result; None when it is what the step declares."""
    try:
        fit(storable(output), step.plan.result)
    except StepFailure as failure:
        said = failure.error.message.replace("the result", "the output", 1)
        return Refusal(RefusalCode.OUTPUT_INVALID, f"step `{step.path}`: {said}; nothing was recorded")
    return None


def confirm(case: Case) -> Verdict:
    step = _step_for(case, StepAct.CONFIRM)
    if isinstance(step, Refusal):
        return step
    args, gone = case.request.args, _holds_at(case.state, step.path)
    done = bool(args.get("done"))
    data: JsonObject = {"done": done}
    call = None if step.talk is None else step.talk.pending()
    if done and "output" in args:
        refusal = _unfit(step, args["output"]) if call is None else None  # else it is what the tool returned
        if refusal is not None:
            return refusal
        data["output"] = args["output"]
    records = (Record(EventType.STEP_CONFIRMED, data, step.path), *(released(key) for key in gone))
    if call is not None:
        said = f"goes on: its call of `{call['tool']}` " + ("counts as done" if done else "is made again")
    elif done and step.talk is not None and step.talk.outside and "output" not in data:
        said = "has its task, and waits to be called back"
    else:
        said = "is completed" if done else "did not happen and runs again"
    return Accepted(records, f"`{step.path}` {said}{remaining(case.state, gone)}")


def force_advance(case: Case) -> Verdict:
    request, state = case.request, case.state
    if case.people and not _is_admin(case.people, request.actor):
        message = f"`{request.actor}` is no admin: only {_listed(case.people, (ADMINS,))} may force a step"
        return Refusal(RefusalCode.NOT_ADMIN, message)
    step = _step_for(case, StepAct.FORCE_ADVANCE)
    if isinstance(step, Refusal):
        return step
    approval = _pending(state, step)
    if approval is not None:
        return _decide(case, approval, "approved", "force")
    return _pass_over(case, step, SkipDetail.FORCED)


# Acts on an approval


def approve(case: Case) -> Verdict:
    return _answer(case, ApprovalAct.APPROVE, "approved")


def deny(case: Case) -> Verdict:
    return _answer(case, ApprovalAct.DENY, "denied")


def answer(case: Case) -> Verdict:
    """`args`: fields, {name: value} of what was filled in; comment."""
    return _answer(case, ApprovalAct.ANSWER, "approved")


def extend(case: Case) -> Verdict:
    """`args`: ms, how much longer people may take."""
    approval = _task_for(case, ApprovalAct.EXTEND)
    if isinstance(approval, Refusal):
        return approval
    ms = case.request.args["ms"]
    assert isinstance(ms, int), "an extension is whole milliseconds"
    expires_at = max(approval.expires_at, case.now_ms) + ms
    record = Record(EventType.APPROVAL_EXTENDED, {"task": approval.task, "expires_at": expires_at}, approval.step)
    return Accepted((record,), f"{approval.task} expires at {iso(expires_at)} now{remaining(case.state)}")


def _task_for(case: Case, act: ApprovalAct) -> Approval | Refusal:
    """The task of the request, when the act is allowed on it now, by this actor, with this link."""
    request = case.request
    approval = _task_of(case)
    if isinstance(approval, Refusal):
        return approval
    token = request.args.get("token")
    if token is not None:
        refusal = _spent(approval, str(token))
        if refusal is not None:
            return refusal
    found = APPROVAL_ACTS[approval.status][act]
    if isinstance(found, RefusalCode):
        return Refusal(found, _decided(case.state, approval))
    refusal = stopped(case.state)
    if refusal is not None:
        return refusal
    if not _may_decide(case.people, approval, request.actor):
        who = _listed(case.people, (*approval.assignees, ADMINS))
        message = f"`{request.actor}` may not decide {approval.task}: only {who} may"
        return Refusal(RefusalCode.NOT_ASSIGNED, message)
    return approval


def _spent(approval: Approval, token: str) -> Refusal | None:
    """Why a one-time link does not work, None when it does."""
    if approval.token == token:
        message = f"{REFUSALS[RefusalCode.TOKEN_USED]}: {approval.decided_by} {approval.status} {approval.task} with it"
        return Refusal(RefusalCode.TOKEN_USED, message)
    if token not in approval.links.values():
        return Refusal(RefusalCode.TOKEN_INVALID, f"the token is no link to {approval.task}")
    if approval.status == "expired" or (approval.overdue and approval.on_expiry != "proceed"):
        at = iso(approval.decided_at or approval.expires_at)
        return Refusal(RefusalCode.TOKEN_EXPIRED, f"{REFUSALS[RefusalCode.TOKEN_EXPIRED]}: {approval.task} did at {at}")
    return None


def _answer(case: Case, act: ApprovalAct, decision: str) -> Verdict:
    approval = _task_for(case, act)
    if isinstance(approval, Refusal):
        return approval
    if decision == "denied":
        return _decide(case, approval, decision, None)
    given = case.request.args.get("fields")
    filled = fill(approval.fields, given if isinstance(given, dict) else {})
    if filled.faults:
        hint = "" if act is ApprovalAct.ANSWER else f"; `headgate answer {approval.task} -i NAME=VALUE` fills them in"
        return Refusal(RefusalCode.FIELDS_INVALID, "; ".join(filled.faults) + hint)
    return _decide(case, approval, decision, None, filled.values)


def _decide(
    case: Case, approval: Approval, decision: str, via: str | None, values: JsonObject | None = None
) -> Verdict:
    request = case.request
    if values is None and decision == "approved":
        values = defaults(approval.fields)
    data: JsonObject = {"task": approval.task, "decision": decision, "by": request.actor}
    comment = request.args.get("comment") or request.reason
    if comment is not None:
        data["comment"] = comment
    if via is not None:
        data["via"] = via
    if values:
        data["fields"] = values
    if "token" in request.args:
        data["token"] = request.args["token"]
    record = Record(EventType.APPROVAL_DECIDED, data, approval.step)
    return Accepted((record,), f"`{approval.step}` is {decision} by {request.actor}{remaining(case.state)}")


def _task_of(case: Case) -> Approval | Refusal:
    state, request = case.state, case.request
    if request.task is not None:
        approval = state.approvals.get(request.task)
        if approval is not None:
            return approval
        return Refusal(RefusalCode.NO_SUCH_STEP, f"run {state.run_id} has no approval `{request.task}`")
    step = state.steps.get(request.step or "")
    if step is None:
        return _task_inside(state, request.step or "")
    if step.approval is None:
        message = f"step `{step.path}` is {step.status} and asks nobody; `headgate approvals` lists what waits"
        return Refusal(RefusalCode.NOT_WAITING, message)
    return state.approvals[step.approval]


def _task_inside(state: RunState, name: str) -> Approval | Refusal:
    """The only pending task of the items or rounds of a step that is named without their numbers."""
    found = [each for each in state.approvals.values() if each.status == "pending" and _unnumbered(each.step) == name]
    if len(found) == 1:
        return found[0]
    if found:
        named = ", ".join(f"`{each.step}`" for each in found[:_MOST_NAMED])
        more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
        message = f"several wait at `{name}` of run {state.run_id}: say which of {named}{more}"
        return Refusal(RefusalCode.NO_SUCH_STEP, message)
    return Refusal(RefusalCode.NO_SUCH_STEP, f"run {state.run_id} has no step `{name}`")


def _unnumbered(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.isdecimal())


def _pending(state: RunState, step: StepState) -> Approval | None:
    approval = None if step.approval is None else state.approvals[step.approval]
    waits = step.status is StepStatus.WAITING and approval is not None and approval.status == "pending"
    return approval if waits else None


def _decided(state: RunState, approval: Approval) -> str:
    at = "" if approval.decided_at is None else f" at {iso(approval.decided_at)}"
    if approval.status == "expired":
        later = [each.task for each in state.approvals.values() if each.escalated_from == approval.task]
        return f"{approval.task} expired at {iso(approval.expires_at)}" + (
            f"; it was passed on as {later[0]}" if later else ""
        )
    if approval.status == "cancelled":
        return f"{approval.task} was cancelled{at}; there is nothing to decide"
    return f"{approval.task} was {approval.status} by {approval.decided_by}{at}; the first decision wins"


def _is_admin(people: People, actor: str) -> bool:
    return actor in people.get(ADMINS, ())


def _may_decide(people: People, approval: Approval, actor: str) -> bool:
    if not people or not approval.assignees or _is_admin(people, actor):
        return True
    return any(actor == name or actor in people.get(name, ()) for name in approval.assignees)


def _listed(people: People, names: Sequence[str]) -> str:
    listed = [f"{name} ({', '.join(people[name])})" if people.get(name) else name for name in dict.fromkeys(names)]
    return " or ".join(listed)
