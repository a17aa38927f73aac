"""Why a run does not move: each reason with who can clear it, and by which command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Final

from headgate.records import NamedTuple
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.state import Approval, Hold, RunState
from headgate.runtime.status import HOLD_RULES, TERMINAL_PHASES, HoldReason, Phase, WaitsFor
from headgate.runtime.times import iso
from headgate.runtime.view import by_itself, hold_view
from headgate.runtime.wakes import is_forgotten

_MOST_NAMED = 20


class Reason(NamedTuple):
    """`kind` is `hold`, `approval`, `timer`, `event`, `callback`, `subrun`, `attempt`, `ready`, `phase`, `queue`,
    `ended` or `stalled`.

    `object` names what it is about; `since` is UTC in ms; `who` can clear it; `command` does; `message` says it all in
    one sentence.
    """

    kind: str
    object: str
    since: int | None
    who: str | None
    command: str | None
    message: str


def reasons(state: RunState, now_ms: int = 0) -> tuple[Reason, ...]:
    """What holds the run, or what it waits for; for an ended run, how it ended. Never empty.

    At `now_ms`, UTC, what was to come until then can come no more, and only a driver moves the run.
    """
    if state.phase in TERMINAL_PHASES:
        return (_ended(state),)
    found = () if is_forgotten(state) else (*_holds(state), *_open(state, now_ms))
    return found or (_stalled(state),)


def _ended(state: RunState) -> Reason:
    run = state.run_id
    if state.phase is Phase.FAILED:
        code = state.failure_code or ""
        facts = FAILURE_CODES.get(code)
        at = f" at `{state.failed_step}`" if state.failed_step else ""
        message = f"it failed{at} with {code}: {state.failure_message or (facts.meaning if facts else '')}"
        return Reason("ended", run, state.ended_at, "anybody", f"headgate redrive {run}", message)
    if state.phase is Phase.CANCELLED:
        word = "stopped" if state.failure_code == "RUN_STOPPED" else "cancelled"
        message = f"it was {word}; completed steps keep their outputs and nothing was undone"
        return Reason("ended", run, state.ended_at, "anybody", f"headgate redrive {run}", message)
    how = state.outcome if state.phase is Phase.COMPLETED else state.skip_reason
    return Reason("ended", run, state.ended_at, None, None, f"it {state.phase.value}: {how}")


def _holds(state: RunState) -> Iterator[Reason]:
    for hold in state.holds.values():
        yield Reason(
            "hold",
            hold.step or state.run_id,
            hold.since,
            "the next worker" if hold.reason is HoldReason.INTERRUPTED else "anybody",
            hold_view(state, hold).release or None,
            _held(state, hold),
        )


def _held(state: RunState, hold: Hold) -> str:
    note = f": {hold.note}" if hold.note else ""
    if hold.reason is HoldReason.SPEND_CAP and hold.note:  # it says whose cap it is
        return hold.note
    if hold.step is None:
        by = f" ({hold.by})" if hold.reason is HoldReason.OPERATOR else ""
        return f"{HOLD_RULES[hold.reason].meaning}{by}{note}"
    step = state.steps[hold.step]
    if hold.reason is HoldReason.STEP_FAILED:
        said = "" if step.error is None else f" with {step.error.code}: {step.error.message}"
        return f"`{hold.step}` failed{said}; retry it, edit and retry it, skip it, or cancel the run"
    if hold.reason is HoldReason.IN_DOUBT:
        not_done = f"headgate confirm {state.run_id} {hold.step} --not-done"
        call = None if step.talk is None else step.talk.pending()
        what = f"attempt {step.attempts}" if call is None else f"the call of `{call['tool']}`"
        lost = f"{what} of `{hold.step}` was lost and may have happened"
        return f"{lost}; say whether it did, with --done, or `{not_done}` to try again"
    if hold.reason is HoldReason.REAUTH and hold.connection is not None:
        return _for_connection(state, hold)
    return f"`{hold.step}`: {HOLD_RULES[hold.reason].meaning}{note}"


def _for_connection(state: RunState, hold: Hold) -> str:
    said = f"`{hold.step}` waits for the connection `{hold.connection}`"
    if hold.cured:
        return f"{said}, which is connected again; resume the run"
    then = "the run then goes on by itself" if by_itself(state, hold) else f"then `headgate resume {state.run_id}`"
    error = state.steps[hold.step or ""].error
    refused = "" if error is None else f" ({error.message})"
    return f"{said}, which needs to be reauthorized{refused}; {then}"


def _open(state: RunState, now_ms: int) -> Iterator[Reason]:
    run = state.run_id
    if state.phase is Phase.SCHEDULED and state.due_at is not None:
        yield Reason("timer", run, state.created_at, None, f"headgate drive {run}", f"it starts at {iso(state.due_at)}")
    if state.phase in (Phase.QUEUED, Phase.STARTING) and not state.holds:
        message = "it waits for a worker to take it"
        yield Reason("phase", run, state.created_at, "any worker", f"headgate drive {run}", message)
    if state.phase in (Phase.CANCELLING, Phase.DRAINING):
        yield _ending(state)
    yield from _waiting(state, now_ms)
    for path in list(state.retrying)[:_MOST_NAMED]:
        step = state.steps[path]
        due = "" if step.resume_at is None else f" at {iso(step.resume_at)}"
        message = f"`{path}` is tried again{due}: {'' if step.error is None else step.error.message}"
        yield Reason("timer", path, state.at, "anybody", f"headgate retry {run} {path}", message)
    for path in list(state.running)[:_MOST_NAMED]:
        step = state.steps[path]
        call = None if step.talk is None else step.talk.pending()
        out = f"attempt {step.attempts}" if call is None else f"the call of `{call['tool']}`"
        message = f"{out} of `{path}` is out"
        yield Reason("attempt", path, step.started_at, "its worker", f"headgate drive {run}", message)
    for path in [*state.ready, *state.interrupted][:_MOST_NAMED]:
        message = f"`{path}` may start and waits for a worker"
        yield Reason("ready", path, state.at, "any worker", f"headgate drive {run}", message)


def _ending(state: RunState) -> Reason:
    """What a run that drains or is being cancelled still waits for."""
    run, count = state.run_id, len(state.in_flight)
    out = "1 attempt is still out" if count == 1 else f"{count} attempts are still out"
    until = "" if state.ends_by is None else f" at {iso(state.ends_by)}"
    if state.phase is Phase.CANCELLING:
        message = f"it is being cancelled: {out}, and it ends without them{until}" if count else "it is being cancelled"
        return Reason("phase", run, state.ending_at, "its worker", f"headgate drive {run}", message)
    drained = state.drain or {}
    step = drained.get("step")
    why = f"it drains, because `{step}` failed with {drained.get('code')}" if step else "it drains, as it was stopped"
    message = f"{why}: {out} and may finish, nothing new starts; what is not done{until} is cancelled"
    return Reason("phase", run, state.ending_at, "anybody", f"headgate stop {run} --now", message)


def _waiting(state: RunState, now_ms: int) -> Iterator[Reason]:
    run = state.run_id
    for path in list(state.waiting)[:_MOST_NAMED]:
        step = state.steps[path]
        approval = None if step.approval is None else state.approvals[step.approval]
        asked = approval is not None and approval.status == "pending"
        limit = approval.expires_at if approval is not None and asked else step.resume_at
        if limit is not None and limit <= now_ms and not state.holds and (asked or step.detail in _MISSED):
            yield _missed(state, path, limit)
        elif approval is not None and asked:
            yield _asked(approval)
        elif step.detail == WaitsFor.SUBRUN:
            message = f"`{path}` waits for its sub-run {step.child}"
            yield Reason("subrun", path, step.started_at, None, f"headgate why {step.child}", message)
        elif step.detail == WaitsFor.EVENT:
            yield _awaits_event(state, path)
        elif step.detail == WaitsFor.CALLBACK:
            until = "" if step.resume_at is None else f" until {iso(step.resume_at)}"
            message = f"attempt {step.attempts} of `{path}` waits to be called back{until}"
            command = "headgate callback TOKEN --data JSON"
            yield Reason("callback", path, step.started_at, "whoever was given its token", command, message)
        elif step.resume_at is not None:
            message = f"`{path}` waits until {iso(step.resume_at)}"
            yield Reason("timer", path, step.started_at, None, f"headgate drive {run}", message)


_MISSED: Final[Mapping[str, tuple[str, str]]] = {
    WaitsFor.EVENT: ("event", "the event of `{path}` could come until {until}, and did not"),
    WaitsFor.CALLBACK: ("callback", "`{path}` could be called back until {until}, and was not"),
}


def _missed(state: RunState, path: str, until: int) -> Reason:
    """Nobody answered in time, and no driver has looked at the clock since."""
    step, run = state.steps[path], state.run_id
    decided = ("approval", "`{path}` could be decided until {until}, and was not")
    kind, said = _MISSED.get(step.detail or "", decided)
    name = step.approval or path if kind == "approval" else path
    message = f"{said.format(path=path, until=iso(until))}; what follows is decided by the next worker"
    return Reason(kind, name, until, "any worker", f"headgate drive {run}", message)


def _awaits_event(state: RunState, path: str) -> Reason:
    step, event = state.steps[path], state.listening[path]
    match = " that fits its `match`" if step.config.get("match") is not None else ""
    given = step.input if isinstance(step.input, dict) else {}
    then = "it goes on without" if given.get("on_expiry") == "continue" else "it fails"
    until = "" if step.resume_at is None else f"; {then} at {iso(step.resume_at)}"
    command = f"headgate signal {quote(event)} --run {state.run_id}" + (" --data JSON" if match else "")
    message = f"`{path}` waits for the event `{event}`{match}{until}"
    return Reason("event", path, step.started_at, "anybody", command, message)


def _asked(approval: Approval) -> Reason:
    who = ", ".join(approval.assignees) or "anybody"
    what = f"{'an' if approval.kind == 'approval' else 'a'} {approval.kind}"
    message = (
        f"`{approval.step}` waits for {what} by {who}: {approval.title}; "
        f"{_EXPIRIES.get(approval.on_expiry, approval.on_expiry)} at {iso(approval.expires_at)}"
    )
    command = f"headgate approve {approval.task}"
    required = None if approval.fields is None else approval.fields.get("required")
    if isinstance(required, list) and required:
        command = f"headgate answer {approval.task} {' '.join(f'-i {name}=VALUE' for name in required)}"
    return Reason("approval", approval.task, approval.requested_at, who, command, message)


_EXPIRIES = {"deny": "it is denied", "proceed": "it goes on without one", "escalate": "it is passed on"}


def _stalled(state: RunState) -> Reason:
    if not is_forgotten(state):
        message = "a decision is due and waits for a worker"
        return Reason("ready", state.run_id, state.at, "any worker", f"headgate drive {state.run_id}", message)
    message = "nothing will move it, which is a fault of ours: please report it with `headgate events`"
    return Reason("stalled", state.run_id, state.at, "anybody", f"headgate cancel {state.run_id}", message)
