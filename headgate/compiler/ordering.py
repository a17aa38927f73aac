"""The passes that settle which edges a step has: `*` expanded, references beside control edges, `join`."""

from __future__ import annotations

from headgate.compiler.graph import Graph, GraphEdge, Node, Scope
from headgate.compiler.sorting import reach
from headgate.grammar import ast

GATED_KINDS = frozenset({"human"})


def expand_stars(graph: Graph) -> None:
    """Replace each `*` by the steps it stands for: those of its scope that do not follow the step itself.

    Catch-alls (`failed *`) leave out every step with a `*` and what follows it; clean-ups (`finished *`) leave out only
    other clean-ups and what follows them, so that a clean-up also waits for the catch-alls. That never makes a ring.
    """
    for scope in graph.scopes:
        holders = [node for node in scope.nodes.values() if node.stars]
        if holders:
            _expand(scope, holders)


def _expand(scope: Scope, holders: list[Node]) -> None:
    following = _followers(scope)
    final = {node.name for node in holders if any(star.on == "finished" for star in node.stars)}
    last = reach(final, following)
    handling = last | reach({node.name for node in holders}, following)
    for node in holders:
        for star in node.stars:
            excluded = last if star.on == "finished" else handling
            node.control.extend(
                GraphEdge(source, node.name, star.on, star.target.span, "after", star=True)
                for source in scope.nodes
                if source not in excluded
            )


def _followers(scope: Scope) -> dict[str, list[str]]:
    following: dict[str, list[str]] = {name: [] for name in scope.nodes}
    for node in scope.nodes.values():
        for edge in node.control:
            following[edge.source].append(node.name)
        for read in node.references:
            following[read.source].append(node.name)
    return following


def settle_edges(graph: Graph) -> None:
    """Fill `edges` and `join`: what the plan says of each step."""
    for scope in graph.scopes:
        for node in scope.nodes.values():
            node.join = _join(node)
            node.edges = _edges(node)


def _join(node: Node) -> str:
    for attribute in node.step.attributes:
        if attribute.name.text == "join" and isinstance(attribute.value, ast.Word):
            return "any" if attribute.value.text == "any" else "all"
    handles = [edge.on in ("failed", "denied") for edge in node.control]
    return "any" if handles and all(handles) else "all"


def _edges(node: Node) -> list[GraphEdge]:
    """Control edges, then a read edge for each step that is read besides; or reads that count as `after`.

    Where a step waits for all its control edges, one of them from the step it reads orders the two already.
    """
    edges: list[GraphEdge] = []
    seen: set[tuple[str, str, int | None]] = set()
    for edge in node.control:
        key = (edge.source, edge.on, edge.case)
        if key not in seen:
            seen.add(key)
            edges.append(edge)
    ordered = {edge.source for edge in edges} if node.join == "all" else set()
    controlled = bool(node.control or node.stars or node.dangling)
    must = node.kind in GATED_KINDS or bool(node.step.gates)
    hard = {read.source for read in node.references if must or not read.soft}
    for read in node.references:
        if read.source in ordered:
            continue
        ordered.add(read.source)
        on = "read" if controlled else "completed" if read.source in hard else "finished"
        edges.append(GraphEdge(read.source, node.name, on, read.span, "reference"))
    return edges
