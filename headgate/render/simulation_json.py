"""Simulations as JSON objects; times in ms of virtual time, money in USD."""

from __future__ import annotations

from headgate.plan import Json, JsonObject, Plan
from headgate.render.unreached import unreached
from headgate.runtime.simulation.running import Simulated
from headgate.runtime.simulation.tally import Spread, Tally
from headgate.runtime.simulation.virtual import START_MS

VERSION = 1


def played_json(plan: Plan, run: Simulated, cost: float, notes: tuple[str, ...]) -> JsonObject:
    """One seed. `started_ms` and `ended_ms` of a step count from the start of the run."""
    view = run.view
    failure = view.failure
    steps: JsonObject = {}
    for path, step in view.steps.items():
        steps[path] = {
            "kind": step.kind,
            "status": step.status,
            "detail": step.detail,
            "attempts": step.attempts,
            "started_ms": None if step.started_at is None else step.started_at - START_MS,
            "ended_ms": None if step.ended_at is None else step.ended_at - START_MS,
            "input": step.input,
            "result": step.result,
            "error": step.error,
        }
    return {
        "version": VERSION,
        "workflow": plan.workflow,
        "plan_digest": plan.digest,
        "seed": run.seed,
        "status": str(view.status),
        "outcome": view.outcome,
        "detail": view.detail,
        "failure": None if failure is None else dict(failure._asdict()),
        "unexpected": run.unexpected,
        "took_ms": run.took_ms,
        "cost_usd": cost,
        "effects": dict(run.effects),
        "inputs": view.inputs,
        "output": view.output,
        "steps": steps,
        "notes": list(notes),
    }


def studied_json(plan: Plan, tally: Tally, bound_ms: int | None, notes: tuple[str, ...]) -> JsonObject:
    """Many seeds."""
    steps: list[Json] = [
        {
            "step": each.path,
            "kind": each.kind,
            "ran": each.ran,
            "statuses": dict(each.statuses),
            "attempts": each.attempts,
        }
        for each in tally.steps
    ]
    cases: list[Json] = [
        {"switch": each.switch, "case": each.number, "when": each.when, "to": each.to, "taken": each.taken}
        for each in tally.cases
    ]
    return {
        "version": VERSION,
        "workflow": plan.workflow,
        "plan_digest": plan.digest,
        "seeds": tally.seeds,
        "outcomes": dict(tally.outcomes),
        "time_ms": {**_spread(tally.took_ms), "bound": bound_ms},
        "cost_usd": None if tally.cost is None else _spread(tally.cost),
        "tokens": _spread(tally.tokens),
        "effects": {level: _spread(spread) for level, spread in tally.effects.items()},
        "steps": steps,
        "cases": cases,
        "unreached": [{"what": each.what, "hint": each.hint} for each in unreached(plan, tally)],
        "faults": [dict(fault._asdict()) for fault in tally.faults],
        "notes": list(notes),
    }


def _spread(spread: Spread) -> JsonObject:
    return {name: round(value, 9) for name, value in spread._asdict().items()}
