"""Small random workflows, and every run of one by the naive reading of the language."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import oracle
from hypothesis import strategies as st

from headgate.plan import Plan

DECISIONS = ("approved", "denied", "expired")


class Flow(NamedTuple):
    """A workflow, how each of its steps may end, and the decision that each condition compares."""

    text: str
    ends: dict[str, tuple[str, ...]]
    switches: dict[str, list[tuple[str, str]]]
    whens: dict[str, str]


def _condition(draw: st.DrawFn, questions: list[str], name: str) -> str:
    """A comparison of a decision, or of an input that says anything."""
    if not questions or draw(st.booleans()):
        return f'inputs.{name} == "x"'
    ask = draw(st.sampled_from(questions))
    return f'steps.{ask}.result.decision {draw(st.sampled_from(["==", "!="]))} "{draw(st.sampled_from(DECISIONS))}"'


@st.composite
def flows(draw: st.DrawFn, *, handlers: bool) -> Flow:
    """Any flow; without `handlers`, one of enabled steps with plain and `finished` edges and free conditions."""
    names = [f"s{number}" for number in range(draw(st.integers(2, 6)))]
    kinds = {name: draw(st.sampled_from(["set", "set", "human", "gated", "switch"])) for name in names}
    kinds[names[-1]] = "set"
    led: set[str] = set()
    lines = []
    ends: dict[str, tuple[str, ...]] = {}
    switches: dict[str, list[tuple[str, str]]] = {}
    whens: dict[str, str] = {}
    for at, name in enumerate(names):
        questions = [other for other in names[:at] if kinds[other] == "human" and handlers]
        after = []
        if name not in led or draw(st.integers(0, 4)) == 0:
            for source in draw(st.lists(st.sampled_from(names[:at]), max_size=3, unique=True)) if at else []:
                words = ["", "", "", "finished "]
                words += ["failed "] * (handlers and "failed" in ends[source])
                words += ["denied "] * (handlers and "denied" in ends[source])
                after.append(draw(st.sampled_from(words)) + source)
        head = f" after {', '.join(after)}" if after else ""
        body = []
        if kinds[name] == "switch" and at + 1 < len(names):
            cases = []
            for number in range(draw(st.integers(1, 2))):
                target = draw(st.sampled_from(names[at + 1 :]))
                cases.append((_condition(draw, questions, f"{name}_{number}"), target))
            if draw(st.booleans()):
                cases.append(("true", draw(st.sampled_from(names[at + 1 :]))))
            led |= {target for _, target in cases}
            switches[name] = cases
            body += [f"case {{{{ {said} }}}} -> {to}" if said != "true" else f"else -> {to}" for said, to in cases]
            ends[name] = ("completed", "failed")
        elif kinds[name] == "human":
            ends[name] = (*DECISIONS, "failed")
        elif kinds[name] == "gated":
            body.append('gate approval { ask = "Sure?" }')
            ends[name] = ("completed", "denied", "failed")
        else:
            ends[name] = ("completed", "failed")
        if draw(st.integers(0, 3)) == 0 and kinds[name] != "switch":
            whens[name] = _condition(draw, questions, name)
            body.append(f"when = {{{{ {whens[name]} }}}}")
        if len(after) > 1 and draw(st.booleans()):
            body.append(f"join = {draw(st.sampled_from(['any', 'all']))}")
        if handlers and draw(st.integers(0, 9)) == 0:
            body.append("enabled = false")
            ends[name] = ("passed",)
        kind = {"gated": "set", "human": "human approval", "switch": "switch", "set": "set"}[kinds[name]]
        lines.append("\n".join([f"step {name} = {kind}{head} {{", *body, "}"]))
    return Flow("\n".join(lines), ends, switches, whens)


def _true(condition: str, decisions: dict[str, str], free: dict[str, bool]) -> bool:
    if condition == "true":
        return True
    subject, operator, value = condition.split()
    if subject.startswith("inputs."):
        return free[condition]
    return (decisions.get(subject.split(".")[1]) == value.strip('"')) == (operator == "==")


def runs(flow: Flow, plan: Plan) -> Iterator[tuple[dict[str, str], dict[str, str | None], dict[str, str]]]:
    """Every run: the verdicts, where switches lead, and the decisions."""
    conditions = [said for cases in flow.switches.values() for said, _ in cases] + list(flow.whens.values())
    opaque = sorted({said for said in conditions if said.startswith("inputs.")})
    for ends in product(*flow.ends.values()):
        chosen = dict(zip(flow.ends, ends, strict=True))
        decisions = {name: end for name, end in chosen.items() if end in DECISIONS}
        fates = {
            name: "completed" if end == "approved" else "denied" if end in DECISIONS else end
            for name, end in chosen.items()
        }
        for values in product((True, False), repeat=len(opaque)):
            free = dict(zip(opaque, values, strict=True))
            taken = {
                name: next((to for said, to in cases if _true(said, decisions, free)), None)
                for name, cases in flow.switches.items()
            }
            now = {**fates, "$entry": "completed"}
            for name, said in flow.whens.items():
                if now[name] != "passed" and not _true(said, decisions, free):
                    now[name] = "false"
            yield oracle.verdicts(plan, now, taken, _needs(flow)), taken, decisions


def _needs(flow: Flow) -> dict[str, str]:
    """Whose decision a step reads first: without it, it does not run."""
    said = {name: cases[0][0] for name, cases in flow.switches.items()} | flow.whens
    return {name: one.split(".")[1] for name, one in said.items() if one.startswith("steps.")}
