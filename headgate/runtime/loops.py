"""The items of an `each` and the rounds of a `repeat`: opened, ended, opened again, and added up."""

from __future__ import annotations

from headgate.plan import Json, JsonObject
from headgate.runtime.edges import advance, how_ended, open_scope, resolve, settle
from headgate.runtime.marks import mark
from headgate.runtime.state import LoopState, RunState, ScopeState, StepState, error_json
from headgate.runtime.status import Ended, Phase, StepStatus

EACH = "each"
REPEAT = "repeat"


def whole(value: Json, otherwise: int) -> int:
    """A whole number of a loop's config, or what stands for it when it is not given."""
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def loop_of(step: StepState) -> LoopState:
    assert step.loop is not None, "a loop's events come after loop_started"
    return step.loop


def start_loop(state: RunState, step: StepState, items: list[Json], at: int) -> None:
    """Begin `step` over `items` (none for a `repeat`), or go on with what a retry or redrive opens again."""
    loop = step.loop
    if loop is None:
        loop = LoopState(items)
        step.loop = loop
    else:
        loop.failing = None
        loop.active = 0
        loop.reopen = [index for index, scope in loop.scopes.items() if not scope.done or scope.failure]
    mark(state, step, StepStatus.RUNNING, at)
    fill(state, step, at)
    if not loop.active:
        state.urgent[step.path] = None


def fill(state: RunState, step: StepState, at: int) -> None:
    """Open items up to the loop's concurrency; rounds are opened by their own event, but reopened here."""
    loop = loop_of(step)
    concurrency = max(1, whole(step.config.get("concurrency"), 10)) if step.plan.kind == EACH else 1
    while loop.active < concurrency and loop.failing is None:
        if loop.reopen:
            scope = loop.scopes[loop.reopen.pop(0)]
            reopen_scope(state, scope, at)
            if scope.open:
                loop.active += 1
            else:  # its last step completed while the run was being cancelled
                scope.done = True
        elif step.plan.kind == EACH and loop.opened < len(loop.items):
            open_next(state, step, at)
        else:
            return


def open_next(state: RunState, step: StepState, at: int) -> None:
    """Open the next item or round."""
    loop = loop_of(step)
    body = step.node.body
    assert body is not None, "a loop has a body"
    index = loop.opened
    scope = ScopeState(body, f"{step.path}.{index}.", step, index)
    loop.scopes[index] = scope
    loop.opened += 1
    loop.active += 1
    loop.round_at = at
    open_scope(state, scope, at)
    if not scope.open:  # a body without steps
        scope.done = True
        loop.active -= 1


def conclude(state: RunState, step: StepState, at: int) -> None:
    """Settle a step that has ended, and the item or round it was the last of."""
    settle(state, step, at)
    scope = step.scope
    if not scope.open and scope.loop is not None and not scope.loop.settled and not _is_broken_off(state, scope):
        end_scope(state, scope.loop, scope, at)


def _is_broken_off(state: RunState, scope: ScopeState) -> bool:
    """Whether something of it was cancelled because its run ends; a redrive goes on in it."""
    if state.phase is Phase.ACTIVE:
        return False
    return any(step.status is StepStatus.CANCELLED for step in scope.steps.values())


def end_scope(state: RunState, step: StepState, scope: ScopeState, at: int) -> None:
    """An item or round has ended: open the next item, unless one failed and the loop stops for it."""
    loop = loop_of(step)
    loop.active -= 1
    scope.done = True
    if scope.failure is not None and loop.failing is None and not _goes_on(step):
        loop.failing = scope.failure
    if step.plan.kind == EACH and state.phase is not Phase.DRAINING:
        fill(state, step, at)
    if not loop.active:
        state.urgent[step.path] = None


def _goes_on(step: StepState) -> bool:
    return step.plan.kind == EACH and step.config.get("on_item_failure") == "continue"


def to_reopen(scope: ScopeState) -> list[str]:
    """The steps of a scope that run again: failed, cancelled, blocked or open, and those these kept from running."""
    again = {
        name: None
        for name, step in scope.steps.items()
        if step.status not in (StepStatus.COMPLETED, StepStatus.SKIPPED)
    }
    frontier = list(again)
    while frontier:
        for target, edge in scope.steps[frontier.pop()].node.out:
            if target in again or edge.on == "read":
                continue
            step = scope.steps[target]
            if step.status is StepStatus.SKIPPED and how_ended(step) in (Ended.UNTAKEN, Ended.UNREACHED_DENIED):
                again[target] = None
                frontier.append(target)
    return [name for name in scope.steps if name in again]


def reopen_scope(state: RunState, scope: ScopeState, at: int) -> None:
    """Make an item's or round's failed steps pending again; what completed is kept."""
    reset_steps(state, scope, to_reopen(scope), at)
    scope.failure = None
    scope.done = False


def reset_steps(
    state: RunState, scope: ScopeState, names: list[str], at: int, fresh: frozenset[str] = frozenset()
) -> None:
    """Make `names` pending again and count their edges anew. Loops keep what completed, but for those in `fresh`."""
    for name in names:
        old = scope.steps[name]
        step = StepState(old.node, scope)
        step.attempts = old.attempts
        step.approved = old.approved
        step.edit = old.edit
        step.child = old.child
        step.talk = old.talk
        if name in fresh:
            step.child = step.talk = None
            _forget(state, old)
        else:
            step.loop = old.loop
        if step.talk is not None:
            step.talk.going = False
        if step.loop is not None:
            for inner in step.loop.scopes.values():
                inner.loop = step
        mark(state, old, StepStatus.CANCELLED, at)
        scope.steps[name] = step
        state.steps[step.path] = step
        state.failures.pop(step.path, None)
    scope.open = sum(1 for step in scope.steps.values() if not step.settled)
    for name in names:
        step = scope.steps[name]
        for edge in step.plan.edges:
            source = scope.steps[edge.source]
            if source.settled:
                resolve(source, how_ended(source), edge, step)
    for name in names:
        step = scope.steps[name]
        if step.status is StepStatus.PENDING:
            advance(state, step, at)


def _forget(state: RunState, step: StepState) -> None:
    if step.loop is None:
        return
    for scope in step.loop.scopes.values():
        for inner in scope.steps.values():
            _forget(state, inner)
            state.steps.pop(inner.path, None)
            if inner.attempts:
                state.spent[inner.path] = inner.attempts
            state.failures.pop(inner.path, None)


def loop_result(state: RunState, step: StepState) -> JsonObject:
    """What the loop's children add up to, as its kind says."""
    loop = loop_of(step)
    if step.plan.kind == REPEAT:
        last = loop.scopes.get(loop.opened - 1)
        return {
            "iterations": loop.opened,
            "stopped": loop.stopped or "max",
            "last": {} if last is None else scope_results(last),
        }
    results: list[Json] = [_item_result(state, loop.scopes[index]) for index in range(loop.opened)]
    failed = sum(1 for index in range(loop.opened) if loop.scopes[index].failure is not None)
    return {"count": len(loop.items), "succeeded": loop.opened - failed, "failed": failed, "results": results}


def scope_results(scope: ScopeState) -> JsonObject:
    """The results of a scope's steps by name, of those that have one."""
    return {name: step.result for name, step in scope.steps.items() if step.has_result}


def _item_result(state: RunState, scope: ScopeState) -> JsonObject:
    failed = None if scope.failure is None else state.steps[scope.failure]
    return {
        "index": scope.index,
        "status": "completed" if failed is None else "failed",
        "result": scope_results(scope),
        "error": None if failed is None or failed.error is None else error_json(failed.error),
    }
