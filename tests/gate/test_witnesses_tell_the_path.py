"""A witness begins where the run does, and says how each step was entered."""

from __future__ import annotations

from headgate.compiler.graph import Graph, build
from headgate.grammar.parse import parse
from headgate.source import Source
from headgate.validators.witness import witness

STEPS = """
  step size = switch { case {{ inputs.big }} -> ask, else -> small }
  step ask = human approval { title = "Pay?" }
  step small = set { x = 1 }
  step told = set after denied ask { x = 2 }
  step last = set after small { x = 3 }
"""


def graph(*triggers: str) -> Graph:
    text = "workflow a {\n  input big: boolean = true\n" + "".join(f"  {one}\n" for one in triggers) + STEPS + "}\n"
    file, found = parse(Source("a.flow", text))
    assert not found
    return build(file.workflows[0])[0]


def stops(built: Graph, *names: str, trigger: str | None = None) -> list[tuple[str, str]]:
    nodes = [built.scope.nodes[name] for name in names]
    edges = [next((e for e in node.edges if e.source in names), None) for node in nodes]
    found = witness(built.workflow, zip(nodes, edges, strict=True), trigger)
    return [(stop.step, stop.edge) for stop in found]


def test_a_path_without_triggers_begins_at_its_first_step() -> None:
    assert stops(graph(), "size", "small", "last") == [("size", ""), ("small", "else"), ("last", "")]


def test_a_path_begins_at_the_first_trigger_that_is_enabled() -> None:
    built = graph("trigger old = manual { enabled = false }", 'trigger nightly = schedule "0 3 * * *"')
    assert stops(built, "size", "ask", "told") == [
        ("trigger nightly", ""),
        ("size", ""),
        ("ask", "case 1"),
        ("told", "denied"),
    ]


def test_a_path_begins_at_the_trigger_that_is_named() -> None:
    built = graph("trigger one = manual", "trigger two = manual")
    assert stops(built, "size", trigger="two") == [("trigger two", ""), ("size", "")]


def test_a_word_may_stand_for_an_edge() -> None:
    built = graph()
    nodes = built.scope.nodes
    found = witness(built.workflow, [(nodes["ask"], None), (nodes["told"], "expired")])
    assert [(stop.step, stop.edge) for stop in found] == [("ask", ""), ("told", "expired")]
    assert found[0].span == nodes["ask"].step.name.span
