"""The passes over a graph, in their order, each with the reason for its place."""

from __future__ import annotations

from collections.abc import Callable

from headgate.compiler.connecting import connect
from headgate.compiler.graph import Graph
from headgate.compiler.ordering import expand_stars, settle_edges
from headgate.compiler.references import find_reads
from headgate.compiler.sorting import find_entry, sort_scopes
from headgate.records import NamedTuple


class Pass(NamedTuple):
    """`reason` says why it stands where it does. `run` adds facts to the graph and finds nothing wrong."""

    name: str
    reason: str
    run: Callable[[Graph], None]


PASSES = (
    Pass("connect", "first: it needs only the names, and every other pass reads the control edges", connect),
    Pass("reads", "before the stars, which leave out what follows a step by a reference, too", find_reads),
    Pass("stars", "after all written edges, before they are settled, because a star is a control edge", expand_stars),
    Pass("edges", "once control edges are whole: whether a step has one decides what its reads count as", settle_edges),
    Pass("sort", "needs the settled edges; a star could make no ring, all else could", sort_scopes),
    Pass("entry", "last: the roots are known, and what hangs on a ring is not reported as unreachable", find_entry),
)


def analyse(graph: Graph) -> Graph:
    """The graph with every fact that rules and `lower` read."""
    for one in PASSES:
        one.run(graph)
    return graph
