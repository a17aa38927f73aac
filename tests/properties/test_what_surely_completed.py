"""Must have run, against every run there is: small random graphs, all fates of all steps, all cases of all switches.

The graphs have no relations between values: every condition reads an input of its own. On these the analysis is not
only sound (surely means in every run) but exact (when it is not sure, there is a run that shows it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

import oracle
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headgate.compiler.graph import Graph, build
from headgate.compiler.lower import lower
from headgate.compiler.outcomes import COMPLETED, DENIED, FAILED, OPEN, PASSED, Own
from headgate.compiler.paths import CounterRun, ask
from headgate.grammar.parse import parse
from headgate.plan import Plan, PlanStep
from headgate.source import Source
from headgate.workspace import EMPTY

STOPPED = frozenset({"blocked", "cut", "untaken", "open"})
"""The verdicts of steps that have not started."""

FATES = {FAILED: "failed", DENIED: "denied", PASSED: "passed"}
OUTCOMES = ("", "", "", "failed ", "denied ", "finished ")


class Case(NamedTuple):
    text: str
    needs: Mapping[str, str]


class Run(NamedTuple):
    fates: dict[str, str]
    taken: dict[str, str | None]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = [f"s{number}" for number in range(draw(st.integers(2, 6)))]
    needs: dict[str, str] = {}
    lines = ["workflow test {", f"  on_failure = {draw(st.sampled_from(['fail', 'fail', 'continue']))}"]
    for at, name in enumerate(names):
        kind = draw(st.sampled_from(["set", "http", "http", "human", "switch"]))
        sources = draw(st.lists(st.sampled_from(names[:at]), max_size=2, unique=True)) if at else []
        after = [draw(st.sampled_from(OUTCOMES)) + source for source in sources]
        after += draw(st.sampled_from([[]] * 8 + [["failed *"], ["finished *"]]))
        inner = []
        if at and kind in ("set", "http") and draw(st.integers(0, 2)) == 0:
            needs[name] = draw(st.sampled_from(names[:at]))
            place = "v" if kind == "set" else "body"
            inner.append(f"{place} = {{{{ steps.{needs[name]}.result }}}}")
        inner += draw(st.sampled_from([[]] * 8 + [["enabled = false"], [f"when = {{{{ inputs.{name} }}}}"]]))
        inner += draw(st.sampled_from([[]] * 3 + [["join = all"], ["join = any"]])) if after else []
        later = names[at + 1 :]
        if kind == "switch" and later:
            for number, target in enumerate(draw(st.lists(st.sampled_from(later), min_size=1, max_size=2))):
                inner.append(f"case {{{{ inputs.{name}_{number} }}}} -> {target}")
            inner += [f"else -> {draw(st.sampled_from(later))}"] if draw(st.booleans()) else []
        head = {"http": 'http GET "https://shop.example.com"', "human": "human approval"}.get(kind, "set")
        if kind == "switch" and later:
            head = "switch"
        edges = f" after {', '.join(after)}" if after else ""
        lines.append(f"  step {name} = {head}{edges} {{\n    " + "\n    ".join(inner) + "\n  }")
    return Case("\n".join([*lines, "}", ""]), needs)


def runs(plan: Plan) -> Iterator[Run]:
    """Every way in which the steps of a plan may end if they run, and in which its switches may lead."""
    choices = [
        [(name, fate, way) for fate in _fates(plan, step) for way in _ways(step, fate)]
        for name, step in plan.steps.items()
    ]
    for chosen in product(*choices):
        yield Run({name: fate for name, fate, _ in chosen}, {name: way for name, _, way in chosen})


def _fates(plan: Plan, step: PlanStep) -> list[str]:
    if not step.enabled:
        return ["passed"]
    edges = [edge for one in plan.steps.values() for edge in one.edges if edge.source == step.name]
    survives = plan.policies.on_failure == "continue" or any(edge.on in ("failed", "finished") for edge in edges)
    fallible = step.kind != "set" or bool(step.config) or step.when is not None
    if step.kind == "human":  # ends with a decision, unless somebody expects it to fail
        fallible = any(edge.on == "failed" and not edge.star for edge in edges)
    fates = ["completed"]
    fates += ["failed"] if fallible and survives else []
    fates += ["denied"] if step.kind == "human" else []
    return fates + (["false"] if step.when is not None else [])


def _ways(step: PlanStep, fate: str) -> list[str | None]:
    if step.kind != "switch" or fate != "completed":
        return [None]
    listed = step.config["cases"]
    assert isinstance(listed, list)
    targets = [case["to"] for case in listed if isinstance(case, dict)] + [step.config.get("else")]
    return list(dict.fromkeys(None if target is None else str(target) for target in targets))


def starts(plan: Plan, case: Case, run: Run, target: str, slow: str | None) -> bool:
    """Whether a step starts, whatever it reads itself; while the step `slow` has not ended, when one is named."""
    free = {name: source for name, source in case.needs.items() if name != target}
    return oracle.verdicts(plan, run.fates, run.taken, free, slow)[target] not in STOPPED


def certain_pairs(plan: Plan, case: Case, names: tuple[str, ...]) -> set[tuple[str, str]]:
    """The pairs of a source and a step that never starts without the source's result, by looking at every run."""
    pairs = {(source, target) for source in names for target in names if source != target}
    for run in runs(plan):
        for target in names:
            open_pairs = [source for source, reader in pairs if reader == target]
            if not open_pairs or not starts(plan, case, run, target, None):
                continue
            free = {name: source for name, source in case.needs.items() if name != target}
            ended = oracle.verdicts(plan, run.fates, run.taken, free)
            for source in open_pairs:
                fruitful = (
                    ended[source] in ("completed", "denied")
                    if plan.steps[source].kind == "human"
                    else (ended[source] == "completed")
                )
                if not fruitful or starts(plan, case, run, target, source):
                    pairs.discard((source, target))
    return pairs


@settings(max_examples=100, deadline=None)
@given(cases())
def test_surely_means_in_every_run_and_not_surely_that_there_is_one_that_shows_it(case: Case) -> None:
    graph = graph_of(case.text)
    assume(all(node.edges or node.is_root for node in graph.scope.nodes.values()))  # a catch-all of nothing
    plan = lower(graph, Source("test.flow", case.text), EMPTY, None, {})
    names = tuple(name for name in plan.steps if name in graph.scope.nodes)
    certain = certain_pairs(plan, case, names)
    nodes = graph.scope.nodes
    for source in names:
        for target in names:
            if source != target:
                answer = ask(graph, nodes[source], nodes[target])
                assert answer.surely == ((source, target) in certain), (source, target)
                if not answer.surely:
                    assert answer.run is not None
                    assert shows(plan, case, answer.run), (source, target)


def shows(plan: Plan, case: Case, found: CounterRun) -> bool:
    """Whether a run in which steps end as was found really starts the target without the source's result."""
    fates = {name: _fates(plan, step)[0] for name, step in plan.steps.items()}
    taken: dict[str, str | None] = {name: _ways(step, fates[name])[0] for name, step in plan.steps.items()}
    slow = None
    for node in found.nodes:
        way = found.way(node)
        assert way is not None, "it matters"
        stage = found.facts.stages[found.facts.position[node.name]]
        if way.end & stage.own.completed:
            taken[node.name] = next(one for one in stage.own.ways if _bit(stage.own, one) == way.end)
        elif way.end == OPEN and node is not found.target:
            slow = node.name
        elif way.end in FATES:
            fates[node.name] = FATES[way.end]
        elif way.optional:
            fates[node.name] = "false"
    run = Run(fates, taken)
    free = {name: source for name, source in case.needs.items() if name != found.target.name}
    ended = oracle.verdicts(plan, run.fates, run.taken, free)[found.source.name]
    missing = ended != "completed" and not (ended == "denied" and found.source.kind == "human")
    return starts(plan, case, run, found.target.name, slow) and (missing or slow == found.source.name)


def _bit(own: Own, way: str | None) -> int:
    return COMPLETED << own.ways.index(way)


def graph_of(text: str) -> Graph:
    file, found = parse(Source("test.flow", text))
    assert found == [], found
    return build(file.workflows[0])[0]
