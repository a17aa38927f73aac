"""HG504: times that do not add up."""

from __future__ import annotations

import math
from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.written import Written
from headgate.diagnostics import Fix, Label, Safety, Severity, replace
from headgate.grammar import ast
from headgate.kinds import Kind
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.spelling import duration, lasting
from headgate.validators.values import Block

_BACKOFF = (5_000, 60_000, 300_000)
_RETRIES = 3
_MOST_ROUNDS = 1_000
_INSTANT = frozenset({"set", "switch", "finish", "fail"})


class _Limit(NamedTuple):
    name: str
    milliseconds: int
    place: Span


class _Duration(NamedTuple):
    """How long something may take, how that comes about, and where it is written; None for defaults."""

    milliseconds: float
    sentence: str
    place: Span | None


def check(context: Context) -> Iterator[Finding]:
    deadline = _limit(context, "deadline")
    stall = _limit(context, "timeout")
    unsaid = 0
    for block in context.blocks:
        if block.sort not in ("step", "gate") or block.step is None or block.written.kind is None:
            continue
        if block.sort == "gate" or block.written.kind.name in ("human", "wait", "delay"):
            takes = _waiting(block)
            limits = [deadline]
        elif block.written.kind.name in _INSTANT:
            continue
        else:
            takes = _attempts(block.written, block.written.kind)
            limits = [*_loops(context, block.step), stall, deadline]
        if takes is None:
            continue
        over = next((limit for limit in limits if limit is not None and takes.milliseconds > limit.milliseconds), None)
        if over is None or (takes.place is None and unsaid):
            continue
        unsaid += takes.place is None
        yield RULE.finding(
            f"{takes.sentence}, longer than {over.name} of `{lasting(over.milliseconds)}`",
            takes.place or block.place,
            note=f"up to {lasting(takes.milliseconds)}",
            labels=(Label(over.place, "the limit"),),
            advice="shorten one, or raise the limit; the limit strikes first",
            fixes=(_raised(over, takes),),
        )


def _raised(limit: _Limit, takes: _Duration) -> Fix:
    """The limit, raised to what may be needed, in whole seconds or minutes."""
    unit = 60_000 if takes.milliseconds > 120_000 else 1_000
    enough = duration(math.ceil(takes.milliseconds / unit) * unit)
    return replace(f"raise {limit.name} to `{enough}`", limit.place, enough, Safety.UNSAFE)


def _limit(context: Context, name: str) -> _Limit | None:
    for attribute in context.workflow.attributes:
        if attribute.name.text == name and isinstance(attribute.value, ast.Duration):
            return _Limit(f"the run's `{name}`", attribute.value.milliseconds, attribute.value.span)
    return None


def _loops(context: Context, step: ast.Step) -> Iterator[_Limit]:
    """The written timeouts of the loops around a step, the innermost first."""
    node: Node | None = context.graph.node(step)
    loop = node.scope.loop if node else None
    while loop is not None:
        value = context.said(loop.step).get("timeout")
        if isinstance(value, ast.Duration):
            yield _Limit(f"the `timeout` of the loop `{loop.name}`", value.milliseconds, value.span)
        loop = loop.scope.loop


def _waiting(block: Block) -> _Duration | None:
    """How long a person, an event or a timer is waited for."""
    said = block.written
    name = "for" if said.kind is not None and said.kind.name == "delay" else "expires"
    value, known = said.get(name), said.known(name)
    assert block.step is not None, "only steps and gates are asked about"
    if isinstance(value, ast.Duration):
        milliseconds: float = value.milliseconds
    elif value is None and known is not None and isinstance(known.default, int):
        milliseconds = known.default
    else:
        return None
    what = "waits" if name == "for" else "may wait"
    sentence = f"`{block.step.name.text}` {what} `{lasting(milliseconds)}`"
    return _Duration(milliseconds, sentence, value.span if value is not None else None)


def _attempts(said: Written, kind: Kind) -> _Duration | None:
    """How long all attempts of a step may take: each its timeout, and the backoff between them."""
    timeout, retry = said.get("timeout"), said.get("retry")
    each = timeout.milliseconds if isinstance(timeout, ast.Duration) else kind.timeout_ms
    if each is None or (timeout is not None and not isinstance(timeout, ast.Duration)):
        return None
    pauses = _pauses(retry) if retry is not None else list(_BACKOFF) if kind.retry else []
    if pauses is None:
        return None
    total = (len(pauses) + 1) * each + sum(pauses)
    count = len(pauses) + 1
    sentence = f"{count} attempt{'s'[: count != 1]} of `{lasting(each)}`"
    if pauses:
        sentence += f" and `{lasting(sum(pauses))}` of backoff"
    place = timeout or retry
    return _Duration(total, f"{sentence} take up to `{lasting(total)}`", place.span if place else None)


def _pauses(retry: ast.Value) -> list[float] | None:
    """The backoff before each retry, in milliseconds; None when it is not written as constants."""
    if isinstance(retry, ast.Number) and isinstance(retry.value, int):
        return _spread(_BACKOFF, retry.value)
    if not isinstance(retry, ast.Map):
        return None
    said = {entry.key.text: entry.value for entry in retry.entries}
    most, backoff, first = said.get("max"), said.get("backoff"), said.get("first")
    count = most.value if isinstance(most, ast.Number) and isinstance(most.value, int) else _RETRIES
    if isinstance(backoff, ast.List):
        waits = [item.milliseconds for item in backoff.items if isinstance(item, ast.Duration)]
        return _spread(tuple(waits), count) if waits else None
    if isinstance(first, ast.Duration):
        factor, ceiling = said.get("factor"), said.get("ceiling")
        times = factor.value if isinstance(factor, ast.Number) else 2
        top = ceiling.milliseconds if isinstance(ceiling, ast.Duration) else float("inf")
        waits_ms, wait = [], float(first.milliseconds)
        for _ in range(min(max(count, 0), _MOST_ROUNDS)):
            waits_ms.append(min(wait, top))
            wait = min(wait * times, 1e15)
        return waits_ms
    return _spread(_BACKOFF, count)


def _spread(waits: tuple[int, ...], count: int) -> list[float]:
    """The given waits, the last one again and again."""
    return [float(waits[min(number, len(waits) - 1)]) for number in range(min(max(count, 0), _MOST_ROUNDS))]


RULE = Rule(
    code="HG504",
    name="time-arithmetic",
    severity=Severity.WARNING,
    summary="attempts times timeout plus backoff exceeds a limit, or an approval outlives its run's deadline",
    explanation="""\
A step may take as many attempts as `retry` allows, each as long as its `timeout`, with the backoff between them; an
approval may wait until it `expires`. When the run's `deadline` or `timeout`, or that of a loop around the step, is
shorter, the limit strikes first, and the last attempts, or the answer, come too late.""",
    wrong="""\
workflow order {
  deadline = 2m
  step pick = http GET "https://shop.example.com/orders/1" { timeout = 30s }
}
""",
    right="""\
workflow order {
  deadline = 10m
  step pick = http GET "https://shop.example.com/orders/1" { timeout = 30s }
}
""",
    check=check,
)
