"""What no seed of a simulation reached, and what would reach it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.plan import Plan, PlanStep
from headgate.records import NamedTuple
from headgate.runtime.simulation.tally import CaseTally, Tally


class Unreached(NamedTuple):
    """`what` is `step apologise` or `case 2 of size`; `hint` is what to try, a part of a sentence."""

    what: str
    hint: str


def unreached(plan: Plan, tally: Tally) -> tuple[Unreached, ...]:
    """Steps that never ran, and cases that were never taken."""
    steps = _by_path(plan.steps, "")
    found = [
        Unreached(f"step {each.path}", _step_hint(each.path, steps[each.path], tally))
        for each in tally.steps
        if not each.ran
    ]
    return (*(Unreached(case_name(each), _case_hint(each, tally)) for each in tally.cases if not each.taken), *found)


def case_name(case: CaseTally) -> str:
    """`case 2 of size`, or `else of size`; cases are counted from 1 for people."""
    return f"else of {case.switch}" if case.number is None else f"case {case.number + 1} of {case.switch}"


def _by_path(steps: Mapping[str, PlanStep], prefix: str) -> dict[str, PlanStep]:
    found: dict[str, PlanStep] = {}
    for name, step in steps.items():
        found[prefix + name] = step
        if step.body is not None:
            found |= _by_path(step.body.steps, f"{prefix}{name}.")
    return found


def _step_hint(path: str, step: PlanStep, tally: Tally) -> str:
    if not step.enabled:
        return "it is disabled"
    never = {each.path for each in tally.steps if not each.ran}
    prefix = path.rpartition(".")[0]
    if prefix in never:
        return f"`{prefix}` never ran"
    sources = [edge for edge in step.edges if edge.on != "read"]
    inside = f"{prefix}." if prefix else ""
    for edge in sources:
        if edge.on == "failed":
            return f"let `{edge.source}` fail: --failures 0.2, or an error for it in --given"
        if edge.on == "denied":
            return f"let `{edge.source}` be denied: a decision for it in --given"
    if sources and all(inside + edge.source in never for edge in sources):
        return f"`{sources[0].source}` never ran"
    if any(edge.on in ("case", "else") for edge in sources):
        return "its case was never taken"
    statuses = next(each.statuses for each in tally.steps if each.path == path)
    if sources and "skipped (denied)" in statuses:
        return f"`{sources[0].source}` was never approved: a decision in --given"
    return next(_conditions(path, step), "more --seeds, other inputs, or answers in --given")


def _conditions(path: str, step: PlanStep) -> Iterator[str]:
    if step.when is not None:
        yield f"its `when` was never true: {step.when}"
    if any(gate.when == "before" for gate in step.gates):
        yield f"its gate was never approved: a decision for `{path}` in --given"


def _case_hint(case: CaseTally, tally: Tally) -> str:
    if not any(each.ran for each in tally.steps if each.path == case.switch):
        return f"`{case.switch}` never ran"
    if case.when is None:
        return "a case before it was always true; give other inputs or answers"
    return f"never taken in {tally.seeds} seeds: {case.when}"
