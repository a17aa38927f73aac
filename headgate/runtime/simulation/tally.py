"""What many seeds came to: how often each step, case and outcome was met, how long it took, what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from headgate.plan import ENTRY, Plan, PlanStep
from headgate.records import NamedTuple
from headgate.runtime.simulation.assumptions import plain_path
from headgate.runtime.simulation.running import Simulated
from headgate.runtime.view import RunView, StepView
from headgate.workspace import Model

_MILLION = 1_000_000


class Spread(NamedTuple):
    """What a number was over all seeds; `expected` is the mean, `worst` the greatest."""

    expected: float
    p50: float
    p95: float
    worst: float


class StepTally(NamedTuple):
    """In how many seeds a step did what; in a loop it counts when one of its items did. `ran` is any work at all."""

    path: str
    kind: str
    ran: int
    statuses: Mapping[str, int]
    attempts: int


class CaseTally(NamedTuple):
    """How many seeds took a case of a switch. `number` counts from 0, None for `else`; `when` is its condition.

    Cases that lead to one step are counted together: a run records where its switch led.
    """

    switch: str
    number: int | None
    when: str | None
    to: str | None
    taken: int


class Fault(NamedTuple):
    """A failure that nobody asked for, and the first seed that shows it."""

    seed: int
    seeds: int
    code: str
    step: str | None
    message: str


class Tally(NamedTuple):
    """`outcomes` are words such as `completed clean`. `cost` is in USD, None when a model that was called has no price.

    `effects` are attempts by reversibility.
    """

    seeds: int
    outcomes: Mapping[str, int]
    took_ms: Spread
    cost: Spread | None
    tokens: Spread
    effects: Mapping[str, Spread]
    steps: tuple[StepTally, ...]
    cases: tuple[CaseTally, ...]
    faults: tuple[Fault, ...]
    unpriced: tuple[str, ...]


def tally(plan: Plan, runs: Sequence[Simulated], models: Mapping[str, Model]) -> Tally:
    """All seeds together."""
    views = [run.view for run in runs]
    costs = [cost_of(run, models) for run in runs]
    levels = sorted({level for run in runs for level in run.effects})
    called = {usage.model for run in runs for usage in run.usages}
    unpriced = tuple(sorted(name for name in called if name not in models or models[name].price is None))
    return Tally(
        len(runs),
        dict(sorted(Counter(outcome_of(view) for view in views).items(), key=lambda item: (-item[1], item[0]))),
        spread(run.took_ms for run in runs),
        None if unpriced or not called else spread(costs),
        spread(sum(usage.input_tokens + usage.output_tokens for usage in run.usages) for run in runs),
        {level: spread(run.effects.get(level, 0) for run in runs) for level in levels},
        tuple(_step_tallies(plan.steps, "", views)),
        tuple(_case_tallies(plan.steps, "", views)),
        tuple(_faults(runs)),
        unpriced,
    )


def outcome_of(view: RunView) -> str:
    """How a run ended, in words: `completed clean`, `failed MCP_TOOL_FAILED`, `paused in_doubt: charge`."""
    said = view.outcome if view.status == "completed" else view.failure.code if view.failure else view.detail
    return f"{view.status} {said}" if said else str(view.status)


def cost_of(run: Simulated, models: Mapping[str, Model]) -> float:
    """USD of the models that a run called, by their prices; those without a price count as nothing."""
    total = 0.0
    for usage in run.usages:
        model = models.get(usage.model)
        if model is not None and model.price is not None:
            price = model.price
            total += usage.input_tokens * price.get("input", 0.0) + usage.output_tokens * price.get("output", 0.0)
    return total / _MILLION


def spread(numbers: Iterable[float]) -> Spread:
    """The mean, the median, the value that 95 of 100 do not exceed, and the greatest."""
    ordered = sorted(numbers)
    return Spread(sum(ordered) / len(ordered), _at(ordered, 0.5), _at(ordered, 0.95), ordered[-1])


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * round(share * 100) // 100) - 1))]


def _step_tallies(steps: Mapping[str, PlanStep], prefix: str, views: Sequence[RunView]) -> Iterator[StepTally]:
    for name, step in steps.items():
        if name == ENTRY:
            continue
        path = prefix + name
        statuses: Counter[str] = Counter()
        ran = attempts = 0
        for view in views:
            mine = list(_of(view, path))
            statuses.update({_word(each): 1 for each in mine})
            ran += any(each.attempts or each.started_at is not None for each in mine)
            attempts += sum(each.attempts for each in mine)
        yield StepTally(path, step.kind, ran, dict(sorted(statuses.items())), attempts)
        if step.body is not None:
            yield from _step_tallies(step.body.steps, f"{path}.", views)


def _word(step: StepView) -> str:
    return f"{step.status} ({step.detail})" if step.detail and step.status == "skipped" else step.status


def _of(view: RunView, path: str) -> Iterator[StepView]:
    return (step for found, step in view.steps.items() if plain_path(found) == path)


def _case_tallies(steps: Mapping[str, PlanStep], prefix: str, views: Sequence[RunView]) -> Iterator[CaseTally]:
    for name, step in steps.items():
        path = prefix + name
        if step.kind == "switch":
            yield from _cases_of(path, step, views)
        if step.body is not None:
            yield from _case_tallies(step.body.steps, f"{path}.", views)


def _cases_of(path: str, step: PlanStep, views: Sequence[RunView]) -> Iterator[CaseTally]:
    cases, otherwise = step.config.get("cases"), step.config.get("else")
    written = [case for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
    taken = [{_taken(each) for each in _of(view, path) if each.status == "completed"} for view in views]
    for number, case in enumerate(written):
        target = str(case["to"])
        yield CaseTally(path, number, str(case["when"]), target, sum(target in mine for mine in taken))
    if isinstance(otherwise, str):
        yield CaseTally(path, None, None, otherwise, sum(otherwise in mine for mine in taken))


def _taken(step: StepView) -> str | None:
    result = step.result
    taken = result.get("taken") if isinstance(result, dict) else None
    return taken if isinstance(taken, str) else None


def _faults(runs: Sequence[Simulated]) -> Iterator[Fault]:
    """One for each code and step, with the message of the first seed."""
    found: dict[tuple[str, str | None], list[Simulated]] = {}
    for run in runs:
        if run.unexpected:
            failure = run.view.failure
            key = ("stalled", None) if failure is None else (failure.code, failure.step)
            found.setdefault(key, []).append(run)
    for (code, step), mine in found.items():
        failure = mine[0].view.failure
        yield Fault(mine[0].seed, len(mine), code, step, (failure.message or "") if failure else "nothing will wake it")


Progress = Callable[[int, int], None]
"""(seeds done, seeds in all)"""
