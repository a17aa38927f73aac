"""A callback from outside, judged by the state of the attempt that it answers."""

from __future__ import annotations

from headgate.plan import Json, JsonObject
from headgate.runtime.acts import REFUSALS, RefusalCode
from headgate.runtime.commands import Abort, Record
from headgate.runtime.conversation import AGENT
from headgate.runtime.errors import StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fitting import fit
from headgate.runtime.outside import result_of
from headgate.runtime.state import StepState, error_json
from headgate.runtime.status import HoldReason
from headgate.runtime.step_events import awaits_callback
from headgate.runtime.times import iso
from headgate.runtime.verdicts import Accepted, Case, Refusal, Verdict, released, remaining, stopped


def call_back(case: Case) -> Verdict:
    """`args`: attempt, token (its digest), expires_at (UTC in ms or None), and result or error (an error's JSON).

    One that comes too late for its attempt is recorded and changes nothing.
    """
    state, args, path = case.state, case.request.args, case.request.step or ""
    token, attempt = str(args["token"]), args["attempt"]
    if token in state.callbacks:
        said = f"it called `{state.callbacks[token]}` of run {state.run_id} back before"
        return Refusal(RefusalCode.TOKEN_USED, f"{REFUSALS[RefusalCode.TOKEN_USED]}: {said}")
    expires_at = args.get("expires_at")
    if isinstance(expires_at, int) and expires_at <= case.now_ms:
        said = f"it was good until {iso(expires_at)}"
        return Refusal(RefusalCode.TOKEN_EXPIRED, f"{REFUSALS[RefusalCode.TOKEN_EXPIRED]}: {said}")
    refusal = stopped(state)
    if refusal is not None:
        return refusal
    step = state.steps.get(path)
    if step is None:
        return Refusal(RefusalCode.NO_SUCH_STEP, f"run {state.run_id} has no step `{path}` that could be called back")
    facts: JsonObject = {"attempt": attempt, "token": token, **_ending(step, args)}
    record = Record(EventType.CALLBACK_RECEIVED, facts, path)
    if not awaits_callback(state, step, attempt):
        said = f"recorded and not applied: it came too late for attempt {attempt} of `{path}`, which is {_now(step)}"
        return Accepted((record,), said)
    gone = [key for key in state.holds if key == (HoldReason.IN_DOUBT, path)]  # now it is known
    flying = state.in_flight.get(path)
    aborts = () if flying is None else (Abort(path, flying),)
    records = (record, *(released(key) for key in gone))
    return Accepted(records, f"`{path}` was called back{remaining(state, gone)}", aborts)


def _ending(step: StepState, args: JsonObject) -> JsonObject:
    """The result or the error; a result that its step does not declare so is an error."""
    error: Json = args.get("error")
    if error is not None:
        return {"error": error}
    result = args.get("result")
    try:
        if step.plan.kind == AGENT:
            result = result_of(result, step.input if isinstance(step.input, dict) else {})
        fit(result, step.plan.result)
    except StepFailure as failure:
        return {"result": result, "error": error_json(failure.error)}
    return {"result": result}


def _now(step: StepState) -> str:
    detail = f" ({step.detail})" if step.detail else ""
    return f"{step.status}{detail}"
