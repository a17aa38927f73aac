"""What stands between a plan and its run: things that this version does not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.plan import Plan, PlanStep

_KINDS = {"memory": "memory steps"}


def not_run_yet(plan: Plan) -> str | None:
    """A sentence about the first thing in the plan that this version does not run; None when all of it runs."""
    return next(_reasons(plan), None)


def _reasons(plan: Plan) -> Iterator[str]:
    yield from _of_steps(plan.steps)


def _of_steps(steps: Mapping[str, PlanStep]) -> Iterator[str]:
    for name, step in steps.items():
        if step.kind in _KINDS:
            yield f"step `{name}` is of kind `{step.kind}`: {_KINDS[step.kind]} are not run yet"
        if step.body is not None:
            yield from _of_steps(step.body.steps)
