"""What a step's end does to the steps that follow it: live and dead edges, joins, and when a step is ready."""

from __future__ import annotations

from headgate.plan import PlanEdge
from headgate.runtime.marks import mark
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import EDGES, Cause, Ended, SkipDetail, StepStatus
from headgate.runtime.topology import READ

_SKIPS = {
    SkipDetail.OPERATOR: Ended.PASSED,
    SkipDetail.FORCED: Ended.PASSED,
    SkipDetail.DISABLED: Ended.PASSED,
    SkipDetail.BRANCH_NOT_TAKEN: Ended.UNTAKEN,
    SkipDetail.CONDITION_FALSE: Ended.UNTAKEN,
}


def how_ended(step: StepState) -> Ended:
    """How an ended step looks to the edges that leave it."""
    if step.status is StepStatus.COMPLETED:
        return Ended.COMPLETED
    if step.status is StepStatus.FAILED:
        return Ended.FAILED
    if step.status is StepStatus.SKIPPED:
        detail = SkipDetail(step.detail or SkipDetail.OPERATOR)
        if detail is SkipDetail.DENIED:
            return Ended.DENIED if step.denied else Ended.UNREACHED_DENIED
        return _SKIPS[detail]
    return Ended.BLOCKED


def settle(state: RunState, step: StepState, at: int) -> None:
    """Resolve every edge that leaves `step`, which has ended. O(out-degree)."""
    step.settled = True
    scope = step.scope
    scope.open -= 1
    out = step.node.out
    if out:
        ended = how_ended(step)
        steps = scope.steps
        for name, edge in out:
            target = steps[name]
            if target.status is StepStatus.PENDING:
                resolve(step, ended, edge, target)
                advance(state, target, at)


def close(state: RunState, step: StepState) -> None:
    """End a step without consequences: its run ends too."""
    if not step.settled:
        step.settled = True
        step.scope.open -= 1
    state.urgent.pop(step.path, None)


def resolve(source: StepState, ended: Ended, edge: PlanEdge, target: StepState) -> None:
    """Count `edge` as resolved in `target`."""
    if edge.on == READ:
        target.unread -= 1
        return
    target.unresolved -= 1
    cause = cause_of(source, ended, edge, target.name)
    if cause is None:
        target.live += 1
        if target.failed_by is None and _brings_failure(edge, ended):
            target.failed_by = source.path
    elif cause is Cause.FAILURE:
        if target.dead_failure is None:
            target.dead_failure = source.cause if source.status is StepStatus.BLOCKED else source.path
    elif cause is Cause.DENIAL:
        target.dead_denial = True


def cause_of(source: StepState, ended: Ended, edge: PlanEdge, target: str) -> Cause | None:
    """None when the edge is live, else why it is dead."""
    row = EDGES[ended]
    if edge.on in row:
        return None if edge.star and edge.on == "finished" else row[edge.on]
    cause = row["completed"]
    if cause is None:
        taken = source.result.get("taken") if isinstance(source.result, dict) else None
        return None if taken == target else Cause.BRANCH
    return cause


def _brings_failure(edge: PlanEdge, ended: Ended) -> bool:
    return edge.on in ("failed", "denied") or (edge.on == "finished" and ended is Ended.FAILED)


def advance(state: RunState, step: StepState, at: int) -> None:
    """Make a pending step ready when its edges allow it, or put it to the decision when they are dead."""
    node = step.node
    if node.any_join and step.live:
        pass
    elif step.unresolved:
        return
    elif is_dead(step):
        state.urgent[step.path] = None
        return
    if not step.unread:
        mark(state, step, StepStatus.READY, at)


def is_dead(step: StepState) -> bool:
    """Whether the resolved control edges keep `step` from starting."""
    if not step.node.control_count:
        return False
    if step.node.any_join:
        return not step.live
    return step.dead_failure is not None or step.dead_denial or not step.live


def open_scope(state: RunState, scope: ScopeState, at: int) -> None:
    """Create the scope's steps; those without an edge are ready."""
    steps = scope.steps
    for name, node in scope.topology.nodes.items():
        step = StepState(node, scope)
        steps[name] = step
        state.steps[step.path] = step
    if state.spent:
        for step in steps.values():
            step.attempts = state.spent.get(step.path, 0)
    for name in scope.topology.roots:
        mark(state, steps[name], StepStatus.READY, at)


def starved_by(state: RunState, step: StepState) -> Cause:
    """The cause with which a reference to a result that does not exist stops `step`."""
    source = state.steps.get(step.starved or "")
    if source is None or not source.settled:
        return Cause.BRANCH
    return EDGES[how_ended(source)]["completed"] or Cause.BRANCH
