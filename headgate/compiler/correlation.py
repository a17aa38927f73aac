"""Whether the conditions on the way of a run may depend on each other, so that the run may be one that cannot happen.

Two switches over one value do not choose freely, and a condition on how a step ended knows of it. Nothing is evaluated
here: where two conditions of a run look at the same value, it is not proved, and no error should rest on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TypeAlias

from headgate.compiler.graph import Graph, Node
from headgate.compiler.outcomes import UNTAKEN
from headgate.compiler.paths import CounterRun
from headgate.compiler.references import holder_in
from headgate.compiler.sorting import reach
from headgate.compiler.uses import uses
from headgate.expressions import tree
from headgate.expressions.evaluated import paths

Looked: TypeAlias = tuple[str, ...]
"""A path as its names: what a condition looks at."""

DERIVING = frozenset({"set", "lua"})
"""Kinds whose result depends on nothing but what they read."""

_DEEPEST = 4
_WHOLE = ("inputs",)


def may_be_ruled_out(graph: Graph, run: CounterRun, guards: Iterable[tree.Node] = (), *, asked: str = "") -> bool:
    """Whether two conditions of a run, or one and the end of a step, may belong together.

    `guards` are conditions of the reading itself; `asked` is the attribute that reads: a `when` does not guard itself.
    """
    seen: list[set[Looked]] = [_followed(graph, looked) for looked in _conditions(graph, run, asked)]
    guarding = {tuple(segment.name for segment in path.segments) for guard in guards for path in paths(guard)}
    if guarding:
        seen.append(_followed(graph, guarding))
    decided = _decided(run)
    exact: set[Looked] = set()
    beginnings: set[Looked] = set()
    for one in seen:
        if any(path[0] == "steps" and len(path) > 1 and path[1] in decided for path in one):
            return True
        own = {path[:end] for path in one for end in range(1, len(path) + 1)}
        if not one.isdisjoint(beginnings) or not own.isdisjoint(exact):
            return True
        exact |= one
        beginnings |= own
    return False


def is_looked_at(graph: Graph, node: Node, path: Looked) -> bool:
    """Whether a condition on the way to a step, or its own `when`, looks at a value or at a part of it."""
    written = _written(graph)
    here: Node | None = node
    while here is not None:
        nodes = here.scope.nodes
        before: dict[str, list[str]] = {name: [edge.source for edge in one.edges] for name, one in nodes.items()}
        for name in reach([here.name], before):
            for looked in _looked(written, nodes[name], {"when", "case", "over", "while"}):
                if any(one[: len(path)] == path or path[: len(one)] == one for one in looked):
                    return True
        here = here.scope.loop
    return False


def _decided(run: CounterRun) -> set[str]:
    """The steps whose end makes the run what it is: the source, switches, and what did not complete."""
    found = {run.source.name}
    for node in run.nodes:
        way = run.way(node)
        completed = run.facts.stages[run.facts.position[node.name]].own.completed
        if node is not run.target and way is not None and (node.kind == "switch" or not way.end & completed):
            found.add(node.name)
    return found


def _conditions(graph: Graph, run: CounterRun, asked: str) -> Iterator[set[Looked]]:
    """What each condition that the run depends on looks at, one set a step."""
    written = _written(graph)
    for node in run.nodes:
        way = run.way(node)
        assert way is not None, "it matters"
        names = {"case"} if node.kind == "switch" and node is not run.target else set()
        if node is run.target:
            names |= {"when"} if node is not run.reader or asked not in ("when", "case") else set()
        elif way.optional or not way.end & UNTAKEN:
            names |= {"when"}
        yield from _looked(written, node, names)
    yield from _inside(graph, run, asked)


def _inside(graph: Graph, run: CounterRun, asked: str) -> Iterator[set[Looked]]:
    """The conditions of bodies on the way to a reader inside them, and what decides how often they run."""
    written = _written(graph)
    node = run.reader
    while node is not run.target:
        scope, loop = node.scope, node.scope.loop
        if loop is None:
            return
        before: dict[str, list[str]] = {name: [edge.source for edge in one.edges] for name, one in scope.nodes.items()}
        for name in reach([node.name], before):
            names = {"when", "case"} if name != node.name else {"when"} - {asked}
            yield from _looked(written, scope.nodes[name], names)
        yield from _looked(written, loop, {"over", "while", ""})
        node = loop


def _looked(written: Mapping[int, list[tuple[str, Looked]]], node: Node, names: set[str]) -> Iterator[set[Looked]]:
    found = {path for name, path in written.get(id(node), ()) if name in names}
    if found:
        yield found


def _followed(graph: Graph, looked: set[Looked]) -> set[Looked]:
    """The paths, and those from which steps that only compute made them."""
    written = _written(graph)
    found, open_paths = set(looked), set(looked)
    for _ in range(_DEEPEST):
        names = {path[1] for path in open_paths if path[0] == "steps" and len(path) > 1}
        nodes = [node for scope in graph.scopes for name in names if (node := scope.nodes.get(name)) is not None]
        more = {path for node in nodes if node.kind in DERIVING for _, path in written.get(id(node), ())}
        more |= {_WHOLE for node in nodes if node.kind == "lua"}
        open_paths = more - found
        found |= more
        if not open_paths:
            break
    return found


@lru_cache(maxsize=4)
def _written(graph: Graph) -> Mapping[int, list[tuple[str, Looked]]]:
    """By the `id` of a node, every path of its templates with the attribute it stands in, and the steps it reads."""
    found: dict[int, list[tuple[str, Looked]]] = {}
    for use in uses(graph):
        node = use.site.node
        if node is None or use.expression is None or use.site.sort == "gate":
            continue
        attribute = "case" if use.site.sort == "case" else use.site.attribute
        for reference in use.expression.references:
            names = tuple(segment.name for segment in reference.segments)
            found.setdefault(id(node), []).append((attribute, names))
    for scope in graph.scopes:
        for node in scope.nodes.values():
            if node.kind == "lua":
                reads = [read for read in node.references if holder_in(node, scope) is node]
                paths_read = [("script", ("steps", read.source, *read.segments)) for read in reads]
                found.setdefault(id(node), []).extend(paths_read)
    return found
