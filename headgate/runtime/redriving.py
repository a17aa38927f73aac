"""Which steps a redrive runs again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headgate.records import NamedTuple
from headgate.runtime.errors import ErrorClass
from headgate.runtime.loops import to_reopen
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import StepStatus
from headgate.runtime.weighing import doubt_policy

WITHOUT_EFFECT: Final = frozenset(
    {"set", "switch", "fail", "finish", "each", "repeat", "human", "delay", "wait", "lua"}
)
_REFUSED_AFTER: Final = frozenset({"HUMAN_TASK_FAILED", "RESULT_INVALID"})
"""Failures of a step whose action was done: what it brought was refused."""

_ANSWERED: Final = frozenset({"http", "mcp"})
_REFUSAL: Final = 400
"""From this status on an HTTP server says that it did not do what it was asked for."""


class Redrive(NamedTuple):
    """`steps` are pending again; those in `fresh` start over though they completed; `risky` are the paths whose effect
    may happen a second time: it cannot be undone, or nobody knows whether it happened.
    """

    steps: tuple[str, ...]
    fresh: tuple[str, ...]
    risky: tuple[str, ...]


def redrive(state: RunState, start: str | None) -> Redrive:
    """What runs again: all that failed, was cancelled or blocked, and with `start` that step and all that follow it."""
    scope = state.root
    again = set(to_reopen(scope))
    fresh = set() if start is None else _downstream(scope, start)
    names = tuple(name for name in scope.steps if name in again or name in fresh)
    risky: list[str] = []
    for name in names:
        risky += _risky(scope.steps[name], whole=name in fresh)
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


def _risky(step: StepState, *, whole: bool) -> Iterator[str]:
    """What completed is at risk only when it starts over; what broke off is when nobody knows whether it happened; what
    was refused after it had happened always is.
    """
    if step.loop is not None:
        for scope in step.loop.scopes.values():
            for inner in scope.steps.values():
                yield from _risky(inner, whole=whole)
        return
    if not step.attempts:
        return
    if _in_doubt(step) if step.plan.reversibility != "irreversible" else _irreversible(step, whole=whole):
        yield step.path


def happened(step: StepState) -> bool:
    """Whether the step failed although its action was done: a review rejected it, or its answer was not what was
    declared, expected or small enough. An agent goes on behind the rounds that are recorded.
    """
    error = step.error
    if error is None or step.status is not StepStatus.FAILED or step.talk is not None:
        return False
    if not step.attempts or step.plan.kind in WITHOUT_EFFECT:
        return False
    if error.code == "HTTP_REQUEST_FAILED":
        return error.provider_status is not None and error.provider_status < _REFUSAL
    return error.code in _REFUSED_AFTER or (error.code == "LIMIT_EXCEEDED" and step.plan.kind in _ANSWERED)


def _irreversible(step: StepState, *, whole: bool) -> bool:
    completed = (step.status is StepStatus.COMPLETED and whole) or happened(step)
    in_doubt = step.error is not None and step.error.code == "EFFECT_IN_DOUBT"
    broke_off = step.status is StepStatus.CANCELLED and doubt_policy(step) != "retry"
    return completed or broke_off or (in_doubt and step.status is StepStatus.FAILED)


def _in_doubt(step: StepState) -> bool:
    """Whether it broke off where a person would be asked; an attempt whose failure is known had no effect, and the
    steps of a sub-run speak for themselves.
    """
    if step.child is not None or step.status is not StepStatus.CANCELLED or doubt_policy(step) != "hold":
        return False
    return step.error is None or step.error.error_class is ErrorClass.IN_DOUBT
