"""Short ways from the text of steps to a graph and a plan."""

from headgate.compiler.graph import Graph, build
from headgate.compiler.lower import lower
from headgate.grammar.parse import parse
from headgate.plan import Plan
from headgate.source import Source
from headgate.workspace import EMPTY


def parsed(text):
    """The file of a text that parses."""
    file, found = parse(Source("test.flow", text))
    assert found == [], found
    return file


def graph_of(steps: str, header: str = "") -> Graph:
    """The graph of a workflow with these steps."""
    graph, found = build(parsed(f"workflow test {{\n{header}\n{steps}\n}}\n").workflows[0])
    assert found == []
    return graph


def plan_of(steps: str, header: str = "", workspace=EMPTY, lock=None) -> Plan:
    """The plan of a workflow with these steps."""
    return plan_of_text(f"workflow test {{\n{header}\n{steps}\n}}\n", workspace, lock)


def plan_of_text(text: str, workspace=EMPTY, lock=None) -> Plan:
    """The plan of the first workflow of a text."""
    graphs = {one.name.text: build(one)[0] for one in parsed(text).workflows}
    return lower(next(iter(graphs.values())), Source("test.flow", text), workspace, lock, graphs)


def edges(graph: Graph, name: str):
    """The edges of a step as (source, on), the case's number in place of `case`, and `*` behind those of a star."""
    node = next(scope.nodes[name] for scope in graph.scopes if name in scope.nodes)
    return [
        (edge.source, f"case {edge.case}" if edge.on == "case" else edge.on, *("*" for _ in range(edge.star)))
        for edge in node.edges
    ]
