"""The passes that find an order, or the rings that stand against one, and where a run starts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from itertools import pairwise

from headgate.compiler.graph import Graph, GraphEdge, Node, Ring, Scope
from headgate.grammar import ast
from headgate.plan import ENTRY


def sort_scopes(graph: Graph) -> None:
    """Fill `order`, `rings` and `roots` of every scope: one Kahn pass each, the file's order where it is free."""
    for scope in graph.scopes:
        scope.roots = tuple(node.name for node in scope.nodes.values() if node.is_root)
        scope.order = _order(scope)
        if len(scope.order) < len(scope.nodes):
            scope.rings = _rings(scope)


def _order(scope: Scope) -> tuple[str, ...]:
    nodes = list(scope.nodes.values())
    waiting = [0] * len(nodes)
    following: list[list[int]] = [[] for _ in nodes]
    for node in nodes:
        for source in {edge.source for edge in node.edges}:
            following[scope.nodes[source].index].append(node.index)
            waiting[node.index] += 1
    ready = [node.index for node in nodes if not waiting[node.index]]
    heapify(ready)
    order: list[str] = []
    while ready:
        index = heappop(ready)
        order.append(nodes[index].name)
        for follower in following[index]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heappush(ready, follower)
    return tuple(order)


def _rings(scope: Scope) -> tuple[Ring, ...]:
    """One ring, the shortest through its first step, for each knot of steps that wait for each other."""
    import networkx as nx

    sorted_names = set(scope.order)
    graph: nx.DiGraph[str] = nx.DiGraph()
    edges: dict[tuple[str, str], GraphEdge] = {}
    for node in scope.nodes.values():
        for edge in node.edges:
            if edge.source not in sorted_names and node.name not in sorted_names:
                edges.setdefault((edge.source, node.name), edge)
                graph.add_edge(edge.source, node.name)
    knots = [knot for knot in nx.strongly_connected_components(graph) if len(knot) > 1]
    found = []
    for knot in sorted(knots, key=lambda names: min(scope.nodes[name].index for name in names)):
        first = min(knot, key=lambda name: scope.nodes[name].index)
        found.append(Ring(_ring(first, knot, edges)))
    return tuple(found)


def _ring(first: str, knot: set[str], edges: dict[tuple[str, str], GraphEdge]) -> tuple[GraphEdge, ...]:
    following: dict[str, list[str]] = {name: [] for name in knot}
    for source, target in edges:
        if source in knot and target in knot:
            following[source].append(target)
    came_from: dict[str, str] = {}
    queue = deque([first])
    while queue:
        name = queue.popleft()
        for follower in following[name]:
            if follower == first:
                path = [name]
                while path[-1] != first:
                    path.append(came_from[path[-1]])
                path.reverse()
                stops = [*path, first]
                return tuple(edges[pair] for pair in pairwise(stops))
            if follower not in came_from:
                came_from[follower] = name
                queue.append(follower)
    raise AssertionError("every step of a knot lies on a ring")


def find_entry(graph: Graph) -> None:
    """Fill `entry` and `reachable`. What hangs on a name that leads nowhere, or on a ring, counts as reachable: it has
    a finding of its own.
    """
    scope = graph.scope
    written = entry_attribute(graph.workflow)
    starts: list[Node] = [scope.nodes[name] for name in scope.roots]
    if isinstance(written, ast.Word):
        named = scope.nodes.get(written.text)
        graph.entry = None if named is None else named.name
        starts = starts if named is None else [named]
    elif len(scope.roots) == 1:
        graph.entry = scope.roots[0]
    else:
        graph.entry = ENTRY if scope.roots else None
    sorted_names = set(scope.order)
    starts += [node for node in scope.nodes.values() if node.dangling or node.name not in sorted_names]
    graph.reachable = frozenset(_reach(scope, [node.name for node in starts]))


def entry_attribute(workflow: ast.Workflow) -> ast.Value | None:
    """The value of `entry`, None when it is not written."""
    return next((attribute.value for attribute in workflow.attributes if attribute.name.text == "entry"), None)


def _reach(scope: Scope, starts: list[str]) -> set[str]:
    following: dict[str, list[str]] = {name: [] for name in scope.nodes}
    for node in scope.nodes.values():
        for edge in node.edges:
            following[edge.source].append(node.name)
    return reach(starts, following)


def reach(starts: Iterable[str], following: Mapping[str, list[str]]) -> set[str]:
    """The steps from which one starts, and all that follow them in any number of steps."""
    found = set(starts)
    open_names = list(found)
    while open_names:
        for name in following[open_names.pop()]:
            if name not in found:
                found.add(name)
                open_names.append(name)
    return found
