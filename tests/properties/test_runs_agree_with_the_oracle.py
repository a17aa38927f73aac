"""Random graphs, random ends, any order: the runtime and a naive reading of the language agree on every step."""

from __future__ import annotations

import random
from typing import NamedTuple

import oracle
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_runs import MemoryRun, edges, error, human, plan, step

from headgate.plan import Plan, PlanStep


class Case(NamedTuple):
    plan: Plan
    fates: dict[str, str]
    taken: dict[str, str | None]
    needs: dict[str, str]


def _switch(draw: st.DrawFn, name: str, after: list[str], later: list[str]) -> tuple[PlanStep, str | None]:
    targets = draw(st.lists(st.sampled_from(later), max_size=3)) if later else []
    otherwise = draw(st.sampled_from([*later, None])) if later else None
    choice = draw(st.integers(0, len(targets)))
    cases = [{"when": number == choice, "to": to} for number, to in enumerate(targets)]
    made = step(name, "switch", *after, config={"cases": cases, "else": otherwise})
    return made, targets[choice] if choice < len(targets) else otherwise


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = [f"s{number}" for number in range(draw(st.integers(1, 9)))]
    fates: dict[str, str] = {}
    taken: dict[str, str | None] = {}
    needs: dict[str, str] = {}
    kinds = {name: draw(st.sampled_from(["noop", "noop", "noop", "human", "switch", "set"])) for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    made: dict[str, PlanStep] = {}
    for at, name in enumerate(names):
        for source in draw(st.lists(st.sampled_from(names[:at]), max_size=3, unique=True)) if at else ():
            word = draw(st.sampled_from(["", "", "failed ", "denied ", "finished ", "*finished ", "*failed ", "read "]))
            after[name].append(word + source)
        join = draw(st.sampled_from(["all", "all", "any", None]))
        given = {} if join is None else {"join": join}
        config = {}
        sources = [each.split()[-1] for each in after[name]]
        if kinds[name] in ("noop", "set") and sources and draw(st.booleans()):
            needs[name] = draw(st.sampled_from(sources))
            config = {"x": "{{ steps." + needs[name] + ".result }}"}
        if kinds[name] == "human":
            made[name] = human(name, *after[name])
            fates[name] = draw(st.sampled_from(["completed", "denied"]))
        elif kinds[name] == "switch":
            made[name], taken[name] = _switch(draw, name, after[name], names[at + 1 :])
            fates[name] = "completed"
            for case in made[name].config["cases"]:  # type: ignore[union-attr]
                after[case["to"]].append(f"case 0 {name}")  # type: ignore[call-overload, index]
            otherwise = made[name].config["else"]
            if otherwise is not None:
                after[str(otherwise)].append(f"else {name}")
        else:
            made[name] = step(name, kinds[name], *after[name], config=config)
            fates[name] = (
                draw(st.sampled_from(["completed", "completed", "failed"])) if kinds[name] == "noop" else "completed"
            )
        made[name] = made[name]._replace(**given)
        if name in needs and made[name].join == "any":  # what is read orders, where a control edge need not
            made[name] = made[name]._replace(edges=(*made[name].edges, *edges(f"read {needs[name]}")))
        special = draw(st.sampled_from([None] * 6 + ["passed", "false"]))
        if special == "passed":
            made[name], fates[name] = made[name]._replace(enabled=False), "passed"
        elif special == "false":
            made[name], fates[name] = made[name]._replace(when="{{ 1 == 2 }}"), "false"
    whole = plan(*(made[name] for name in names), on_failure="continue")
    return Case(whole, fates, taken, needs)


def _run(case: Case, order: random.Random) -> MemoryRun:
    run = MemoryRun(case.plan)
    run.verify = True
    while True:
        run.settle()
        out = list(run.state.in_flight.items())
        asked = [each for each in run.state.approvals.values() if each.status == "pending"]
        if not out and not asked:
            return run
        if asked and (not out or order.random() < 0.5):
            chosen = order.choice(asked)
            run.ask("approve" if case.fates[chosen.step] == "completed" else "deny", task=chosen.task)
        else:
            path, attempt = order.choice(out)
            run.end(path, attempt, error() if case.fates[path] == "failed" else {})


@settings(max_examples=200, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_every_step_ends_as_the_language_says_in_any_order(case: Case, order: random.Random) -> None:
    run = _run(case, order)
    expected = oracle.verdicts(case.plan, case.fates, case.taken, case.needs)
    assert run.phase == "completed"
    assert run.statuses == {name: oracle.SHOWN[verdict] for name, verdict in expected.items()}
    assert run.state.outcome == oracle.outcome(case.plan, expected)


@settings(max_examples=100, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_a_failure_that_nothing_takes_up_fails_the_run_and_leaves_nothing_open(
    case: Case, order: random.Random
) -> None:
    strict = case._replace(plan=case.plan._replace(policies=case.plan.policies._replace(on_failure="fail")))
    run = _run(strict, order)
    expected = oracle.verdicts(case.plan, case.fates, case.taken, case.needs)
    taken_up = {
        edge.source for each in case.plan.steps.values() for edge in each.edges if edge.on in ("failed", "finished")
    }
    fatal = {name for name, verdict in expected.items() if verdict == "failed" and name not in taken_up}
    assert (run.phase == "failed") == bool(fatal)
    ended = {"completed", "failed", "blocked", "cancelled", "skipped"}
    assert all(status.split()[0] in ended for status in run.statuses.values())
    if fatal:
        assert run.state.failed_step in fatal
        assert run.state.failure_code == "MCP_TOOL_FAILED"
