"""A run as it is shown: the names of the JSON object that the command line prints, times in UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headgate.plan import ENTRY, Json, JsonObject, Plan
from headgate.records import NamedTuple
from headgate.runtime.conversation import Conversation
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.loops import EACH, REPEAT
from headgate.runtime.masking import STARS, Mask
from headgate.runtime.state import Hold, RunState, ScopeState, StepState, error_json
from headgate.runtime.status import HoldReason, RunStatus, StepStatus, release_command
from headgate.runtime.status_of import derive


class HoldView(NamedTuple):
    """`release` is the command that clears it; `step` is where it stands, or None.

    `connection` is the one that is to be authorized again; `by_itself` says that the run then goes on by itself.
    """

    reason: str
    since: int
    by: str
    release: str
    step: str | None = None
    note: str | None = None
    connection: str | None = None
    by_itself: bool = False


class FailureView(NamedTuple):
    code: str
    step: str | None
    message: str | None


def failure_view(code: str, step: str | None, message: str | None) -> FailureView:
    """What a run failed for, or was ended for; its message is the code's meaning where nobody said more."""
    facts = FAILURE_CODES.get(code)
    return FailureView(code, step, facts.meaning if message is None and facts is not None else message)


class ToolView(NamedTuple):
    """A tool call of an agent: `error` is what it came to, None for one that worked, or has not `returned`."""

    tool: str
    error: str | None
    returned: bool


class AgentRound(NamedTuple):
    """One answer of an agent's model with the tool calls it asked for; `cost` is USD, None without a price."""

    number: int
    tools: tuple[ToolView, ...]
    input_tokens: int
    output_tokens: int
    cost: float | None


class StepView(NamedTuple):
    """`detail` says what a waiting step waits for, or why one was skipped or held; `error` is its last error.

    `word` is shown in place of the status when another product's words are wanted; `rounds` are an agent's, in order.
    """

    kind: str
    status: str
    detail: str | None
    attempts: int
    input: Json
    result: Json
    error: JsonObject | None
    agent: str | None
    started_at: int | None
    ended_at: int | None
    title: str | None = None
    resume_at: int | None = None
    word: str | None = None
    rounds: tuple[AgentRound, ...] = ()


class RunView(NamedTuple):
    """`trigger` is the trigger's name. `steps` is keyed by path, `notify.3.send` inside a loop. `word` as of a step.

    `overdue` says that it is scheduled, its time is past and nothing holds it; whoever knows what time it is sets it.
    """

    run: str
    workflow: str
    version: int | None
    plan_digest: str
    status: RunStatus
    detail: str | None
    outcome: str | None
    trigger: str
    epoch: int
    created_at: int
    started_at: int | None
    ended_at: int | None
    inputs: JsonObject
    output: Json
    failure: FailureView | None
    holds: tuple[HoldView, ...]
    steps: Mapping[str, StepView]
    word: str | None = None
    due_at: int | None = None
    overdue: bool = False


def run_view(state: RunState) -> RunView:
    """The run as it stands. Inputs that are declared `secret` are masked, and wherever their values went."""
    mask = mask_of(state)
    status, detail = derive(state)
    failure = None
    if state.failure_code is not None:
        failure = failure_view(state.failure_code, state.failed_step, _masked_text(mask, state.failure_message))
    steps: dict[str, StepView] = {}
    _add_steps(state, state.root, steps)
    return RunView(
        run=state.run_id,
        workflow=state.workflow,
        version=state.version,
        plan_digest=state.plan_digest,
        status=status,
        detail=detail,
        outcome=state.outcome,
        trigger=str(state.trigger.get("name") or "manual"),
        epoch=state.epoch,
        created_at=state.created_at,
        started_at=state.started_at,
        ended_at=state.ended_at,
        inputs=shown_inputs(state.plan, state.inputs, mask),
        output=mask.apply(state.output),
        failure=failure,
        holds=tuple(hold_view(state, hold) for hold in state.holds.values()),
        steps={path: _masked(mask, step) for path, step in steps.items()} if mask.hides else steps,
        due_at=state.due_at,
    )


def hold_view(state: RunState, hold: Hold) -> HoldView:
    """A hold with the command that releases it."""
    command = release_command(hold.reason, state.run_id, state.workflow, hold.step, hold.connection, cured=hold.cured)
    return HoldView(
        hold.reason.value, hold.since, hold.by, command, hold.step, hold.note, hold.connection, by_itself(state, hold)
    )


def by_itself(state: RunState, hold: Hold) -> bool:
    """Whether the hold goes with its cause, without anybody's resuming the run."""
    return hold.reason is HoldReason.REAUTH and state.plan.policies.resume_on_reconnect


def shown_inputs(plan: Plan, inputs: JsonObject, mask: Mask) -> JsonObject:
    """A run's inputs as people see them: those declared `secret` are masked, and what `mask` hides in the others."""
    properties = plan.inputs.get("properties")
    declared = properties if isinstance(properties, dict) else {}
    return {name: STARS if is_secret(declared.get(name)) else mask.apply(value) for name, value in inputs.items()}


def mask_of(state: RunState) -> Mask:
    """What hides the values of the run's secret inputs, and those of runs that called it or that it called."""
    return secret_inputs(state.plan, state.inputs, state.hidden)


def secret_inputs(plan: Plan, inputs: JsonObject, hidden: Iterable[str] = ()) -> Mask:
    """What hides the values of the inputs that are declared `secret`, and those of `hidden`."""
    properties = plan.inputs.get("properties")
    mask = Mask()
    for value in hidden:
        mask.add(value)
    for name, schema in properties.items() if isinstance(properties, dict) else ():
        if is_secret(schema):
            for value in _texts(inputs.get(name)):
                mask.add(value)
    return mask


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case int() | float() if not isinstance(value, bool):
            yield str(value)


def _masked(mask: Mask, step: StepView) -> StepView:
    error = step.error and {name: mask.apply(value) for name, value in step.error.items()}
    rounds = tuple(each._replace(tools=tuple(_masked_tool(mask, tool) for tool in each.tools)) for each in step.rounds)
    return step._replace(input=mask.apply(step.input), result=mask.apply(step.result), error=error, rounds=rounds)


def _masked_tool(mask: Mask, tool: ToolView) -> ToolView:
    return tool._replace(tool=mask.text(tool.tool), error=_masked_text(mask, tool.error))


def _masked_text(mask: Mask, text: str | None) -> str | None:
    return None if text is None else mask.text(text)


def is_secret(schema: Json) -> bool:
    """Whether an input is declared `secret`: its value is shown to nobody."""
    return isinstance(schema, dict) and bool(schema.get("secret") or schema.get("writeOnly"))


def _add_steps(state: RunState, scope: ScopeState, steps: dict[str, StepView]) -> None:
    for name in scope.topology.nodes if scope.steps else ():
        if name == ENTRY:
            continue
        step = scope.steps[name]
        steps[step.path] = _step_view(step)
        if step.loop is not None:
            for index in sorted(step.loop.scopes):
                _add_steps(state, step.loop.scopes[index], steps)
    if not scope.steps:
        for name, node in scope.topology.nodes.items():
            if name != ENTRY:
                steps[scope.prefix + name] = _step_view(StepState(node, scope))


def _step_view(step: StepState) -> StepView:
    status, detail = step.status, step.detail
    if status is StepStatus.RUNNING and step.loop is not None:
        status, detail = _loop_status(step)
    elif status is StepStatus.BLOCKED:
        detail = step.cause
    elif status in (StepStatus.RUNNING, StepStatus.READY) and step.talk is not None and not step.talk.outside:
        detail = f"round {len(step.talk.rounds) + (step.talk.pending() is None)}"
    agent = step.config.get("agent") if step.plan.kind == "agent" else None
    return StepView(
        kind=step.plan.kind,
        status=status.value,
        detail=detail,
        attempts=step.attempts,
        input=step.input,
        result=step.result if step.has_result else None,
        error=None if step.error is None else error_json(step.error),
        agent=agent if isinstance(agent, str) else step.plan.owner,
        started_at=step.started_at,
        ended_at=step.ended_at,
        title=step.plan.title,
        resume_at=step.resume_at,
        rounds=() if step.talk is None else _agent_rounds(step.talk),
    )


def _agent_rounds(talk: Conversation) -> tuple[AgentRound, ...]:
    return tuple(
        AgentRound(
            number,
            tuple(_tool_view(call, each.results, place) for place, call in enumerate(each.calls)),
            each.input_tokens,
            each.output_tokens,
            each.cost,
        )
        for number, each in enumerate(talk.rounds, 1)
    )


def _tool_view(call: JsonObject, results: Sequence[JsonObject], place: int) -> ToolView:
    outcome = results[place] if place < len(results) else None
    error = None if outcome is None else outcome.get("error")
    return ToolView(str(call.get("tool") or call["name"]), None if error is None else str(error), outcome is not None)


def _loop_status(step: StepState) -> tuple[StepStatus, str | None]:
    """A loop waits when all that is open in it waits. What is done of it is its detail."""
    loop = step.loop
    assert loop is not None, "a loop that runs has its state"
    inner = [each for scope in loop.scopes.values() if not scope.done for each in scope.steps.values()]
    waits: dict[str, None] = {}
    for each in inner:
        status, detail = each.status, each.detail
        if status is StepStatus.RUNNING and each.loop is not None:
            status, detail = _loop_status(each)
        if status in (StepStatus.RUNNING, StepStatus.READY, StepStatus.RETRYING, StepStatus.INTERRUPTED):
            return StepStatus.RUNNING, _progress(step)
        if status is StepStatus.WAITING and detail is not None:
            waits[detail] = None
    return (StepStatus.WAITING, ", ".join(waits)) if waits else (StepStatus.RUNNING, _progress(step))


def _progress(step: StepState) -> str | None:
    loop = step.loop
    if loop is None:
        return None
    done = sum(1 for scope in loop.scopes.values() if scope.done)
    if step.plan.kind == EACH:
        return f"{done} of {len(loop.items)}"
    assert step.plan.kind == REPEAT, "each and repeat are the loops"
    return f"round {loop.opened}"
