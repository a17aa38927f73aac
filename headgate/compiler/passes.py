"""The passes over a graph, in their order, each with the reason for its place."""

from __future__ import annotations

from headgate.compiler.graph import Graph


def analyse(graph: Graph) -> Graph:
    """The graph with every fact that rules and `lower` read."""
    return graph
