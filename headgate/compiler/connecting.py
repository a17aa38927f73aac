"""The pass that follows `after` and `->`."""

from __future__ import annotations

from headgate.compiler.graph import STAR, Dangling, Graph, GraphEdge, Node
from headgate.grammar import ast


def connect(graph: Graph) -> None:
    """Fill `control`, `stars` and `dangling` from what is written."""
    for scope in graph.scopes:
        for node in scope.nodes.values():
            for edge in node.step.edges:
                _after(node, edge)
        for node in scope.nodes.values():
            number = 0
            for case in node.step.cases:
                _case(node, case, number)
                number += case.condition is not None


def _after(node: Node, edge: ast.Edge) -> None:
    name = edge.target.text
    if name == STAR:
        node.stars.append(edge)
    elif name in node.scope.nodes and name != node.name:
        node.control.append(GraphEdge(name, node.name, edge.on, edge.target.span, "after"))
    else:
        node.dangling.append(Dangling(name, edge.target.span, "after", _why(node, name)))


def _case(node: Node, case: ast.Case, number: int) -> None:
    name = case.target.text
    target = node.scope.nodes.get(name)
    if target is None or target is node:
        node.dangling.append(Dangling(name, case.target.span, "case", _why(node, name)))
        return
    on = "else" if case.condition is None else "case"
    target.control.append(
        GraphEdge(node.name, name, on, case.target.span, "case", None if case.condition is None else number)
    )


def _why(node: Node, name: str) -> str:
    if name == node.name:
        return "self"
    if node.scope.find(name) is not None or (node.body is not None and name in node.body.nodes):
        return "outside"
    return "unknown"
