"""Questions whose answer changes nothing: whatever people decide, the next steps run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from headgate.compiler.decisions import asks, reads_decision
from headgate.compiler.graph import Graph, GraphEdge, Node, Scope
from headgate.compiler.uses import scripts, uses
from headgate.expressions import lua_references


@lru_cache(maxsize=4)
def ignored_denials(graph: Graph) -> Mapping[str, tuple[GraphEdge, ...]]:
    """The approvals whose denial nobody heeds, by name, each with the edges that go on all the same.

    Every step that follows such an approval runs however it is decided: `after finished`, or after either outcome under
    `join = any`; and nobody reads the decision. Clean-ups (`finished *`) are no next steps.
    """
    questions = {node.name: node for scope in graph.scopes for node in scope.nodes.values() if asks(node)}
    found: dict[str, tuple[GraphEdge, ...]] = {}
    for node in questions.values():
        leaving = [edge for edge in _leaving(node) if not edge.star]
        if leaving and all(_goes_on(edge, node.scope) for edge in leaving):
            found[node.name] = tuple(leaving)
    heeded = _heeded(graph, found) if found else frozenset()
    return {name: edges for name, edges in found.items() if name not in heeded}


def _leaving(node: Node) -> Iterator[GraphEdge]:
    for other in node.scope.nodes.values():
        for edge in other.edges:
            if edge.source == node.name and edge.on != "read":
                yield edge


def _goes_on(edge: GraphEdge, scope: Scope) -> bool:
    """Whether the target of an edge runs whatever the edge's source was answered."""
    if edge.on == "finished":
        return edge.origin == "after"
    target = scope.nodes[edge.target]
    outcomes = {one.on for one in target.edges if one.source == edge.source}
    return target.join == "any" and {"completed", "denied"} <= outcomes


def _heeded(graph: Graph, names: Mapping[str, object]) -> frozenset[str]:
    """Those whose decision is read somewhere: by a template, by a script, or with all results of a loop around it."""
    loops = _loops(graph, names)
    read: set[str] = set()
    for use in uses(graph):
        for reference in use.expression.references if use.expression is not None else ():
            path = [segment.name for segment in reference.segments]
            if path[0] == "steps" and len(path) > 1:
                read |= _told(path[1], tuple(path[2:]), loops)
            elif path[0] == "previous":
                read |= set(path[1:2]) if len(path) > 1 else set(names)
    for script in scripts(graph):
        for found in lua_references(script.fence.text):
            read |= _told(found.step, () if found.member is None else (found.member,), loops)
    return frozenset(read)


def _told(step: str, path: tuple[str, ...], loops: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The questions about whose decision a read tells something."""
    inside = loops.get(step, frozenset()) if path[:1] in ((), ("result",)) else frozenset[str]()
    return inside | {step} if reads_decision(path) else inside


def _loops(graph: Graph, names: Mapping[str, object]) -> dict[str, frozenset[str]]:
    """The questions in the body of each loop, at any depth."""
    found: dict[str, frozenset[str]] = {}
    for scope in graph.scopes:
        here = frozenset(name for name in scope.nodes if name in names)
        loop = scope.loop
        while loop is not None and here:
            found[loop.name] = found.get(loop.name, frozenset()) | here
            loop = loop.scope.loop
    return found
