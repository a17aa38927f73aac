"""An operator's acts, judged by the tables of acts.py. Pure: the records say what to append, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from headgate.plan import JsonObject
from headgate.runtime.acts import (
    ALLOWED,
    PHASE_ROWS,
    REFUSALS,
    RUN_ACTS,
    STEP_ACTS,
    STEP_ALLOWED,
    STEP_REFUSALS,
    Cell,
    RefusalCode,
    Row,
    RunAct,
    StepAct,
)
from headgate.runtime.closing import cancel_open, cancel_within
from headgate.runtime.commands import Abort, Command, Record
from headgate.runtime.events import EventType
from headgate.runtime.redriving import redrive
from headgate.runtime.state import Approval, HoldKey, RunState, StepState
from headgate.runtime.status import (
    HOLD_RULES,
    TERMINAL_PHASES,
    HoldReason,
    Phase,
    SkipDetail,
    StepStatus,
)
from headgate.runtime.status_of import derive
from headgate.runtime.times import iso

People: TypeAlias = "Mapping[str, Sequence[str]]"
ADMINS = "admins"


class Request(NamedTuple):
    """What somebody asks for.

    `verb` is `pause`, `resume`, `cancel`, `stop` (now), `retry`, `skip`, `confirm`, `force_advance`, `redrive`,
    `replay`, `fork`, `approve` or `deny`. `step` is a path (for approve and deny a way to name the task; for redrive
    the step of `--from`); `task` an approval's id. `args`: retry {edit: {attribute: value}}; skip {output}; confirm
    {done: bool, output}; approve and deny {comment}; redrive {yes: bool}.
    """

    verb: str
    actor: str
    step: str | None = None
    task: str | None = None
    args: JsonObject = {}  # noqa: RUF012 - nobody changes a request
    reason: str | None = None
    request_id: str | None = None


class Accepted(NamedTuple):
    """Append `records` in order, evolve each, and carry `aborts` out after the commit. `answer` is one sentence.

    `again` names the steps that a redrive runs again, for its preview.
    """

    records: tuple[Record, ...]
    answer: str
    aborts: tuple[Abort, ...] = ()
    again: tuple[str, ...] = ()


class NoOp(NamedTuple):
    """Nothing to append: it is so already, or the same request came before. `answer` is the first answer."""

    answer: str


class Refusal(NamedTuple):
    """The table does not allow it; `message` names what is allowed instead."""

    code: RefusalCode
    message: str


Verdict: TypeAlias = "Accepted | NoOp | Refusal"


class _Case(NamedTuple):
    state: RunState
    request: Request
    people: People


def judge(state: RunState, request: Request, now_ms: int, people: People | None = None) -> Verdict:
    """What the status model says to `request`. `people` is the workspace's groups; None or empty checks nobody."""
    del now_ms  # nothing here depends on the time yet; the signature is the seam's
    if request.request_id is not None and request.request_id in state.requests:
        return NoOp(state.requests[request.request_id])
    case = _Case(state, request, people or {})
    verdict = _VERBS[request.verb](case)
    if isinstance(verdict, Accepted) and request.request_id is not None and verdict.records:
        first = verdict.records[0]
        answered = first._replace(data={**first.data, "answer": verdict.answer})
        return verdict._replace(records=(answered, *verdict.records[1:]))
    return verdict


def rows(state: RunState) -> tuple[Row, ...]:
    """The rows of the table of acts that the run stands in; more than one when it has several holds."""
    found: dict[Row, None] = {}
    if state.phase in (Phase.SCHEDULED, Phase.QUEUED, Phase.STARTING, Phase.ACTIVE):
        for reason, _ in state.holds:
            row = _HOLD_ROWS.get(reason)
            if row is not None:
                found[row] = None
    return tuple(found) or (PHASE_ROWS[state.phase],)


_HOLD_ROWS: Final[dict[HoldReason, Row]] = {
    HoldReason.OPERATOR: Row.PAUSED_OPERATOR,
    HoldReason.REAUTH: Row.PAUSED_REAUTH,
    HoldReason.STEP_FAILED: Row.PAUSED_STEP,
    HoldReason.IN_DOUBT: Row.PAUSED_STEP,
    HoldReason.CREDITS: Row.PAUSED_STEP,
    HoldReason.THROUGHPUT: Row.HELD_BACK,
    HoldReason.SPEND_CAP: Row.HELD_BACK,
}


def cell(state: RunState, act: RunAct) -> Cell | Refusal:
    """What the table says to an act on the run: with several holds it is allowed when the row of any allows it."""
    found = [(row, RUN_ACTS[row][act]) for row in rows(state)]
    for wanted in (Cell.YES, Cell.AS_CANCEL, Cell.NO_OP):
        if any(answer is wanted for _, answer in found):
            return wanted
    row, code = found[0]
    assert isinstance(code, RefusalCode), "what is no cell is a refusal"
    return Refusal(code, f"{_standing(state)}: {REFUSALS[code]}; {_instead(state, row)}")


def _standing(state: RunState) -> str:
    status, detail = derive(state)
    shown = f" ({detail})" if detail and (state.phase is not Phase.ACTIVE or state.holds) else ""
    return f"run {state.run_id} is {status}{shown}"


def _instead(state: RunState, row: Row) -> str:
    clears = [_release(state, key) for key in state.holds if HOLD_RULES[key[0]].step_release]
    if clears and row is Row.PAUSED_STEP:
        return f"`{'`, `'.join(clears)}` clears it, or `cancel` the run"
    return ALLOWED[row]


def _release(state: RunState, key: HoldKey) -> str:
    reason, step = key
    command = HOLD_RULES[reason].command or ""
    return command.format(run=state.run_id, step=step or "", workflow=state.workflow)


def _remaining(state: RunState, gone: Sequence[HoldKey] = ()) -> str:
    """What the answer says of the holds that stay."""
    stay = [key for key in state.holds if key not in gone]
    if not stay:
        return ""
    named = ", ".join(reason.value if step is None else f"{reason.value}: {step}" for reason, step in stay)
    return f"; still held ({named}): `{'`, `'.join(_release(state, key) for key in stay)}`"


# Acts on the run


def _pause(case: _Case) -> Verdict:
    state = case.state
    found = cell(state, RunAct.PAUSE)
    if isinstance(found, Refusal):
        return found
    if found is Cell.NO_OP or (HoldReason.OPERATOR, None) in state.holds:
        return NoOp("it is paused already")
    record = Record(EventType.HOLD_OPENED, {"hold": HoldReason.OPERATOR.value})
    return Accepted((record,), "paused: what runs may finish, nothing new starts")


def _resume(case: _Case) -> Verdict:
    state = case.state
    found = cell(state, RunAct.RESUME)
    if isinstance(found, Refusal):
        return found
    gone = [key for key in state.holds if key[0] in (HoldReason.OPERATOR, HoldReason.REAUTH)]
    records = tuple(_released(key) for key in gone)
    return Accepted(records, f"resumed{_remaining(state, gone)}")


def _released(key: HoldKey) -> Record:
    reason, step = key
    return Record(EventType.HOLD_RELEASED, {"hold": reason.value}, step)


def _cancel(case: _Case) -> Verdict:
    return _end(case, None, "cancelled")


def _stop(case: _Case) -> Verdict:
    return _end(case, "RUN_STOPPED", "stopped")


def _end(case: _Case, code: str | None, word: str) -> Verdict:
    state = case.state
    found = cell(state, RunAct.CANCEL)
    if isinstance(found, Refusal):
        return found
    if found is Cell.NO_OP:
        return NoOp("it is being cancelled already")
    said = "completed steps keep their outputs, and nothing is undone"
    if state.in_flight:
        aborts = tuple(Abort(path, attempt) for path, attempt in state.in_flight.items())
        return Accepted((Record(EventType.RUN_CANCELLING, {"code": code}),), f"{word}: {said}", aborts)
    records, aborts = _split(cancel_open(state))
    return Accepted((*records, Record(EventType.RUN_CANCELLED, {"code": code})), f"{word}: {said}", aborts)


def _split(commands: Sequence[Command]) -> tuple[tuple[Record, ...], tuple[Abort, ...]]:
    records = tuple(command for command in commands if isinstance(command, Record))
    return records, tuple(command for command in commands if isinstance(command, Abort))


def _redrive(case: _Case) -> Verdict:
    state, request = case.state, case.request
    found = cell(state, RunAct.REDRIVE)
    if isinstance(found, Refusal):
        return found
    if request.step is not None and request.step not in state.root.steps:
        names = ", ".join(f"`{name}`" for name in list(state.root.topology.nodes)[:8])
        message = f"run {state.run_id} has no step `{request.step}` to redrive from; its steps are {names}"
        return Refusal(RefusalCode.NO_SUCH_STEP, message)
    plan = redrive(state, request.step)
    if plan.irreversible and not request.args.get("yes"):
        named = ", ".join(f"`{path}`" for path in plan.irreversible)
        message = f"{named} is irreversible and may have happened: running it again needs `--yes`"
        return Refusal(RefusalCode.ALREADY_COMPLETED, message)
    data: JsonObject = {
        "epoch": state.epoch + 1,
        "from": request.step,
        "steps": list(plan.steps),
        "fresh": list(plan.fresh),
    }
    named = ", ".join(plan.steps) if plan.steps else "what remains"
    return Accepted((Record(EventType.RUN_REDRIVEN, data),), f"redriven: runs again: {named}", again=plan.steps)


def _anew(case: _Case, act: RunAct) -> Verdict:
    found = cell(case.state, act)
    return (
        found if isinstance(found, Refusal) else Accepted((), f"{act.value} makes a new run; this one stays as it is")
    )


# Acts on a step


def _step_for(case: _Case, act: StepAct) -> StepState | Refusal:
    """The step of the request, when the act is allowed on it now."""
    state, path = case.state, case.request.step
    stopped = _stopped(state)
    if stopped is not None:
        return stopped
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


def _stopped(state: RunState) -> Refusal | None:
    """The refusal of every act on a step while the run stops or has ended."""
    if state.phase in (Phase.CANCELLING, Phase.DRAINING):
        code = RefusalCode.STOPPING
    elif state.phase is Phase.COMPLETED:
        code = RefusalCode.ALREADY_COMPLETED
    elif state.phase in TERMINAL_PHASES:
        code = RefusalCode.TERMINAL
    else:
        return None
    return Refusal(code, f"{_standing(state)}: {REFUSALS[code]}; {ALLOWED[PHASE_ROWS[state.phase]]}")


def _holds_at(state: RunState, path: str) -> list[HoldKey]:
    """The holds at a step, and at those inside it."""
    return [key for key in state.holds if key[1] is not None and (key[1] == path or key[1].startswith(f"{path}."))]


def _retry(case: _Case) -> Verdict:
    step = _step_for(case, StepAct.RETRY)
    if isinstance(step, Refusal):
        return step
    edit = case.request.args.get("edit")
    gone = _holds_at(case.state, step.path)
    data: JsonObject = {"edit": edit} if edit else {}
    records = (Record(EventType.STEP_RETRIED, data, step.path), *(_released(key) for key in gone))
    return Accepted(records, f"`{step.path}` is tried again{_remaining(case.state, gone)}")


def _skip(case: _Case) -> Verdict:
    step = _step_for(case, StepAct.SKIP)
    if isinstance(step, Refusal):
        return step
    return _pass_over(case, step, SkipDetail.OPERATOR)


def _pass_over(case: _Case, step: StepState, detail: SkipDetail) -> Verdict:
    state, args = case.state, case.request.args
    data: JsonObject = {"detail": detail.value}
    if "output" in args:
        data["output"] = args["output"]
    records, aborts = _split(cancel_within(state, step))
    gone = _holds_at(state, step.path)
    skipped = Record(EventType.STEP_SKIPPED, data, step.path)
    return Accepted(
        (*records, skipped, *(_released(key) for key in gone)),
        f"`{step.path}` is skipped; what follows goes on as if it had completed{_remaining(state, gone)}",
        aborts,
    )


def _confirm(case: _Case) -> Verdict:
    step = _step_for(case, StepAct.CONFIRM)
    if isinstance(step, Refusal):
        return step
    args, gone = case.request.args, _holds_at(case.state, step.path)
    done = bool(args.get("done"))
    data: JsonObject = {"done": done}
    if done and "output" in args:
        data["output"] = args["output"]
    records = (Record(EventType.STEP_CONFIRMED, data, step.path), *(_released(key) for key in gone))
    said = "is completed" if done else "did not happen and runs again"
    return Accepted(records, f"`{step.path}` {said}{_remaining(case.state, gone)}")


def _force_advance(case: _Case) -> Verdict:
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


def _approve(case: _Case) -> Verdict:
    return _answer(case, "approved")


def _deny(case: _Case) -> Verdict:
    return _answer(case, "denied")


def _answer(case: _Case, decision: str) -> Verdict:
    state, request = case.state, case.request
    approval = _task_of(case)
    if isinstance(approval, Refusal):
        return approval
    if approval.status != "pending":
        return Refusal(RefusalCode.ALREADY_DECIDED, _decided(state, approval))
    stopped = _stopped(state)
    if stopped is not None:
        return stopped
    if not _may_decide(case.people, approval, request.actor):
        who = _listed(case.people, (*approval.assignees, ADMINS))
        message = f"`{request.actor}` may not decide {approval.task}: only {who} may"
        return Refusal(RefusalCode.NOT_ASSIGNED, message)
    return _decide(case, approval, decision, None)


def _decide(case: _Case, approval: Approval, decision: str, via: str | None) -> Verdict:
    request = case.request
    data: JsonObject = {"task": approval.task, "decision": decision, "by": request.actor}
    comment = request.args.get("comment") or request.reason
    if comment is not None:
        data["comment"] = comment
    if via is not None:
        data["via"] = via
    record = Record(EventType.APPROVAL_DECIDED, data, approval.step)
    return Accepted((record,), f"`{approval.step}` is {decision} by {request.actor}{_remaining(case.state)}")


def _task_of(case: _Case) -> Approval | Refusal:
    state, request = case.state, case.request
    if request.task is not None:
        approval = state.approvals.get(request.task)
        if approval is not None:
            return approval
        return Refusal(RefusalCode.NO_SUCH_STEP, f"run {state.run_id} has no approval `{request.task}`")
    step = state.steps.get(request.step or "")
    if step is None:
        return Refusal(RefusalCode.NO_SUCH_STEP, f"run {state.run_id} has no step `{request.step}`")
    if step.approval is None:
        message = f"step `{step.path}` is {step.status} and asks nobody; `headgate approvals` lists what waits"
        return Refusal(RefusalCode.NOT_WAITING, message)
    return state.approvals[step.approval]


def _pending(state: RunState, step: StepState) -> Approval | None:
    approval = None if step.approval is None else state.approvals[step.approval]
    waits = step.status is StepStatus.WAITING and approval is not None and approval.status == "pending"
    return approval if waits else None


def _decided(state: RunState, approval: Approval) -> str:
    at = "" if approval.decided_at is None else f" at {iso(approval.decided_at)}"
    if approval.status == "expired":
        later = [each.task for each in state.approvals.values() if each.escalated_from == approval.task]
        return f"{approval.task} expired{at}" + (f"; it was passed on as {later[0]}" if later else "")
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


_VERBS: Final[dict[str, Callable[[_Case], Verdict]]] = {
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
    "stop": _stop,
    "redrive": _redrive,
    "replay": lambda case: _anew(case, RunAct.REPLAY),
    "fork": lambda case: _anew(case, RunAct.FORK),
    "retry": _retry,
    "skip": _skip,
    "confirm": _confirm,
    "force_advance": _force_advance,
    "approve": _approve,
    "deny": _deny,
}
