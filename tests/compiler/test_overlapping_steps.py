"""Which steps may run at the same time: the analysis against every run of small random workflows."""

from __future__ import annotations

from itertools import combinations

from flows import graph_of, plan_of
from hypothesis import given, settings
from random_flows import Flow, flows, runs

from headgate.compiler.overlap import Overlap
from headgate.compiler.sorting import reach

RAN = frozenset({"completed", "failed", "denied"})


def _pairs(flow: Flow) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """The pairs that may overlap by the analysis, and those that do in some run: both run, and none waits."""
    graph = graph_of(flow.text)
    overlap = Overlap(graph)
    following: dict[str, list[str]] = {name: [] for name in graph.scope.nodes}
    for node in graph.scope.nodes.values():
        for edge in node.edges:
            following[edge.source].append(node.name)
    behind = {name: reach([name], following) for name in following}
    together: set[tuple[str, str]] = set()
    for verdicts, _, _ in runs(flow, plan_of(flow.text)):
        together |= {
            (one, other)
            for one, other in combinations(following, 2)
            if verdicts[one] in RAN and verdicts[other] in RAN and other not in behind[one] and one not in behind[other]
        }
    steps = graph.scope.nodes
    claimed = {pair for pair in combinations(following, 2) if overlap.may_overlap(steps[pair[0]], steps[pair[1]])}
    return claimed, together


@given(flows(handlers=True))
@settings(max_examples=150, deadline=None)
def test_steps_that_run_side_by_side_in_some_run_may_overlap(flow: Flow) -> None:
    claimed, together = _pairs(flow)
    assert together <= claimed


@given(flows(handlers=False))
@settings(max_examples=150, deadline=None)
def test_steps_that_may_overlap_run_side_by_side_in_some_run(flow: Flow) -> None:
    claimed, together = _pairs(flow)
    assert claimed == together


CHAIN = """
step first = switch {
case {{ inputs.a == "x" }} -> s3
case {{ inputs.b == "x" }} -> s4
}
step s3 = switch {
case {{ inputs.c == "x" }} -> s4
else -> s5
}
step s4 = set {}
step s5 = set {}
step s6 = set {}
"""


def test_what_two_switches_in_a_row_keep_apart_does_not_overlap() -> None:
    graph = graph_of(CHAIN)
    overlap, steps = Overlap(graph), graph.scope.nodes
    assert not overlap.may_overlap(steps["s4"], steps["s5"])
    assert not overlap.may_overlap(steps["s5"], steps["s4"])
    assert overlap.may_overlap(steps["s4"], steps["s6"])
