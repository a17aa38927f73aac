"""Edges that change nothing: what already waits for a step, whatever becomes of it."""

from __future__ import annotations

from headgate.compiler.approvals import disabled
from headgate.compiler.graph import GraphEdge, Node, Scope

MOST_STEPS = 10_000
"""The largest scope whose closure is made: bit sets grow with the square of the steps."""

_FARTHEST = 64


class Implied:
    """Which steps stand behind which in one scope of at most `MOST_STEPS` steps.

    `a` stands behind `b` when a failure or a denial of `a` always keeps `b` from running, and when `b` always has its
    turn once `a` has completed, unless a failure or a denial keeps it from running. Then a step that waits for `b` and
    for `a` waits for `b` alone just the same.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._certain: set[str] = set()
        self._behind: dict[str, int] = {}
        for name in scope.order:
            node = scope.nodes[name]
            self._behind[name] = self._closure(node)
            if self._is_certain(node):
                self._certain.add(name)

    def redundant(self, node: Node) -> list[tuple[GraphEdge, GraphEdge]]:
        """The plain `after` edges of a step that another of its edges implies, each with that one."""
        if node.join != "all" or node.dangling or node.stars or any(edge.origin == "case" for edge in node.control):
            return []
        read = {read.source for read in node.references}
        found = []
        for edge in node.control:
            if edge.on != "completed" or edge.source in read:
                continue
            bit = 1 << self._scope.nodes[edge.source].index
            waits = (one for one in node.control if one.on in ("completed", "finished") and one.source != edge.source)
            other = next((one for one in waits if self._behind.get(one.source, 0) & bit), None)
            if other is not None:
                found.append((edge, other))
        return found

    def _closure(self, node: Node) -> int:
        if node.join != "all" or node.dangling or node.stars or _has_condition(node):
            return 0
        found = 0
        for edge in node.edges:
            if edge.on == "completed" and all(self._there(read, edge) for read in self._needs(node)):
                found |= self._behind.get(edge.source, 0) | 1 << self._scope.nodes[edge.source].index
        return found

    def _needs(self, node: Node) -> set[str]:
        return {read.source for read in node.references if not read.soft}

    def _there(self, source: str, edge: GraphEdge) -> bool:
        """Whether a result is there once an edge is live: its own, one it hangs on alone, or one that never lacks."""
        if source in self._certain:
            return True
        name: str | None = edge.source
        for _ in range(_FARTHEST):
            if name is None or disabled(self._scope.nodes[name]):
                return False
            if name == source:
                return True
            edges = [one for one in self._scope.nodes[name].edges if one.on != "read"]
            name = edges[0].source if len(edges) == 1 and edges[0].on == "completed" else None
        return False

    def _is_certain(self, node: Node) -> bool:
        """Whether a step has its turn in every run in which nothing fails and nobody denies."""
        if _has_condition(node) or disabled(node) or node.dangling or node.stars:
            return False
        if not self._needs(node) <= self._certain:
            return False
        control = [edge for edge in node.edges if edge.on != "read"]
        return not control or any(edge.on == "completed" and edge.source in self._certain for edge in control)


def _has_condition(node: Node) -> bool:
    return any(one.name.text == "when" for one in node.step.attributes)
