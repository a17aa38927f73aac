"""Graphs of any shape: an order exactly when there is no ring, and a plan that holds together."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import jsonschema
import networkx as nx
from flows import graph_of, plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.plan import dump, load, to_json

SCHEMA = json.loads((Path(sys.modules["headgate"].__file__).parent / "schemas" / "plan.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
OUTCOMES = ("", "failed ", "denied ", "finished ")


@st.composite
def steps(draw, *, acyclic, prefix="s", depth=1):
    """The text of steps with edges, cases, stars and references, in an order of the file that means nothing."""
    count = draw(st.integers(1, 6))
    names = [f"{prefix}{index}" for index in range(count)]
    written = []
    for index, name in enumerate(names):
        others = names[:index] if acyclic else [other for other in names if other != name]
        after = []
        if others:
            chosen = draw(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.sampled_from(others)), max_size=2))
            after = [outcome + other for outcome, other in chosen]
        star = draw(st.sampled_from(["", "", "", "failed *", "finished *"]))
        after += [star] if star else []
        reads = draw(st.lists(st.sampled_from(others), max_size=2)) if others else []
        field = draw(st.sampled_from(["result.x", "status", "result.x | default(1)"]))
        values = "\n".join(f"v{at} = {{{{ steps.{read}.{field} }}}}" for at, read in enumerate(reads))
        edges = f" after {', '.join(after)}" if after else ""
        kind = draw(st.sampled_from(["set", "set", "switch", "each", "human"])) if depth else "set"
        later = names[index + 1 :] if acyclic else others
        if kind == "switch" and later:
            target = draw(st.sampled_from(later))
            written.append(f"step {name} = switch{edges} {{\ncase {{{{ inputs.a }}}} -> {target}\n}}")
        elif kind == "each":
            inner = draw(steps(acyclic=acyclic, prefix=f"{name}_", depth=0))
            written.append(f"step {name} = each [1] as i{edges} {{\n{inner}\n}}")
        elif kind == "human" and not reads:
            written.append(f"step {name} = human approval{edges}")
        else:
            written.append(f"step {name} = set{edges} {{\n{values}\n}}")
    return "\n".join(draw(st.permutations(written)))


@given(steps(acyclic=False))
@settings(max_examples=150, deadline=None)
def test_there_is_an_order_exactly_when_there_is_no_ring(text):
    for scope in graph_of(text).scopes:
        oracle = nx.DiGraph()
        oracle.add_nodes_from(scope.nodes)
        oracle.add_edges_from((edge.source, node.name) for node in scope.nodes.values() for edge in node.edges)
        knots = [knot for knot in nx.strongly_connected_components(oracle) if len(knot) > 1]
        assert len(scope.rings) == len(knots)
        for ring in scope.rings:
            assert all(one.target == two.source for one, two in pairwise([*ring.edges, ring.edges[0]]))
            assert any({edge.source for edge in ring.edges} <= knot for knot in knots)
        place = {name: index for index, name in enumerate(scope.order)}
        for name in scope.order:
            assert all(place[edge.source] < place[name] for edge in scope.nodes[name].edges)
        behind = set().union(*(nx.descendants(oracle, name) | {name} for knot in knots for name in knot))
        assert set(scope.order) == set(scope.nodes) - behind


@given(steps(acyclic=True))
@settings(max_examples=150, deadline=None)
def test_stars_make_no_ring_and_what_has_an_order_is_a_plan_that_loads(text):
    graph = graph_of(text)
    assert [scope.rings for scope in graph.scopes] == [() for _ in graph.scopes]
    if graph.entry is None:  # a catch-all alone has nothing to catch, and nothing starts the run
        assert graph.scope.roots == ()
        return
    plan = plan_of(text)
    VALIDATOR.validate(to_json(plan))
    assert load(dump(plan)) == plan
