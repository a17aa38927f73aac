"""What a new plan means for those who lean on the old one: runs that exist, people who are asked, callers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from headgate.compiler.plan_types import loses, output_types
from headgate.plan import Json, JsonObject, Plan, PlanStep
from headgate.plan.comparing import Change, Comparison, Difference, Entry, StepEntry
from headgate.plan.narrowing import accepts
from headgate.records import NamedTuple


class Verdict(StrEnum):
    """From the worst to the best."""

    BREAKS_CALLERS = "breaks callers"
    BREAKS_APPROVALS = "breaks waiting approvals"
    NEW_RUNS_ONLY = "new runs only"
    COMPATIBLE = "compatible"

    @property
    def breaks(self) -> bool:
        return self in (Verdict.BREAKS_CALLERS, Verdict.BREAKS_APPROVALS)


MEANINGS: Final[dict[Verdict, str]] = {
    Verdict.BREAKS_CALLERS: "somebody who starts it as before is refused, or gets less than before",
    Verdict.BREAKS_APPROVALS: "a question that waits in a run of the old plan is not the one that the new plan asks",
    Verdict.NEW_RUNS_ONLY: "runs that exist stay on the old plan, because what they have done does not fit the new one",
    Verdict.COMPATIBLE: "a run that exists may go on with the new plan, and nobody has to change anything",
}


class Reason(NamedTuple):
    """Why a verdict holds. `subject` is what it is about: `step charge`, `input order_id`."""

    verdict: Verdict
    subject: str
    message: str


class Judgement(NamedTuple):
    """`verdicts` are all that hold, the worst first; `reasons` stand in the same order."""

    verdicts: tuple[Verdict, ...]
    reasons: tuple[Reason, ...]

    @property
    def worst(self) -> Verdict:
        return self.verdicts[0]


def judge_change(old: Plan, new: Plan, comparison: Comparison) -> Judgement:
    """The verdicts on going from `old` to `new`, whose comparison it is given."""
    found = [*_callers(old, new, comparison), *_approvals(old, comparison), *_runs(comparison)]
    order = list(Verdict)
    reasons = tuple(sorted(dict.fromkeys(found), key=lambda reason: order.index(reason.verdict)))
    verdicts = tuple(dict.fromkeys(reason.verdict for reason in reasons))
    return Judgement(verdicts or (Verdict.COMPATIBLE,), reasons)


# Callers: whoever starts a run by name, by hand, by `call` or by a trigger that is open to others


def _callers(old: Plan, new: Plan, comparison: Comparison) -> Iterator[Reason]:
    broken = Verdict.BREAKS_CALLERS
    if old.workflow != new.workflow:
        message = f"callers who start `{old.workflow}` do not find it: it is `{new.workflow}` now"
        yield Reason(broken, f"workflow {new.workflow}", message)
    for entry in comparison.section("inputs"):
        said = _input_break(entry)
        if said:
            yield Reason(broken, f"input {entry.name}", said)
    kept, made = output_types(old), output_types(new)
    for name in sorted(kept):
        if name not in made:
            yield Reason(broken, f"output {name}", f"callers who read the output `{name}` find nothing")
            continue
        lost = loses(kept[name], made[name])
        if lost:
            yield Reason(broken, f"output {name}", f"the output `{name}` {lost}")
    for entry in comparison.section("triggers"):
        said = _trigger_break(entry)
        if said:
            yield Reason(broken, f"trigger {entry.name}", said)


def _input_break(entry: Entry) -> str | None:
    before, after = _map(entry.before), _map(entry.after)
    if entry.change is Change.REMOVED:
        return f"callers who give the input `{entry.name}` are refused: it is gone"
    if entry.change is Change.ADDED:
        return f"the new input `{entry.name}` is required, and nobody gives it yet" if after["required"] else None
    if after["required"] and not before["required"]:
        return f"the input `{entry.name}` is required now"
    if not accepts(_schema(after), _schema(before)):
        return f"the input `{entry.name}` no longer takes everything that it took"
    return None


def _schema(part: JsonObject) -> JsonObject:
    return {name: value for name, value in part.items() if name != "required" or isinstance(value, list)}


_OPEN_TRIGGERS = frozenset({"webhook", "form", "event"})


def _trigger_break(entry: Entry) -> str | None:
    """What somebody outside notices of a trigger that they use."""
    before, after = _map(entry.before), _map(entry.after)
    kind = before.get("kind")
    if kind not in _OPEN_TRIGGERS or before.get("enabled") is False:
        return None
    if entry.change is Change.REMOVED:
        return f"the {kind} `{entry.name}` is gone: what is sent to it starts nothing"
    if after.get("kind") != kind:
        return f"`{entry.name}` is a {after.get('kind')} now and no {kind}"
    if after.get("enabled") is False:
        return f"the {kind} `{entry.name}` is disabled: what is sent to it starts nothing"
    return _config_break(entry.name, str(kind), _map(before.get("config")), _map(after.get("config")))


def _config_break(name: str, kind: str, before: JsonObject, after: JsonObject) -> str | None:
    if kind == "form":
        fits = accepts(after.get("fields"), before.get("fields"))
        return None if fits else f"the form `{name}` no longer takes everything that it took"
    for attribute in ("path", "auth", "event"):
        if before.get(attribute) != after.get(attribute):
            return f"`{attribute}` of the {kind} `{name}` changed: who uses it has to change with it"
    if before.get("respond") == "result" and after.get("respond") != "result":
        return f"the webhook `{name}` no longer answers with the result"
    least = after.get("max_bytes")
    if isinstance(least, int) and least < (most if isinstance(most := before.get("max_bytes"), int) else least + 1):
        return f"the webhook `{name}` takes smaller bodies than before"
    return None


# People: the questions that may wait in a run of the old plan

_QUESTION = {"kind": "the question", "title": "the question", "body": "the question", "fields": "the question"}
_ASKED = {
    **_QUESTION,
    "assignees": "who is asked",
    "escalate_to": "who is asked next",
    "on_expiry": "what silence means",
}
_GATE = {
    **{name: said for name, said in _ASKED.items() if name not in ("title", "body", "fields")},
    "ask": "the question",
    "when": "when it is asked",
}


def _approvals(old: Plan, comparison: Comparison) -> Iterator[Reason]:
    broken = Verdict.BREAKS_APPROVALS
    for entry in comparison.steps:
        if entry.before is not None and (entry.before["kind"] == "human" or entry.before["gates"]):
            for said in _approval_breaks(entry):
                yield Reason(broken, f"step {entry.was or entry.path}", said)
    gone = [entry.name for entry in comparison.section("vars") if entry.change is not Change.ADDED]
    if gone:
        for path, step in _asking(old.steps, ""):
            for name in gone:
                if re.search(rf"\bvars\.{re.escape(name)}\b", repr((step.config, step.gates))):
                    message = f"what people are asked at `{path}` reads `vars.{name}`, which changed"
                    yield Reason(broken, f"step {path}", message)


def _asking(steps: Mapping[str, PlanStep], prefix: str) -> Iterator[tuple[str, PlanStep]]:
    for name, step in steps.items():
        if step.kind == "human" or step.gates:
            yield prefix + name, step
        if step.body is not None:
            yield from _asking(step.body.steps, f"{prefix}{name}.")


def _approval_breaks(entry: StepEntry) -> Iterator[str]:
    path = entry.was or entry.path
    before, after = entry.before or {}, entry.after
    if after is None:
        yield f"`{path}` asks people, and it is gone"
        return
    if entry.was is not None:
        yield f"`{path}` asks people, and it is called `{entry.path.rpartition('.')[2]}` now"
    if before["kind"] == "human":
        if after["kind"] != "human":
            yield f"`{path}` asks people, and it is {_article(str(after['kind']))} step now"
        else:
            yield from _changed(path, _map(before["config"]), _map(after["config"]), _ASKED)
    yield from _gate_breaks(path, before, after)


def _gate_breaks(path: str, before: JsonObject, after: JsonObject) -> Iterator[str]:
    old, new = _list(before["gates"]), _list(after["gates"])
    if len(new) < len(old):
        yield f"`{path}` has a gate less: what people are asked there decides nothing"
        return
    for one, other in zip(old, new, strict=False):
        yield from _changed(path, _map(one), _map(other), _GATE)
    covered = any(_map(gate).get("when") == "before" for gate in old)
    if covered and before["config"] != after["config"]:
        yield f"the input that an approval of `{path}` covers changed"


def _changed(path: str, before: JsonObject, after: JsonObject, words: dict[str, str]) -> Iterator[str]:
    said = dict.fromkeys(word for name, word in words.items() if before.get(name) != after.get(name))
    yield from (f"{word} at `{path}` changed" for word in said)


# Runs: what a run of the old plan has done, kept by a fork to the new one

_GOVERNS_LATER = frozenset({"title", "owner", "timeout", "retry", "on_failure", "in_doubt", "reversibility"})
"""Attributes that say how what is still to come is done, and not what comes out of it."""

_GOVERNS_LATER_IN = {
    "each": _GOVERNS_LATER | {"concurrency", "on_item_failure"},
    "human": (_GOVERNS_LATER | {"expires", "channel"}) - {"title"},
    "wait": _GOVERNS_LATER | {"expires"},
}


def _runs(comparison: Comparison) -> Iterator[Reason]:
    only = Verdict.NEW_RUNS_ONLY
    for entry in comparison.section("inputs"):
        if _input_break(entry) and entry.change is not Change.REMOVED:
            yield Reason(only, f"input {entry.name}", f"a run that exists may hold no fitting input `{entry.name}`")
    for entry in comparison.section("vars"):
        if entry.change is not Change.ADDED:
            what = "is gone" if entry.change is Change.REMOVED else "changed"
            yield Reason(only, f"let {entry.name}", f"`vars.{entry.name}` {what}, and steps that ran may have read it")
    for step in comparison.steps:
        said = _run_break(step)
        if said:
            yield Reason(only, f"step {step.was or step.path}", said)


def _run_break(entry: StepEntry) -> str | None:
    """Why the result that a run keeps of a step is not what the new plan would have had."""
    path = entry.was or entry.path
    if entry.change is Change.ADDED:
        return None
    if entry.change is Change.REMOVED:
        return f"`{path}` is gone, and a run may have done it"
    if entry.was is not None:
        return f"`{path}` is called `{entry.path.rpartition('.')[2]}` now, and runs keep results by name"
    if entry.edges:
        return f"`{path}` stands elsewhere: other steps decide when it runs"
    telling = [each for each in entry.differences if _tells(each, entry)]
    if telling:
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(_first(each.attribute) for each in telling))
        return f"{names} of `{path}` changed, and a run may have done it as it was"
    return None


def _tells(difference: Difference, entry: StepEntry) -> bool:
    name = _first(difference.attribute)
    if name == "result":
        before, after = entry.before or {}, entry.after or {}
        return not accepts(after.get("result") or True, before.get("result") or True)
    if name == "gates":
        return not difference.attribute.endswith((".expires", ".channel"))
    return name not in _GOVERNS_LATER_IN.get(entry.kind, _GOVERNS_LATER)


def _first(attribute: str) -> str:
    return re.split(r"[.\[]", attribute, maxsplit=1)[0]


def _article(kind: str) -> str:
    return f"an `{kind}`" if kind[:1] in "aeiou" else f"a `{kind}`"


def _map(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []
