"""The difference of two plans: none with itself, mirrored the other way round, blind to layout."""

import re
from pathlib import Path

import pytest
from flows import plan_of_text
from hypothesis import given, settings
from strategies.flow import plans

from headgate.api.compiling import NEEDED_RULES, compile_target
from headgate.api.faults import UsageFault
from headgate.compiler.compatibility import Verdict, judge_change
from headgate.grammar.format import format_source
from headgate.plan import dump, load
from headgate.plan.comparing import Change, compare
from headgate.source import Source

MIRRORED = {Change.ADDED: Change.REMOVED, Change.REMOVED: Change.ADDED, Change.CHANGED: Change.CHANGED}


def seen(comparison, *, turned):
    """A comparison as plain values, turned round or not; renamed steps by both of their names."""

    def difference(each):
        change = MIRRORED[each.change] if turned else each.change
        pair = (each.after, each.before) if turned else (each.before, each.after)
        return (each.attribute, change, *map(repr, pair))

    def step(each):
        names = (each.was or each.path, each.path)
        names = (names[1], names[0]) if turned else names
        change = MIRRORED[each.change] if turned else each.change
        return (names, change, sorted(map(difference, (*each.edges, *each.differences))))

    def entry(each):
        change = MIRRORED[each.change] if turned else each.change
        return (each.section, each.name, change, sorted(map(difference, each.differences)))

    return (
        sorted(map(entry, comparison.entries)),
        sorted(map(step, comparison.steps)),
        sorted(map(difference, comparison.header)),
    )


@given(plans())
@settings(max_examples=60, deadline=None)
def test_a_plan_does_not_differ_from_itself_however_it_is_laid_out(text):
    plan = plan_of_text(text)
    laid_out, _ = format_source(Source("test.flow", text))
    again = plan_of_text(laid_out)
    for other in (plan, again):
        comparison = compare(plan, other)
        assert comparison.empty, comparison
        judgement = judge_change(plan, other, comparison)
        assert judgement.verdicts == (Verdict.COMPATIBLE,)
        assert judgement.reasons == ()


@given(plans(), plans())
@settings(max_examples=100, deadline=None)
def test_the_difference_is_mirrored_the_other_way_round(one, other):
    old, new = plan_of_text(one), plan_of_text(other)
    there, back = compare(old, new), compare(new, old)
    assert {new_name: name for name, new_name in there.renames.items()} == back.renames
    if not there.renames:  # the values of the old plan are shown with the new names
        assert seen(there, turned=False) == seen(back, turned=True)
    assert there.empty == back.empty
    assert there.empty or old.digest != new.digest


FLOWS = sorted((Path(__file__).parents[2] / "examples").glob("*/*.flow"))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda path: path.stem)
def test_an_example_does_not_differ_from_its_plan_that_was_written_and_read(flow):
    for name in re.findall(r"^workflow (\w+)", flow.read_text(encoding="utf-8"), re.MULTILINE):
        plan = compile_target(f"{flow}#{name}").plan
        comparison = compare(plan, load(dump(plan)))
        assert comparison.empty
        assert judge_change(plan, plan, comparison).verdicts == (Verdict.COMPATIBLE,)


CASES = sorted((Path(__file__).parents[1] / "cases" / "rules").glob("*.flow"))


def test_every_text_that_keeps_to_the_needed_rules_has_a_plan():
    """Nothing that `lower` asserts is left to a rule that `diff` does not ask of the old text."""
    made = 0
    for flow in CASES:
        for name in re.findall(r"^workflow (\w+)", flow.read_text(encoding="utf-8"), re.MULTILINE):
            try:
                made += compile_target(f"{flow}#{name}", rules=NEEDED_RULES).plan is not None
            except UsageFault:
                continue
    assert made > len(CASES)
