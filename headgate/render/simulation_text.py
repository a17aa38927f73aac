"""Simulations for people: the path of one seed, or what many came to."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from headgate.plan import Plan
from headgate.render.columns import printable
from headgate.render.picture import shorten
from headgate.render.runs_text import run_status, step_remark
from headgate.render.tables import Cell, table
from headgate.render.unreached import case_name, unreached
from headgate.render.words import coloured, span, step_facts
from headgate.runtime.simulation.running import Simulated
from headgate.runtime.simulation.tally import Spread, StepTally, Tally
from headgate.runtime.simulation.virtual import START_MS
from headgate.runtime.view import StepView

VALUE_LIMIT = 100
_LEVELS = ("irreversible", "unknown", "recoverable", "safe")


def played_text(run: Simulated, cost: float, *, width: int | None, colour: bool) -> str:
    """One seed: its inputs, every step with its virtual times, how it ended."""
    view = run.view
    status = run_status(view)
    head = coloured(status.text, status.colour) if colour else status.text
    said = view.outcome or (view.failure.code if view.failure else view.detail)
    lines = [f"{view.workflow} seed {run.seed}  {head}{f' ({said})' if said else ''}  {span(run.took_ms)}", ""]
    lines += [f"  {name} = {_value(value)}" for name, value in view.inputs.items()]
    lines += [""] if view.inputs else []
    text = "".join(f"{line}\n" for line in lines) + table(
        ("at", "step", "kind", "status", "attempts", "took", "detail"),
        [_row(path, step) for path, step in _in_order(view.steps)],
        width=width,
        colour=colour,
    )
    return text + "".join(f"{line}\n" for line in _endings(run, cost))


def _in_order(steps: Mapping[str, StepView]) -> list[tuple[str, StepView]]:
    """The steps as they began; those that never began last, in the order of the plan."""
    began = [item for item in steps.items() if item[1].started_at is not None]
    rest = [item for item in steps.items() if item[1].started_at is None]
    return sorted(began, key=lambda item: item[1].started_at or 0) + rest


def _row(path: str, step: StepView) -> tuple[Cell | str, ...]:
    facts = step_facts(step.status)
    at = "" if step.started_at is None else f"+{span(step.started_at - START_MS)}"
    took = "" if step.started_at is None or step.ended_at is None else span(step.ended_at - step.started_at)
    taken = step.result.get("taken") if step.kind == "switch" and isinstance(step.result, dict) else None
    remark = f"-> {taken}" if taken else step_remark(step)
    attempts = str(step.attempts) if step.attempts > 1 else ""
    return (at, path, step.kind, Cell(f"{facts.mark} {step.status}", facts.colour), attempts, took, remark)


def _endings(run: Simulated, cost: float) -> Iterator[str]:
    view = run.view
    if view.failure is not None:
        at = f" at `{view.failure.step}`" if view.failure.step else ""
        yield f"\nfailed{at}: {view.failure.code}: {printable(view.failure.message or '')}"
    for hold in view.holds:
        yield f"\nheld: {hold.reason}{f' at `{hold.step}`' if hold.step else ''}: a person would have to act"
    if isinstance(view.output, dict) and view.output:
        yield "\noutput:"
        yield from (f"  {name} = {_value(value)}" for name, value in view.output.items())
    if run.usages:
        yield f"\nmodels: {len(run.usages)} calls, {_money(cost)}"


def studied_text(plan: Plan, tally: Tally, bound_ms: int | None, *, width: int | None, colour: bool) -> str:
    """Many seeds: outcomes, times, costs, effects, then how often each step and case was met, and what never was."""
    lines = [f"{plan.workflow}: {tally.seeds} seeds", ""]
    lines += [f"  {count:>6}  {name}" for name, count in tally.outcomes.items()]
    lines += ["", *_numbers(tally, bound_ms), ""]
    text = "".join(f"{line}\n" for line in lines)
    text += table(
        ("step", "kind", "ran in", "completed", "failed", "skipped", "attempts"),
        [_tallied(each, tally.seeds) for each in tally.steps],
        width=width,
        colour=colour,
    )
    if tally.cases:
        rows = [(case_name(each), f"{each.taken}", each.to or "", _shown_when(each.when)) for each in tally.cases]
        text += "\n" + table(("case", "taken in", "leads to", "when"), rows, width=width, colour=colour)
    return text + "".join(f"{line}\n" for line in (*_never(plan, tally), *_faults(tally, colour=colour)))


def _numbers(tally: Tally, bound_ms: int | None) -> Iterator[str]:
    yield f"time      {_times(tally.took_ms)}"
    proven = "no bound is proven" if bound_ms is None else f"never more than {span(bound_ms)}, by timeouts and expiries"
    yield f"          {proven}"
    if tally.unpriced:
        named = ", ".join(f"`{name}`" for name in tally.unpriced)
        yield f"cost      unknown: no `price` for {named} in headgate.toml"
    elif tally.cost is not None:
        parts = (("expected", tally.cost.expected), ("p95", tally.cost.p95), ("worst", tally.cost.worst))
        yield f"cost      {', '.join(f'{_money(value)} {word}' for word, value in parts)}"
    if tally.tokens.worst:
        yield f"tokens    {tally.tokens.expected:.0f} expected, {tally.tokens.worst:.0f} worst"
    for level in _LEVELS:
        found = tally.effects.get(level)
        if found is not None:
            yield f"effects   {found.expected:.1f} {level} expected, {found.worst:.0f} worst"


def _times(spread: Spread) -> str:
    parts = (("expected", spread.expected), ("p50", spread.p50), ("p95", spread.p95), ("worst", spread.worst))
    return ", ".join(f"{span(round(value))} {word}" for word, value in parts)


def _tallied(step: StepTally, seeds: int) -> tuple[Cell | str, ...]:
    skipped = sum(count for status, count in step.statuses.items() if status.startswith("skipped"))
    return (
        step.path,
        step.kind,
        Cell(f"{step.ran} of {seeds}", "" if step.ran else "yellow"),
        str(step.statuses.get("completed", 0) or ""),
        str(step.statuses.get("failed", 0) or ""),
        str(skipped or ""),
        str(step.attempts or ""),
    )


def _shown_when(when: str | None) -> str:
    return "" if when is None else shorten(" ".join(when.split()), VALUE_LIMIT)


def _never(plan: Plan, tally: Tally) -> Iterator[str]:
    found = unreached(plan, tally)
    if not found:
        yield "\nevery step and case was reached"
        return
    yield "\nnever reached:"
    for each in found:
        yield f"  - {each.what}: {printable(' '.join(each.hint.split()))}"


def _faults(tally: Tally, *, colour: bool) -> Iterator[str]:
    if not tally.faults:
        return
    head = "failed though nothing was drawn or given to fail:"
    yield f"\n{coloured(head, 'red') if colour else head}"
    for fault in tally.faults:
        at = f" at `{fault.step}`" if fault.step else ""
        yield f"  - {fault.code}{at} in {fault.seeds} seeds: {printable(fault.message)}"
        yield f"    --seed {fault.seed} shows it"
    yield "  what nobody declared is made up: declare `result`, run `headgate lock`, or give values with --given"


def _value(value: object) -> str:
    return printable(shorten(json.dumps(value, ensure_ascii=False), VALUE_LIMIT))


def _money(dollars: float) -> str:
    return f"${dollars:.2f}" if dollars >= 1 else f"${dollars:.6f}"
