"""Sub-runs: made or taken up again in the transaction of the step that calls them, and told back when they end."""

from __future__ import annotations

from collections.abc import Callable

from headgate.plan import Json, JsonObject, Plan
from headgate.records import NamedTuple
from headgate.runtime.commands import Record
from headgate.runtime.driven import DrivenRun
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.masking import Mask
from headgate.runtime.state import RunState, error_json
from headgate.runtime.status import TERMINAL_PHASES, Phase, WaitsFor
from headgate.runtime.store import RunRow
from headgate.runtime.view import mask_of

DEPTH_LIMIT = 16


class Callee(NamedTuple):
    """A workflow that a `call` step starts: its plan, the plan's canonical bytes, and the inputs with defaults.

    `version` is that of a published workflow, None for a file of the workspace.
    """

    plan: Plan
    content: bytes
    inputs: JsonObject
    version: int | None = None


class Caller(NamedTuple):
    """Whose step calls: its plan, and whether it runs as a published version, which calls published ones."""

    plan: Plan
    published: bool = False


class CalleeRefused(Exception):  # noqa: N818 - it is the answer to a call
    """The workflow cannot be called so; `error` fails the step that calls."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error


Callees = Callable[[Caller, str, JsonObject], Callee]
"""(who calls, the workflow's name, the inputs) -> Callee; raises `CalleeRefused`. Compiling is api's."""


def creation(callee: Callee, caller: DrivenRun, step: str, *, attached: bool) -> Record:
    """The first event of a sub-run; one that is not attached has a caller it never tells.

    What is secret to the caller is secret to it.
    """
    facts: JsonObject = {
        "workflow": callee.plan.workflow,
        "plan_digest": callee.plan.digest,
        "inputs": callee.inputs,
        "trigger": {"name": "call", "kind": "call", "payload": None},
        "environment": caller.state.environment,
        "parent": {"run": caller.id, "step": step, "attached": attached, "depth": caller.depth + 1},
    }
    if callee.version is not None:
        facts["version"] = callee.version
    return Record(EventType.RUN_CREATED, _with_hidden(facts, mask_of(caller.state)))


def asked_for(record: Record, child: RunState) -> Record:
    """The caller's wait for a sub-run: what it gave for a secret input is secret to it too."""
    return record._replace(data=_with_hidden({**record.data, "run": child.run_id}, mask_of(child)))


def _with_hidden(facts: JsonObject, mask: Mask) -> JsonObject:
    hidden: list[Json] = [*mask.found_in(facts)] if mask.hides else []
    return {**facts, "hidden": hidden} if hidden else facts


def too_deep() -> CalleeRefused:
    return CalleeRefused(
        StepError(
            "LIMIT_EXCEEDED",
            f"workflows call workflows more than {DEPTH_LIMIT} deep; call in a circle less often",
            ErrorClass.PERMANENT,
        )
    )


def refused(record: Record, refusal: CalleeRefused) -> Record:
    """What is appended to the caller in place of the wait for a sub-run that cannot be made."""
    facts: JsonObject = {"attempt": record.data.get("attempt", 1), "error": error_json(refusal.error)}
    if "inputs" in record.data:
        facts["input"] = {"inputs": record.data["inputs"]}
    return Record(EventType.ATTEMPT_FAILED, facts, record.step)


def ended_for(caller: RunState) -> str | None:
    """The code that a caller which a person or the platform ends passes to what it called; None for a plain cancel."""
    code = caller.cancelling.get("code") if caller.phase is Phase.CANCELLING else None
    if caller.phase is Phase.CANCELLED:
        code = caller.failure_code
    return code if isinstance(code, str) else None


def ending(child: RunState) -> Record:
    """What the caller is told of a sub-run that has ended."""
    assert child.parent is not None, "only a sub-run tells a caller"
    facts: JsonObject = {"run": child.run_id, "status": child.phase.value, "output": child.output}
    facts["failure"] = _failure(child.failure_code, child.failed_step, child.failure_message)
    return Record(EventType.CHILD_ENDED, _with_hidden(facts, mask_of(child)), str(child.parent["step"]))


def ending_of_row(row: RunRow) -> Record:
    """The same of a sub-run that has only a row, because its plan is damaged."""
    facts: JsonObject = {"run": row.id, "status": row.phase, "output": None}
    facts["failure"] = _failure(row.failure_code, row.failed_step, row.failure_message)
    return Record(EventType.CHILD_ENDED, facts, row.parent_step)


def _failure(code: str | None, step: str | None, message: str | None) -> Json:
    return None if code is None else {"code": code, "step": step, "message": message}


def awaits(caller: RunState, child: RunState) -> bool:
    """True when `caller` still waits for `child`, which has ended."""
    if child.phase not in TERMINAL_PHASES or child.parent is None:
        return False
    step = caller.steps.get(str(child.parent["step"]))
    return step is not None and step.detail == WaitsFor.SUBRUN and step.child == child.run_id
