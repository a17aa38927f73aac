"""An edge that counts as implied can go: no run of any small random workflow ends otherwise without it."""

from __future__ import annotations

from flows import graph_of, plan_of
from hypothesis import event, given, settings
from random_flows import Flow, flows, runs

from headgate.compiler.implied import Implied


@given(flows(handlers=True))
@settings(max_examples=150, deadline=None)
def test_without_an_implied_edge_every_run_ends_the_same(flow: Flow) -> None:
    graph = graph_of(flow.text)
    implied = Implied(graph.scope)
    plan = plan_of(flow.text)
    for name, node in graph.scope.nodes.items():
        for edge, _ in implied.redundant(node):
            event("an edge goes")
            step = plan.steps[name]
            kept = tuple(one for one in step.edges if (one.source, one.on) != (edge.source, "completed"))
            assert len(kept) == len(step.edges) - 1
            less = plan._replace(steps={**plan.steps, name: step._replace(edges=kept)})
            with_it = [verdicts for verdicts, _, _ in runs(flow, plan)]
            assert [verdicts for verdicts, _, _ in runs(flow, less)] == with_it


def test_an_edge_is_implied_along_a_chain_and_by_no_condition() -> None:
    chain = graph_of("step a = set {}\nstep b = set after a {}\nstep c = set after a, b {}").scope
    assert [(edge.source, other.source) for edge, other in Implied(chain).redundant(chain.nodes["c"])] == [("a", "b")]
    steps = "step a = set {}\nstep b = set after a { when = {{ 1 == 2 }} }\nstep c = set after a, b {}"
    may_skip = graph_of(steps).scope
    assert Implied(may_skip).redundant(may_skip.nodes["c"]) == []
