"""Templates to events: what a `Prepare` asks for, evaluated now. Pure; the executor appends what comes out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

from headgate.expressions import ResultMissing, TemplateFailed, evaluate_condition, render
from headgate.plan import RAW, Json, JsonObject
from headgate.runtime.commands import Prepare, Purpose, Record
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fitting import fit
from headgate.runtime.loops import EACH, whole
from headgate.runtime.scope import scope, test_scope
from headgate.runtime.state import RunState, StepState, error_json
from headgate.runtime.status import SkipDetail, StepStatus, WaitsFor
from headgate.runtime.times import from_iso, iso

Names: TypeAlias = "Mapping[str, object]"
DEFAULT_LIMIT = 500
DEFAULT_EXPIRES_MS = 259_200_000
_MASK = "***"
_LATER: Final = {"repeat": frozenset({"until", "while"}), "wait": frozenset({"match"})}
_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class _Unfit(Exception):  # noqa: N818 - it is named for what it says of the value
    """A step's attributes do not fit once they are evaluated."""

    def __init__(self, code: str, message: str, detail: JsonObject | None = None) -> None:
        super().__init__(message)
        self.error = StepError(code, message, ErrorClass.PERMANENT, detail=detail)


def prepare(state: RunState, command: Prepare, now_ms: int) -> Record:
    """The event of the command's purpose; or `step_skipped`, `step_starved`, `approval_outdated`, or a failure:
    `attempt_failed`, for the run's output `run_failed`.
    """
    path = command.step
    if path is None:
        return _output(state, command)
    step = state.steps[path]
    try:
        if command.purpose is Purpose.TEST:
            return _tested(state, step, command)
        if command.purpose is Purpose.CHECK:
            fit(step.result, step.plan.result)
            return Record(EventType.STEP_CHECKED, {}, path)
        names = scope(state, path)
        if step.plan.when is not None and step.started_at is None and not evaluate_condition(step.plan.when, names):
            return Record(EventType.STEP_SKIPPED, {"detail": SkipDetail.CONDITION_FALSE.value}, path)
        return _PREPARERS[command.purpose](step, command.data, names, now_ms)
    except ResultMissing as missing:
        if step.status is not StepStatus.RUNNING:
            return Record(EventType.STEP_STARVED, {"on": missing.step}, path)
        message = f"{missing}: it did not run; `| default(...)` says what to take then"
        return _failed(step, command.data, StepError("TEMPLATE_FAILED", message, ErrorClass.PERMANENT))
    except TemplateFailed as fault:
        return _failed(step, command.data, StepError("TEMPLATE_FAILED", fault.message, ErrorClass.PERMANENT))
    except StepFailure as failure:
        return _failed(step, command.data, failure.error)
    except _Unfit as unfit:
        return _failed(step, command.data, unfit.error)


def digest_of(value: Json) -> str:
    """`sha256:` of the value as sorted JSON."""
    return "sha256:" + sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _failed(step: StepState, data: JsonObject, error: StepError) -> Record:
    facts: JsonObject = {"error": error_json(error)}
    if "attempt" in data:
        facts["attempt"] = data["attempt"]
    return Record(EventType.ATTEMPT_FAILED, facts, step.path)


def _result(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    del now_ms
    kind, config = step.plan.kind, step.config
    made: JsonObject = {"attempt": data["attempt"]}
    outdated = _outdated(step, _shown(step, names)) if step.approved else None
    if outdated is not None:
        return outdated
    if kind == "switch":
        made["input"] = {}
        made["result"] = {"taken": _taken(config, names)}
    elif kind == "finish":
        made["input"] = {}
        made["result"] = {"output": _lenient(config["output"], names)} if "output" in config else {}
    elif kind == "fail":
        given = _mapping(render(config, names))
        detail: JsonObject | None = {"code": given["code"]} if given.get("code") is not None else None
        message = _readable(given.get("message")) or f"`{step.path}` failed the run"
        error = StepError("WORKFLOW_FAILED", message, ErrorClass.PERMANENT, detail=detail)
        return Record(EventType.ATTEMPT_FAILED, {**made, "input": given, "error": error_json(error)}, step.path)
    else:
        made["result"] = render(config, names)
    fit(made["result"], step.plan.result)
    return Record(EventType.ATTEMPT_SUCCEEDED, made, step.path)


def _taken(config: JsonObject, names: Names) -> Json:
    cases = config.get("cases")
    for case in cases if isinstance(cases, list) else ():
        assert isinstance(case, dict), "a case has its condition and its step"
        if evaluate_condition(case["when"], names):
            return case["to"]
    return config.get("else")


def _dispatch(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    del now_ms
    given = render(step.config, names)
    outdated = _outdated(step, given)
    if outdated is not None:
        return outdated
    made: JsonObject = {"attempt": data["attempt"], "input": given}
    if step.plan.idempotency_key is not None:
        made["key"] = _readable(render(step.plan.idempotency_key, names))
    return Record(EventType.STEP_DISPATCHED, made, step.path)


def _outdated(step: StepState, given: Json) -> Record | None:
    """An approval covers the input that it was shown, and no other."""
    if step.approved and any(digest != digest_of(given) for digest in step.approved.values()):
        return Record(EventType.APPROVAL_OUTDATED, {"task": step.approval}, step.path)
    return None


def _approval(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    gate_number = data["gate"]
    if not isinstance(gate_number, int):
        return _human(step, data, names, now_ms)
    gate = step.plan.gates[gate_number]
    shown = _shown(step, names) if gate.when == "before" else None
    title = _readable(render(gate.ask, names))
    made: JsonObject = {
        **data,
        "kind": gate.kind,
        "when": gate.when,
        "title": title or f"{gate.kind} of `{step.path}`",
        "body": None,
        "assignees": _names_of(render(gate.assignees, names), step),
        "expires": gate.expires,
        "expires_at": now_ms + gate.expires,
        "on_expiry": gate.on_expiry,
        "escalate_to": _names_of(render(gate.escalate_to, names), step),
        "reversibility": step.plan.reversibility,
        "channel": gate.channel,
        "input": shown,
        "input_digest": None if gate.when == "after" else digest_of(shown),
    }
    return Record(EventType.APPROVAL_REQUESTED, made, step.path)


def _shown(step: StepState, names: Names) -> Json:
    """The input that an approval covers. A loop's conditions and a switch's cases are asked later."""
    if step.plan.kind == "switch":
        return {}
    return render(_evaluated_now(step), names)


def _evaluated_now(step: StepState) -> JsonObject:
    """A step's attributes without the conditions that are asked later, of what is not there yet."""
    later = _LATER.get(step.plan.kind)
    return step.config if later is None else {key: value for key, value in step.config.items() if key not in later}


def _human(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    given = _mapping(render(step.config, names))
    expires = whole(given.get("expires"), DEFAULT_EXPIRES_MS)
    title, kind = _readable(given.get("title")), str(given.get("kind") or "approval")
    made: JsonObject = {
        **data,
        "kind": kind,
        "when": "before",
        "title": title or step.plan.title or f"{kind} `{step.path}`",
        "body": given.get("body"),
        "assignees": _names_of(given.get("assignees"), step),
        "expires": expires,
        "expires_at": now_ms + expires,
        "on_expiry": given.get("on_expiry") or "deny",
        "escalate_to": _names_of(given.get("escalate_to"), step),
        "reversibility": step.plan.reversibility,
        "channel": _readable(given.get("channel")) or "inbox",
        "input": None,
        "input_digest": None,
    }
    if step.config.get("fields"):
        made["fields"] = step.config["fields"]
    return Record(EventType.APPROVAL_REQUESTED, made, step.path)


def _names_of(value: Json, step: StepState) -> Json:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return value
    raise _Unfit("CONFIG_INVALID", f"the assignees of `{step.path}` must be a list of names")


def _timer(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    given = _mapping(render(step.config, names))
    outdated = _outdated(step, given)
    if outdated is not None:
        return outdated
    until = given.get("until")
    due = now_ms + _duration(given.get("for"), step) if until is None else _moment(until, step)
    made: JsonObject = {**data, "for": WaitsFor.TIMER.value, "until": due, "input": given}
    return Record(EventType.STEP_WAITING, made, step.path)


def _event(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    given = _mapping(render(_evaluated_now(step), names))
    outdated = _outdated(step, given)
    if outdated is not None:
        return outdated
    expires = given.get("expires")
    until = now_ms + expires if isinstance(expires, int) else None
    made: JsonObject = {
        **data,
        "for": WaitsFor.EVENT.value,
        "event": given["event"],
        "until": until,
        "on_expiry": given.get("on_expiry") or "fail",
        "input": given,
    }
    return Record(EventType.STEP_WAITING, made, step.path)


def fits_wait(state: RunState, path: str, event: Json) -> bool:
    """Whether `event`, the payload of a signal, is what the `wait` at `path` waits for.

    Raises `TemplateFailed` when its `match` cannot be asked of this payload.
    """
    step = state.steps[path]
    match = step.config.get("match")
    return match is None or evaluate_condition(match, {**scope(state, path), "event": event})


def _duration(value: Json, step: StepState) -> int:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return round(value)
    if isinstance(value, str):
        for unit in ("ms", "s", "m", "h", "d"):
            number = value.strip().removesuffix(unit)
            if number != value.strip() and number.replace(".", "", 1).isdecimal():
                return round(float(number) * _UNITS[unit])
    raise _Unfit("CONFIG_INVALID", f"`for` of `{step.path}` must be a duration such as `30s`")


def _moment(value: Json, step: StepState) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return from_iso(value)
        except ValueError:
            pass
    raise _Unfit("CONFIG_INVALID", f"`until` of `{step.path}` must be a time such as `{iso(0)}`")


def _child(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    del now_ms
    given = _mapping(render(step.config, names))
    outdated = _outdated(step, given)
    if outdated is not None:
        return outdated
    made: JsonObject = {
        **data,
        "for": WaitsFor.SUBRUN.value,
        "workflow": given["workflow"],
        "inputs": given.get("inputs") or {},
        "detach": bool(given.get("detach")),
    }
    if step.child is not None:
        made["run"] = step.child
    return Record(EventType.STEP_WAITING, made, step.path)


def _loop(step: StepState, data: JsonObject, names: Names, now_ms: int) -> Record:
    del now_ms
    outdated = _outdated(step, _shown(step, names)) if step.approved else None
    if outdated is not None:
        return outdated
    if step.plan.kind != EACH:
        return Record(EventType.LOOP_STARTED, data, step.path)
    items = render(step.config["over"], names)
    if not isinstance(items, list):
        raise _Unfit("TEMPLATE_FAILED", f"`{step.path}` runs over a list, and its `over` is none")
    limit = whole(step.config.get("limit"), DEFAULT_LIMIT)
    if len(items) > limit:
        message = f"`{step.path}` has {len(items)} items, over its limit of {limit}; nothing was run"
        raise _Unfit("LIMIT_EXCEEDED", message, {"items": len(items), "limit": limit})
    return Record(EventType.LOOP_STARTED, {**data, "items": items}, step.path)


def _tested(state: RunState, step: StepState, command: Prepare) -> Record:
    iteration = command.data["iteration"]
    assert isinstance(iteration, int), "rounds are numbered"
    names = test_scope(state, step.path, iteration)
    config = step.config
    if "while" in config:
        stop = not evaluate_condition(config["while"], names)
    else:
        stop = evaluate_condition(config["until"], names)
    return Record(EventType.ROUND_TESTED, {**command.data, "stop": stop}, step.path)


def _output(state: RunState, command: Prepare) -> Record:
    try:
        output = _lenient(state.plan.outputs, scope(state, None))
    except TemplateFailed as fault:
        message = f"the run's output: {fault.message}"
        return Record(EventType.RUN_FAILED, {"code": "TEMPLATE_FAILED", "step": None, "message": message})
    return Record(EventType.RUN_COMPLETED, {**command.data, "output": output})


def _lenient(value: Json, names: Names) -> Json:
    """A value whose parts are null where they come from a step that did not run."""
    if isinstance(value, dict) and not (len(value) == 1 and RAW in value):
        return {key: _lenient(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_lenient(each, names) for each in value]
    try:
        return render(value, names)
    except ResultMissing:
        return None


def _mapping(value: Json) -> JsonObject:
    assert isinstance(value, dict), "a step's attributes are a map"
    return value


def _readable(value: Json) -> str:
    """A value as people read it; secrets are masked."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "$secret" in value:
        return _MASK
    if isinstance(value, dict) and isinstance(value.get("$text"), list):
        parts = value["$text"]
        assert isinstance(parts, list), "text with secrets in it is a list of parts"
        return "".join(_readable(part) for part in parts)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_PREPARERS: Final[dict[Purpose, Callable[[StepState, JsonObject, Names, int], Record]]] = {
    Purpose.RESULT: _result,
    Purpose.DISPATCH: _dispatch,
    Purpose.APPROVAL: _approval,
    Purpose.TIMER: _timer,
    Purpose.EVENT: _event,
    Purpose.CHILD: _child,
    Purpose.LOOP: _loop,
}
