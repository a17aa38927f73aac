"""What a fork keeps of the run it comes from, and whether another plan can go on from there. Pure."""

from __future__ import annotations

from typing import Final

from headgate.plan import ENTRY, Json, JsonObject, Plan, PlanEdge, PlanStep
from headgate.records import NamedTuple
from headgate.runtime.errors import StepFailure
from headgate.runtime.fitting import fit
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import SkipDetail, StepStatus

# These are decided anew from the edges and the plan.
_DERIVED: Final = frozenset({SkipDetail.BRANCH_NOT_TAKEN, SkipDetail.DISABLED})


class Fork(NamedTuple):
    """`kept` are the steps whose ends are kept, with the facts that say how; `approved` the digests of the inputs that
    were approved, by gate, of those that run again; `again` the steps that run in the new run; `derived` those that
    were not taken and will not be.
    """

    kept: dict[str, JsonObject]
    approved: dict[str, dict[str, Json]]
    again: tuple[str, ...]
    derived: frozenset[str]


def fork(state: RunState, start: str | None) -> Fork:
    """What is kept when the new run goes on at `start`: every step that ended and follows neither `start` nor one that
    has to run again. Without `start` nothing is.
    """
    scope = state.root
    if start is None:
        return Fork({}, _approvals(scope, frozenset()), tuple(scope.topology.nodes), frozenset())
    seeds = [name for name, step in scope.steps.items() if name == start or _runs_again(step)]
    again = following(scope, seeds)
    kept = {name: _facts(step) for name, step in scope.steps.items() if name not in again and _is_kept(step)}
    derived = frozenset(name for name in scope.steps if name not in again and name not in kept)
    left = tuple(name for name in scope.topology.nodes if name in again)
    return Fork(kept, _approvals(scope, frozenset(kept)), left, derived)


def following(scope: ScopeState, names: list[str]) -> set[str]:
    """`names` and all that follow them, by any edge."""
    found = set(names)
    frontier = list(names)
    while frontier:
        for target, _ in scope.topology.nodes[frontier.pop()].out:
            if target not in found:
                found.add(target)
                frontier.append(target)
    return found


def _runs_again(step: StepState) -> bool:
    return step.status not in (StepStatus.COMPLETED, StepStatus.SKIPPED) or step.node.kind in ("finish", "fail")


def _is_kept(step: StepState) -> bool:
    if step.name == ENTRY:
        return False
    if step.status is StepStatus.COMPLETED:
        return True
    return step.detail not in _DERIVED and (step.detail != SkipDetail.DENIED or step.denied)


def _facts(step: StepState) -> JsonObject:
    facts: JsonObject = {"status": step.status.value, "detail": step.detail and str(step.detail), "input": step.input}
    if step.has_result:
        facts["result"] = step.result
    return facts


def _approvals(scope: ScopeState, kept: frozenset[str]) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {}
    for name, step in scope.steps.items():
        if step.approved and name not in kept:
            found[name] = {str(gate): digest for gate, digest in step.approved.items()}
    return found


def misfit(made: Fork, state: RunState, plan: Plan, said: str) -> str | None:
    """A sentence about the first kept output that `plan`, called `said`, cannot go on from; None when it can."""
    for name, facts in made.kept.items():
        reason = _misfit(name, facts, made, (state.plan.steps[name], plan.steps.get(name)), plan)
        if reason is not None:
            return f"the output of `{name}` is kept, and {said} {reason}"
    return None


def _misfit(
    name: str, facts: JsonObject, made: Fork, steps: tuple[PlanStep, PlanStep | None], plan: Plan
) -> str | None:
    old, new = steps
    if new is None:
        return "has no such step: fork from the start, without `--from`"
    if new.kind != old.kind:
        return f"has it as `{new.kind}`, not `{old.kind}`: fork from `{name}`, or before it"
    for edge in new.edges:
        if edge.source not in made.kept and edge.source not in made.derived and edge.source != ENTRY:
            return f"has it after `{edge.source}`, which has no output to keep: fork from `{edge.source}`, or before it"
    if facts["status"] != StepStatus.COMPLETED:
        return None
    shape = _shape(old, new, facts.get("result"), plan)
    if shape is not None:
        return f"{shape}: fork from `{name}`, or before it"
    try:
        fit(facts.get("result"), new.result)
    except StepFailure as failure:
        return f"declares another one: {failure.error.message}"
    return None


def _shape(old: PlanStep, new: PlanStep, result: Json, plan: Plan) -> str | None:
    """What of the step decides the shape of its result, where it is another one."""
    given = result if isinstance(result, dict) else {}
    for name in ("instance", "tool", "server_url", "workflow", "kind"):
        if old.config.get(name) != new.config.get(name) and not (name == "kind" and new.kind != "human"):
            return f"has it with another `{name}`"
    if new.kind == "set":
        lacking = [name for name in new.config if name not in given]
        return f"has it with `{lacking[0]}`, which it lacks" if lacking else None
    if new.kind == "switch":
        taken = given.get("taken")
        known = taken is None or any(edge.source == new.name for edge in _edges(plan, str(taken)))
        return None if known else f"does not lead from it to `{taken}`, which was taken"
    if new.body is not None:
        before = () if old.body is None else old.body.order
        lacking = [name for name in new.body.order if name not in before]
        return f"has `{lacking[0]}` in it, which did not run" if lacking else None
    return None


def _edges(plan: Plan, name: str) -> tuple[PlanEdge, ...]:
    step = plan.steps.get(name)
    return () if step is None else tuple(step.edges)


def same_gates(old: PlanStep, new: PlanStep | None) -> bool:
    """Whether what was approved before an action is what another plan asks for, so that it need not be asked again."""
    return new is not None and old.gates == new.gates
