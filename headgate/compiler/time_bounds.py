"""The longest that a run of a plan can take, where its timeouts, attempts and expiries bound it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import ENTRY, Json, Plan, PlanBody, PlanStep

JITTER = 0.1
"""A backoff may be longer by this share."""
INSTANT = frozenset({"set", "switch", "fail", "finish"})


def time_bound(plan: Plan) -> int | None:
    """The worst in ms, None when something in the plan has no bound.

    What a provider asks for with `Retry-After`, and what operators do, is not in it.
    """
    found = _scope(plan.steps, plan.order)
    deadline = plan.policies.deadline
    if deadline is None:
        return found
    return deadline if found is None else min(found, deadline)


def _scope(steps: Mapping[str, PlanStep], order: Sequence[str]) -> int | None:
    """The longest way through the steps of a scope."""
    ends: dict[str, int] = {}
    for name in order:
        mine = 0 if name == ENTRY else step_bound(steps[name])
        if mine is None:
            return None
        ends[name] = mine + max((ends.get(edge.source, 0) for edge in steps[name].edges), default=0)
    return max(ends.values(), default=0)


def step_bound(step: PlanStep) -> int | None:
    """The longest that one step can be open, its gates included."""
    if not step.enabled:
        return 0
    asked = sum(gate.expires * (2 if gate.on_expiry == "escalate" else 1) for gate in step.gates)
    action = _action(step)
    return None if action is None else asked + action


def _action(step: PlanStep) -> int | None:
    config = step.config
    match step.kind:
        case kind if kind in INSTANT:
            return 0
        case "delay":
            return _whole(config.get("for"))
        case "human":
            expires = _whole(config.get("expires"))
            return None if expires is None else expires * (2 if config.get("on_expiry") == "escalate" else 1)
        case "wait":
            return _whole(config.get("expires"))
        case "call":
            return None
        case "each" | "repeat":
            return _loop(step, step.body)
        case _:
            return _attempts(step)


def _attempts(step: PlanStep) -> int | None:
    """Every attempt to its timeout, and every wait between them at its longest."""
    if step.timeout is None:
        return None
    backoff = step.retry.backoff
    waits = sum(backoff[min(number, len(backoff) - 1)] for number in range(step.retry.max)) if backoff else 0
    return step.timeout * (step.retry.max + 1) + round(waits * (1 + JITTER))


def _loop(step: PlanStep, body: PlanBody | None) -> int | None:
    inner = None if body is None else _scope(body.steps, body.order)
    config = step.config
    if inner is None:
        return None
    if step.kind == "each":
        over, limit = config.get("over"), _whole(config.get("limit")) or 500
        items = len(over) if isinstance(over, list) else limit
        return -(-items // max(1, _whole(config.get("concurrency")) or 10)) * inner
    rounds = _whole(config.get("max"))
    return None if rounds is None else rounds * max(inner, _whole(config.get("every")) or 0)


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
