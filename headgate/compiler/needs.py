"""Which results a step cannot do without: read without a default whenever it runs to its end."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from headgate.compiler.graph import Graph, Node
from headgate.compiler.uses import Use, uses
from headgate.expressions.evaluated import lookups
from headgate.expressions.tree import Segment

LENIENT = frozenset({("finish", "output")})
"""Where a part is null that comes from a step which did not run."""

LATER = frozenset({("wait", "match")})
"""What is evaluated only when something has come from outside."""


@lru_cache(maxsize=4)
def needs(graph: Graph) -> Mapping[int, frozenset[Node]]:
    """By the `id` of a node, the steps of its own scope without whose results it never completes.

    Not those that it reads in a script, under a condition, in the body of a loop or in a case behind the first.
    """
    found: dict[int, set[Node]] = {}
    asked: set[int] = set()
    for use in uses(graph):
        node = use.site.node
        if node is None or use.expression is None or not _always_evaluated(use, asked):
            continue
        for lookup in lookups(use.expression.root):
            source = result_read(lookup.path.segments, use)
            if source is None or lookup.guards or lookup.instead_of:
                continue
            if source.scope is node.scope and source is not node:
                found.setdefault(id(node), set()).add(source)
    return {key: frozenset(nodes) for key, nodes in found.items()}


def result_read(segments: tuple[Segment, ...], use: Use) -> Node | None:
    """The step whose result a path looks up, None for any other path."""
    if len(segments) < 3 or segments[0].name != "steps" or segments[2].name != "result" or use.site.scope is None:
        return None
    return use.site.scope.find(segments[1].name)


def _always_evaluated(use: Use, asked: set[int]) -> bool:
    """Whether a template is evaluated whenever its step completes; of a switch's cases only the first is."""
    site, node = use.site, use.site.node
    assert node is not None, "it was asked of a step's template"
    if site.sort == "case":
        first = id(node) not in asked
        asked.add(id(node))
        return first
    return (node.kind, site.attribute) not in LENIENT | LATER
