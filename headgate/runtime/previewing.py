"""What a redrive, a replay or a fork would do: what is kept, what runs again, and which effects may repeat. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from headgate.records import NamedTuple
from headgate.runtime.forking import Fork
from headgate.runtime.loops import to_reopen
from headgate.runtime.redriving import WITHOUT_EFFECT, Redrive, happened
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import StepStatus


class Effect(NamedTuple):
    """A step whose effect may happen a second time, and why: `completed`, `refused` when it failed for what it
    brought, or `in doubt` when nobody knows.
    """

    step: str
    kind: str
    reversibility: str
    why: str


class Preview(NamedTuple):
    """`kept` are the paths whose outputs stay, `again` the steps that run, `repeats` in the order of the plan."""

    kept: tuple[str, ...]
    again: tuple[str, ...]
    repeats: tuple[Effect, ...]


def preview_redrive(state: RunState, planned: Redrive) -> Preview:
    again, fresh = frozenset(planned.steps), frozenset(planned.fresh)
    repeats = (effect for name in planned.steps for effect in _repeats(state.root.steps[name], whole=name in fresh))
    return Preview(tuple(_kept(state.root, again, fresh)), planned.steps, tuple(repeats))


def preview_replay(state: RunState) -> Preview:
    names = tuple(state.root.topology.nodes)
    return Preview((), names, tuple(_all_again(state, names)))


def preview_fork(state: RunState, made: Fork, names: Collection[str]) -> Preview:
    """`names` are the steps of the new run's plan."""
    kept = tuple(name for name, facts in made.kept.items() if facts["status"] == StepStatus.COMPLETED)
    again = tuple(name for name in names if name not in made.kept and name not in made.derived)
    return Preview(kept, again, tuple(_all_again(state, again)))


def _all_again(state: RunState, names: Collection[str]) -> Iterator[Effect]:
    steps = state.root.steps
    for name in names:
        if name in steps:
            yield from _repeats(steps[name], whole=True)


def _kept(scope: ScopeState, again: Collection[str], fresh: Collection[str]) -> Iterator[str]:
    for name, step in scope.steps.items():
        if name not in again:
            if step.status is StepStatus.COMPLETED:
                yield step.path
        elif name not in fresh and step.loop is not None:
            for inner in step.loop.scopes.values():
                reopened = to_reopen(inner) if not inner.done or inner.failure is not None else ()
                yield from _kept(inner, reopened, ())


def _repeats(step: StepState, *, whole: bool) -> Iterator[Effect]:
    """What completed happens again only where it starts over; what failed had no effect, unless it failed for what it
    brought.
    """
    if step.loop is not None:
        for scope in step.loop.scopes.values():
            for inner in scope.steps.values():
                yield from _repeats(inner, whole=whole)
        return
    plan = step.plan
    if not step.attempts or plan.kind in WITHOUT_EFFECT or plan.reversibility == "safe":
        return
    if step.status is StepStatus.COMPLETED:
        why = "completed" if whole else None
    elif happened(step):
        why = "refused"
    else:
        why = "in doubt" if _may_have_happened(step) else None
    if why is not None:
        yield Effect(step.path, plan.kind, plan.reversibility, why)


def _may_have_happened(step: StepState) -> bool:
    if step.error is not None:
        return step.error.code == "EFFECT_IN_DOUBT" or step.error.error_class.value == "in_doubt"
    return True  # it was out or lost when a person went past it, or ran before a redrive
