"""An operator's acts, judged by the tables of acts.py. Pure: the records say what to append, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.plan import JsonObject
from headgate.runtime.acts import Cell, RefusalCode, RunAct
from headgate.runtime.closing import CANCEL_GRACE_MS, abort_all, cancel_open
from headgate.runtime.commands import Record
from headgate.runtime.draining import drain_until, named, what_is_out
from headgate.runtime.events import SYSTEM, EventType
from headgate.runtime.judging_callbacks import call_back
from headgate.runtime.judging_steps import answer, approve, confirm, deny, extend, force_advance, retry, skip
from headgate.runtime.redriving import redrive
from headgate.runtime.state import RunState
from headgate.runtime.status import Drain, HoldReason, Phase
from headgate.runtime.times import iso
from headgate.runtime.verdicts import (
    Accepted,
    Case,
    NoOp,
    People,
    Refusal,
    Request,
    Verdict,
    cell,
    released,
    remaining,
    rows,
    split,
)

DRAIN_MS = 300_000
"""How long a graceful stop waits, unless it is told."""


def judge(state: RunState, request: Request, now_ms: int, people: People | None = None) -> Verdict:
    """What the status model says to `request`. `people` is the workspace's groups; None or empty checks nobody."""
    if request.request_id is not None and request.request_id in state.requests:
        return NoOp(state.requests[request.request_id])
    case = Case(state, request, people or {}, now_ms)
    verdict = _VERBS[request.verb](case)
    if isinstance(verdict, Accepted) and verdict.records:
        first = verdict.records[0]
        data: JsonObject = {**first.data}
        if request.actor != SYSTEM:
            data["auth"] = request.auth
        if request.request_id is not None:
            data["answer"] = verdict.answer
        return verdict._replace(records=(first._replace(data=data), *verdict.records[1:]))
    return verdict


# Acts on the run


def _pause(case: Case) -> Verdict:
    state = case.state
    found = cell(state, RunAct.PAUSE)
    if isinstance(found, Refusal):
        return found
    if found is Cell.NO_OP or (HoldReason.OPERATOR, None) in state.holds:
        return NoOp("it is paused already")
    record = Record(EventType.HOLD_OPENED, {"hold": HoldReason.OPERATOR.value})
    return Accepted((record,), "paused: what runs may finish, nothing new starts")


def _resume(case: Case) -> Verdict:
    state = case.state
    found = cell(state, RunAct.RESUME)
    if isinstance(found, Refusal):
        return found
    gone = [key for key, hold in state.holds.items() if key[0] is HoldReason.OPERATOR or hold.cured]
    records = tuple(released(key) for key in gone)
    return Accepted(records, f"resumed{remaining(state, gone)}")


def _reconnected(case: Case) -> Verdict:
    """A connection is active again: what waits for nobody else goes on, of the rest it is known that it may."""
    state, name = case.state, case.request.args.get("connection")
    held = [
        key
        for key, hold in state.holds.items()
        if key[0] is HoldReason.REAUTH and hold.connection == name and not hold.cured
    ]
    if not held:
        return NoOp(f"nothing of it is held for `{name}`")
    if state.plan.policies.resume_on_reconnect:
        return Accepted(tuple(released(key) for key in held), f"goes on with `{name}`{remaining(state, held)}")
    data: JsonObject = {"hold": HoldReason.REAUTH.value, "connection": name}
    records = tuple(Record(EventType.HOLD_CURED, data, step) for _, step in held)
    return Accepted(records, f"`{name}` is connected again: `headgate resume {state.run_id}` lets it go on")


def _cancel(case: Case) -> Verdict:
    """`args` may have the `code` of why the platform cancels, such as DEPENDENCY_REMOVED."""
    code = case.request.args.get("code")
    return _end(case, code if isinstance(code, str) else None, "cancelled")


def _stop(case: Case) -> Verdict:
    """At once, or `graceful`: what is out may finish until `deadline_ms` from now."""
    state, args = case.state, case.request.args
    if not args.get("graceful"):
        return _end(case, "RUN_STOPPED", "stopped")
    found = cell(state, RunAct.STOP)
    if isinstance(found, Refusal):
        return found
    if found is Cell.NO_OP:
        until = "" if state.ends_by is None else f" until {iso(state.ends_by)}"
        return NoOp(f"it is draining already{until}; `headgate stop {state.run_id} --now` ends it at once")
    if found is Cell.AS_CANCEL or state.phase in (Phase.SCHEDULED, Phase.QUEUED):
        return _end(case, "RUN_STOPPED", "stopped")
    given = args.get("deadline_ms")
    until_ms = drain_until(state, case.now_ms, given if isinstance(given, int) else DRAIN_MS)
    data: JsonObject = {
        "verdict": Drain.CANCELLED.value,
        "code": "RUN_STOPPED",
        "step": None,
        "message": None,
        "deadline": until_ms,
    }
    return Accepted((Record(EventType.RUN_DRAINING, data),), f"stopping: {_drained(state, until_ms)}")


def _drained(state: RunState, until_ms: int) -> str:
    out = what_is_out(state)
    if not out:
        return "nothing is out, so it ends now; completed steps keep their outputs, and nothing is undone"
    return f"{named(out)} may finish until {iso(until_ms)}, nothing new starts"


def _end(case: Case, code: str | None, word: str) -> Verdict:
    state = case.state
    found = cell(state, RunAct.CANCEL)
    if isinstance(found, Refusal):
        return found
    if found is Cell.NO_OP:
        return NoOp("it is being cancelled already")
    said = "completed steps keep their outputs, and nothing is undone"
    if state.in_flight:
        data: JsonObject = {"code": code, "deadline": case.now_ms + CANCEL_GRACE_MS}
        return Accepted((Record(EventType.RUN_CANCELLING, data),), f"{word}: {said}", tuple(abort_all(state)))
    records, aborts = split(cancel_open(state))
    return Accepted((*records, Record(EventType.RUN_CANCELLED, {"code": code})), f"{word}: {said}", aborts)


def _redrive(case: Case) -> Verdict:
    state, request = case.state, case.request
    found = cell(state, RunAct.REDRIVE)
    if isinstance(found, Refusal):
        return found
    if request.step is not None and request.step not in state.root.steps:
        names = ", ".join(f"`{name}`" for name in list(state.root.topology.nodes)[:8])
        message = f"run {state.run_id} has no step `{request.step}` to redrive from; its steps are {names}"
        return Refusal(RefusalCode.NO_SUCH_STEP, message)
    plan = redrive(state, request.step)
    if plan.risky and not request.args.get("yes"):
        return Refusal(RefusalCode.ALREADY_COMPLETED, _warning(state, plan.risky))
    data: JsonObject = {
        "epoch": state.epoch + 1,
        "from": request.step,
        "steps": list(plan.steps),
        "fresh": list(plan.fresh),
    }
    named = ", ".join(plan.steps) if plan.steps else "what remains"
    return Accepted((Record(EventType.RUN_REDRIVEN, data),), f"redriven: runs again: {named}", again=plan.steps)


def _warning(state: RunState, risky: tuple[str, ...]) -> str:
    named = ", ".join(f"`{path}`" for path in risky)
    sure = all(state.steps[path].plan.reversibility == "irreversible" for path in risky)
    said = "is irreversible and may have happened" if sure else "may have happened already"
    return f"{named} {said}: running it again needs `--yes`"


def _release(case: Case) -> Verdict:
    """The platform lets go of a hold whose cause is gone."""
    state, args = case.state, case.request.args
    gone = [key for key in state.holds if key[0] == args.get("hold")]
    if not gone:
        return NoOp("nothing of that kind holds it")
    later = {name: args[name] for name in ("start_at",) if name in args}
    records = tuple(record._replace(data={**record.data, **later}) for record in map(released, gone))
    return Accepted(records, f"released{remaining(state, gone)}")


def _anew(case: Case, act: RunAct) -> Verdict:
    found = cell(case.state, act)
    return (
        found if isinstance(found, Refusal) else Accepted((), f"{act.value} makes a new run; this one stays as it is")
    )


_VERBS: Final[dict[str, Callable[[Case], Verdict]]] = {
    "pause": _pause,
    "resume": _resume,
    "reconnected": _reconnected,
    "cancel": _cancel,
    "stop": _stop,
    "redrive": _redrive,
    "release": _release,
    "replay": lambda case: _anew(case, RunAct.REPLAY),
    "fork": lambda case: _anew(case, RunAct.FORK),
    "retry": retry,
    "skip": skip,
    "confirm": confirm,
    "force_advance": force_advance,
    "approve": approve,
    "deny": deny,
    "answer": answer,
    "extend": extend,
    "callback": call_back,
}

__all__ = ["Accepted", "NoOp", "People", "Refusal", "Request", "Verdict", "judge", "rows"]
