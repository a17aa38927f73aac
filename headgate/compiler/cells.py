"""Cells: the places in which a value rests between two templates, and which of them a path reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.compiler.graph import Graph, Node
from headgate.compiler.uses import Site, item_name
from headgate.expressions import Segment
from headgate.records import NamedTuple

TRIGGER, INPUT, VAR, SECRET = "trigger", "input", "var", "secret"
ITEM, RESULT, SENT, OUTPUT = "item", "result", "sent", "output"
WHOLE = ""
"""The field that stands for a result as a whole, and the trigger that stands for whichever started the run."""

_OURS = frozenset({"at", "name"})


class Cell(NamedTuple):
    """`sort` is `trigger`, `input`, `var`, `secret`, `item` (of a loop), `result`, `sent` (a step's input) or `output`.

    `name` is that of the workflow's part. `field` is one field of the result of a `set` or a `call`, else `""`.
    """

    graph: Graph
    sort: str
    name: str
    node: Node | None = None
    field: str = WHOLE


def result_cell(graph: Graph, node: Node, field: str = WHOLE) -> Cell:
    return Cell(graph, RESULT, node.name, node, field)


class Cells:
    """Which cells the paths of one file's workflows read. `graphs` are its workflows by name."""

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self.graphs = graphs
        self._fields: dict[Node, frozenset[str]] = {}

    def read(self, graph: Graph, segments: tuple[Segment, ...], site: Site, trigger: str = WHOLE) -> Iterator[Cell]:
        """The cells that a path reads at a site; `trigger` is the one that the site belongs to."""
        root, rest = segments[0].name, segments[1:]
        match root:
            case "steps":
                node = site.scope.find(rest[0].name) if rest and site.scope is not None else None
                if node is not None:
                    yield from self._step(graph, node, rest[1:])
            case "inputs":
                names = [one.name.text for one in graph.workflow.inputs]
                yield from (Cell(graph, INPUT, name) for name in names if not rest or rest[0].name == name)
            case "vars":
                names = [let.name.text for let in graph.workflow.lets]
                yield from (Cell(graph, VAR, name) for name in names if not rest or rest[0].name == name)
            case "trigger":
                if not rest or rest[0].name not in _OURS:
                    yield Cell(graph, TRIGGER, trigger)
            case "secrets":
                if rest:
                    yield Cell(graph, SECRET, rest[0].name)
            case "previous":
                yield from self._previous(graph, site, rest)
            case "event":
                if site.node is not None:
                    yield result_cell(graph, site.node)
            case _:
                yield from self._item(graph, root, site)

    def fields(self, node: Node) -> frozenset[str]:
        """The fields of a result that are told apart, none where it counts as one."""
        found = self._fields.get(node)
        if found is None:
            found = self._fields[node] = frozenset(self._named(node))
        return found

    def called(self, node: Node) -> Graph | None:
        """The workflow of this file that a `call` starts and waits for."""
        if node.kind != "call":
            return None
        return self.graphs.get(node.written.word("workflow") or "")

    def _named(self, node: Node) -> Iterator[str]:
        if node.kind == "set":
            said = node.written
            yield from (name for name in said.attributes if name not in said.common.attributes)
        child = self.called(node)
        if child is not None:
            yield from (entry.key.text for output in child.workflow.outputs for entry in output.entries)

    def _step(self, graph: Graph, node: Node, rest: tuple[Segment, ...]) -> Iterator[Cell]:
        part = rest[0].name if rest else "result"
        if part == "result":
            yield from self._result(graph, node, rest[1:])
        elif part == "input":
            yield Cell(graph, SENT, node.name, node)

    def _result(self, graph: Graph, node: Node, rest: tuple[Segment, ...]) -> Iterator[Cell]:
        """The cell of a part of a result: through the loops that hold it, as far as it is written out."""
        names = [segment.name for segment in rest]
        inner: Node | None = None
        if node.body is not None and len(rest) > 1 and names[0] == "last":
            inner, rest = node.body.nodes.get(names[1]), rest[2:]
        elif node.body is not None and len(rest) > 3 and names[0] == "results" and names[2] == "result":
            inner, rest = node.body.nodes.get(names[3]), rest[4:]
        if inner is not None:
            yield from self._result(graph, inner, rest)
        else:
            field = names[0] if names and names[0] in self.fields(node) else WHOLE
            yield result_cell(graph, node, field)

    def _previous(self, graph: Graph, site: Site, rest: tuple[Segment, ...]) -> Iterator[Cell]:
        for loop in _loops(site):
            if loop.kind == "repeat" and loop.body is not None:
                names = [rest[0].name] if rest else list(loop.body.nodes)
                for node in (loop.body.nodes[name] for name in names if name in loop.body.nodes):
                    yield from self._result(graph, node, rest[1:])
                return

    def _item(self, graph: Graph, name: str, site: Site) -> Iterator[Cell]:
        for loop in _loops(site):
            if item_name(loop.step) == name:
                yield Cell(graph, ITEM, loop.name, loop)
                return


def _loops(site: Site) -> Iterator[Node]:
    scope = site.scope
    while scope is not None and scope.loop is not None:
        yield scope.loop
        scope = scope.parent
