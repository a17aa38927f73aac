"""The content of a `--given` file, and what `--took` says: checked against the steps there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headgate.api.faults import UsageFault
from headgate.diagnostics import nearest
from headgate.plan import ENTRY, Json, JsonObject, Plan, PlanStep
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.simulation.assumptions import Answer, Given, plain_path

DECISIONS = ("approved", "denied", "expired")
_SPECIAL = frozenset({"decision", "comment", "error", "result"})
_COMPUTES = frozenset({"set", "switch", "fail", "finish", "each", "repeat", "delay", "call"})


def read_given(content: JsonObject, plans: Sequence[Plan]) -> Given:
    """The answers by step; raises `UsageFault` for a step that there is not, or one that computes by itself."""
    steps = _steps(plans)
    found: dict[str, tuple[Answer, ...]] = {}
    for path, value in content.items():
        step = _known(path, steps, "the answers name")
        if step.kind in _COMPUTES and not step.gates:
            raise UsageFault(f"`{path}` is a `{step.kind}` step, which takes no answer: it computes by itself")
        answers = tuple(_answer(path, step, each) for each in (value if isinstance(value, list) else [value]))
        if not answers:
            raise UsageFault(f"the answers for `{path}` are an empty list: give one at least")
        found[path] = answers
    return found


def read_took(took: Mapping[str, int], plans: Sequence[Plan]) -> Mapping[str, int]:
    """The same durations; raises `UsageFault` for a step that there is not."""
    steps = _steps(plans)
    for path in took:
        _known(path, steps, "`--took` names")
    return took


def _steps(plans: Sequence[Plan]) -> dict[str, PlanStep]:
    """Every step of every plan by its path; of two of a path the first."""
    found: dict[str, PlanStep] = {}
    for plan in plans:
        for path, step in _within(plan.steps, ""):
            found.setdefault(path, step)
    return found


def _within(steps: Mapping[str, PlanStep], prefix: str) -> Iterator[tuple[str, PlanStep]]:
    for name, step in steps.items():
        if name != ENTRY:
            yield prefix + name, step
        if step.body is not None:
            yield from _within(step.body.steps, f"{prefix}{name}.")


def _known(path: str, steps: Mapping[str, PlanStep], who: str) -> PlanStep:
    step = steps.get(plain_path(path))
    if step is None:
        guess = nearest(path, list(steps))
        hint = f"did you mean `{guess}`?" if guess else f"it has {', '.join(f'`{name}`' for name in steps)}"
        raise UsageFault(f"{who} `{path}`, and the workflow has no such step; {hint}")
    return step


def _answer(path: str, step: PlanStep, value: Json) -> Answer:
    """A result as it is; or `{"error": ...}`, or `{"decision": ...}` where people are asked, beside a result."""
    special = isinstance(value, dict) and bool(value) and set(value) <= _SPECIAL
    if isinstance(value, dict) and special and {"decision", "error"} & set(value):
        decision = value.get("decision")
        if decision is not None and decision not in DECISIONS:
            raise UsageFault(f"the decision of `{path}` must be one of {', '.join(DECISIONS)}, got {decision!r}")
        if decision is not None and step.kind != "human" and not step.gates:
            raise UsageFault(f"`{path}` asks nobody: a decision is for `human` steps and gates")
        comment = value.get("comment")
        return Answer(
            value.get("result"),
            "result" in value,
            _error(path, value["error"]) if "error" in value else None,
            None if decision is None else str(decision),
            comment if isinstance(comment, str) else None,
        )
    if step.kind == "human":
        raise UsageFault(f'the answer for `{path}` must be a decision, such as {{"decision": "denied"}}')
    return Answer(value, has_result=True)


def _error(path: str, value: Json) -> StepError:
    """An error by its code, or with `code`, `message` and `class`."""
    facts = value if isinstance(value, dict) else {"code": value}
    code, kind = facts.get("code", "UPSTREAM_ERROR"), facts.get("class", "permanent")
    if not isinstance(code, str) or kind not in set(ErrorClass):
        choices = ", ".join(each.value for each in ErrorClass)
        raise UsageFault(f"the error of `{path}` needs a text as its `code`, and a `class` of {choices}")
    return StepError(code, str(facts.get("message", "given: it failed")), ErrorClass(str(kind)))
