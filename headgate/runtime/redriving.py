"""Which steps a redrive runs again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from headgate.runtime.loops import to_reopen
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import StepStatus


class Redrive(NamedTuple):
    """`steps` are pending again; those in `fresh` start over though they completed; `irreversible` are the paths whose
    effect may happen a second time.
    """

    steps: tuple[str, ...]
    fresh: tuple[str, ...]
    irreversible: tuple[str, ...]


def redrive(state: RunState, start: str | None) -> Redrive:
    """What runs again: all that failed, was cancelled or blocked, and with `start` that step and all that follow it."""
    scope = state.root
    again = set(to_reopen(scope))
    fresh = set() if start is None else _downstream(scope, start)
    names = tuple(name for name in scope.steps if name in again or name in fresh)
    risky: list[str] = []
    for name in names:
        risky += _irreversible(scope.steps[name], whole=name in fresh)
    return Redrive(names, tuple(name for name in names if name in fresh), tuple(risky))


def _downstream(scope: ScopeState, start: str) -> set[str]:
    found = {start}
    frontier = [start]
    while frontier:
        for target, _ in scope.steps[frontier.pop()].node.out:
            if target not in found:
                found.add(target)
                frontier.append(target)
    return found


def _irreversible(step: StepState, *, whole: bool) -> Iterator[str]:
    """What completed is at risk only when it starts over; what broke off is when nobody knows whether it happened."""
    if step.loop is not None:
        for scope in step.loop.scopes.values():
            for inner in scope.steps.values():
                yield from _irreversible(inner, whole=whole)
        return
    if step.plan.reversibility != "irreversible" or not step.attempts:
        return
    completed = step.status is StepStatus.COMPLETED and whole
    in_doubt = step.error is not None and step.error.code == "EFFECT_IN_DOUBT"
    broke_off = step.status is StepStatus.CANCELLED and step.plan.in_doubt != "retry"
    if completed or broke_off or (in_doubt and step.status is StepStatus.FAILED):
        yield step.path
