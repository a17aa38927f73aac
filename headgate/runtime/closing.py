"""The end of a run while steps are open: what becomes of each, and how the run ends."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.plan import Json, JsonObject
from headgate.runtime.commands import Abort, Command, Prepare, Purpose, Record
from headgate.runtime.events import EventType
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import Drain, Outcome, SkipDetail, StepStatus

CANCEL_GRACE_MS = 5_000
"""How long attempts that were told to stop may take before the run ends without them."""


def fail_run(state: RunState, code: str, step: Json, message: Json) -> list[Command]:
    """End everything: what had started is cancelled, the rest blocked, and the run fails."""
    cause: Json = step if step is not None else code
    commands: list[Command] = []
    for each in open_steps(state):
        if each.started_at is None:
            commands.append(Record(EventType.STEP_BLOCKED, {"cause": cause, "final": True}, each.path))
        else:
            commands += cancel_step(state, each, cause)
    commands.append(Record(EventType.RUN_FAILED, {"code": code, "step": step, "message": message}))
    return commands


def cancel_open(state: RunState) -> list[Command]:
    """Cancel every open step that has no attempt out."""
    commands: list[Command] = []
    for each in open_steps(state):
        if each.path not in state.in_flight:
            commands += cancel_step(state, each, "cancelled")
    return commands


def cancel_run(state: RunState) -> list[Command]:
    """In phase `cancelling`: cancel what is open at first, then each step whose attempt ended, at last the run.

    Past its deadline it does not wait for attempts that do not heed their cancellation.
    """
    commands: list[Command] = []
    if state.urgent:
        for path in state.urgent:
            commands += cancel_step(state, state.steps[path], "cancelled")
        return commands
    if state.in_flight and not state.overtime:
        return cancel_open(state) if state.seq == state.ending_since else []
    for path in state.in_flight:
        commands += cancel_step(state, state.steps[path], "cancelled")
    return commands or cancel_open(state) or [_cancelled(state.cancelling)]


def _cancelled(facts: JsonObject) -> Record:
    """How a run ends that was cancelled, or that had not drained in time."""
    if facts.get("then") == Drain.FAILED:
        return Record(EventType.RUN_FAILED, {key: facts[key] for key in ("code", "step", "message")})
    return Record(EventType.RUN_CANCELLED, {"code": facts.get("code")})


def abort_all(state: RunState) -> list[Abort]:
    """Tells every attempt that is out to stop."""
    return [Abort(path, attempt) for path, attempt in state.in_flight.items()]


def cancel_within(state: RunState, step: StepState) -> list[Command]:
    """Cancel what is open inside `step`, its attempt, its child and its question to people, but not the step."""
    commands: list[Command] = []
    if step.loop is not None:
        for scope in step.loop.scopes.values():
            for each in _open(scope):
                commands += cancel_step(state, each, step.path)
    return commands + [command for command in cancel_step(state, step, step.path) if not _ends(command, step)]


def _ends(command: Command, step: StepState) -> bool:
    return isinstance(command, Record) and command.type is EventType.STEP_CANCELLED and command.step == step.path


def finish_run(state: RunState) -> list[Command]:
    """A `finish` step ended the run: what started is cancelled, what did not is not taken; then it completes."""
    assert state.finish is not None, "a finish step ends the run"
    commands: list[Command] = []
    for each in open_steps(state):
        if each.started_at is None:
            data: dict[str, Json] = {"detail": SkipDetail.BRANCH_NOT_TAKEN.value, "final": True}
            commands.append(Record(EventType.STEP_SKIPPED, data, each.path))
        else:
            commands += cancel_step(state, each, state.finish)
    if commands:
        return commands
    finish = state.steps[state.finish]
    if "output" in finish.config:
        output = finish.result.get("output") if isinstance(finish.result, dict) else None
        return [Record(EventType.RUN_COMPLETED, {"outcome": outcome(state).value, "output": output})]
    return complete_run(state)


def complete_run(state: RunState) -> list[Command]:
    data: dict[str, Json] = {"outcome": outcome(state).value}
    if state.plan.outputs:
        return [Prepare(Purpose.OUTPUT, None, data)]
    return [Record(EventType.RUN_COMPLETED, {**data, "output": None})]


def outcome(state: RunState) -> Outcome:
    """The first that applies."""
    if state.forced:
        return Outcome.FORCED
    if state.failures:
        return Outcome.WITH_FAILURES
    return Outcome.DENIED if state.denied else Outcome.CLEAN


def cancel_step(state: RunState, step: StepState, cause: Json) -> list[Command]:
    """Cancel one open step: its attempt, its child and its question to people too."""
    if step.status is StepStatus.FAILED:
        return []
    commands: list[Command] = []
    approval = None if step.approval is None else state.approvals[step.approval]
    if step.status is StepStatus.WAITING and approval is not None and approval.status == "pending":
        commands.append(Record(EventType.APPROVAL_CANCELLED, {"task": approval.task}, step.path))
    if step.path in state.in_flight or (step.status is StepStatus.WAITING and step.child is not None):
        commands.append(Abort(step.path, step.attempts))
    commands.append(Record(EventType.STEP_CANCELLED, {"cause": cause, "final": True}, step.path))
    return commands


def open_steps(state: RunState) -> Iterator[StepState]:
    """The steps that have not ended, those of loops after their loop; a failed step that holds the run has ended."""
    yield from _open(state.root)


def _open(scope: ScopeState) -> Iterator[StepState]:
    for step in list(scope.steps.values()):
        if not step.settled and step.status is not StepStatus.FAILED:
            yield step
        elif step.status is not StepStatus.CANCELLED:
            continue
        if step.loop is not None:  # of one that was cancelled, too: what was out in it may have gone on since
            for inner in step.loop.scopes.values():
                yield from _open(inner)
