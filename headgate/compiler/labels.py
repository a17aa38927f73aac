"""Labels: which values come from outside, are secret, or were written by a model, and the way each of them took.

A breadth-first walk from where labels come in, along what reads what: linear in the text, whatever the loops and calls,
and the way to each cell is a shortest one. Types are asked only where a label arrives.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from headgate.compiler.carrying import carried, is_narrow
from headgate.compiler.cells import INPUT, ITEM, OUTPUT, RESULT, SECRET, SENT, VAR, WHOLE, Cell, Cells, result_cell
from headgate.compiler.graph import Graph, Node
from headgate.compiler.inference import Inference, Known
from headgate.compiler.label_sources import MODEL_MADE, UNTRUSTED, Origin, origins, reviewed
from headgate.compiler.places import script_span, templates_in
from headgate.compiler.uses import Site, scripts, sites, uses
from headgate.expressions import Expression, Segment, tree
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span

POSITIONAL = {"each": "over", "http": "url", "fail": "message"}
"""The attribute that a kind's positional with a template fills."""

_ASKED = {"llm": frozenset({"prompt", "system"}), "agent": frozenset({"input", "instructions"})}
_NONE: Mapping[Graph, Inference] = MappingProxyType({})


class Flow(NamedTuple):
    """A label that reached a cell: from `origin`, through the cell of `via`, read at `span` by `reader`."""

    origin: Origin
    cell: Cell
    via: Flow | None = None
    reader: Node | None = None
    span: Span | None = None

    def stages(self) -> list[Flow]:
        """The way from the origin's cell to this one."""
        found: list[Flow] = []
        flow: Flow | None = self
        while flow is not None:
            found.append(flow)
            flow = flow.via
        return found[::-1]


class Read(NamedTuple):
    """A path that is read at a site. `template` is the one that it stands in, None in a script."""

    segments: tuple[Segment, ...]
    site: Site
    span: Span
    template: ast.Template | None


class _Link(NamedTuple):
    """What is in the cell that `read` reads goes into `target`. `asked`: through a model, which writes anew."""

    read: Read | None
    target: Cell
    reader: Node | None
    asked: bool = False


class Arrival(NamedTuple):
    """A labelled value that is read at `span`."""

    flow: Flow
    span: Span


class Labels:
    """The labels of all workflows of a file. `types` are those of workflows for which they are known already."""

    def __init__(self, graphs: Mapping[str, Graph], known: Known, types: Mapping[Graph, Inference] = _NONE) -> None:
        self._graphs = graphs
        self._known = known
        self._cells = Cells(graphs)
        self._known_types = types
        self._types: dict[Graph, Inference] = {}
        self._links: dict[Cell, list[_Link]] = {}
        self._linked: dict[str, dict[Cell, Flow]] = {}
        self._carried: dict[tuple[Span, bool], frozenset[int]] = {}
        self._expressions: dict[Span, Expression] = {}
        self._sent = False
        for graph in graphs.values():
            for use in uses(graph):
                if use.expression is not None:
                    self._expressions[use.template.span] = use.expression
                    self._sent |= any(_of_input(found.segments) for found in use.expression.references)
        for graph in graphs.values():
            self._connect(graph)

    def arrivals(self, graph: Graph, value: ast.Value, site: Site, label: str, trigger: str = WHOLE) -> list[Arrival]:
        """Where a value reads something with a label, in the order of the text: one for each path that goes on."""
        flows = self.flows(label)
        found: list[Arrival] = []
        for read in self._reads(value, site) if flows else ():
            if self._goes_on(graph, read, label):
                cells = self._cells.read(graph, read.segments, site, trigger)
                flow = next((flows[cell] for cell in cells if cell in flows), None)
                if flow is not None:
                    found.append(Arrival(flow, read.span))
        return found

    def flows(self, label: str) -> Mapping[Cell, Flow]:
        """Every cell that a label reaches, with the way it took."""
        if label not in self._linked:
            self._linked[label] = self._spread(label)
        return self._linked[label]

    def cells_read(self, graph: Graph, value: ast.Value, site: Site) -> Iterator[Cell]:
        """The cells that a value shows, whatever their types."""
        for read in self._reads(value, site):
            yield from self._cells.read(graph, read.segments, site)

    def _spread(self, label: str) -> dict[Cell, Flow]:
        found: dict[Cell, Flow] = {}
        starts = [origin for graph in self._graphs.values() for origin in origins(graph, self._known, label)]
        for origin in sorted(starts, key=lambda one: one.doubt):
            waiting = deque([Flow(origin, origin.cell)])
            while waiting:
                flow = waiting.popleft()
                if flow.cell in found:
                    continue
                found[flow.cell] = flow
                for link in self._links.get(flow.cell, ()):
                    if link.target not in found and self._passes(flow.cell, link, label):
                        span = link.read.span if link.read is not None else flow.span
                        waiting.append(Flow(origin, link.target, flow, link.reader, span))
        return found

    def _passes(self, cell: Cell, link: _Link, label: str) -> bool:
        """Whether a label goes along a link: no person looks at it there, and no type clears it."""
        if link.asked and label != UNTRUSTED:
            return False
        if label != SECRET and link.reader is not None and reviewed(link.reader, before=True):
            return False
        if label == SECRET and link.target.sort == SENT:
            return False
        if label != SECRET and link.target.sort == RESULT and link.reader and reviewed(link.reader, before=False):
            return False
        return link.read is None or self._goes_on(cell.graph, link.read, label)

    def _goes_on(self, graph: Graph, read: Read, label: str) -> bool:
        """Whether what a path reads goes on in its value; that a secret has a type does not make it known."""
        secret, template, site = label == SECRET, read.template, read.site
        if template is None:
            return secret or not self._is_narrow(graph, read.segments, site)
        key = (template.span, secret)
        if key not in self._carried:

            def narrow(node: tree.Node) -> bool:
                return not secret and is_narrow(self._inference(graph).type_of(node, site))

            root = self._expressions[template.span].root
            self._carried[key] = frozenset(id(path.segments) for path in carried(root, narrow))
        return id(read.segments) in self._carried[key]

    def _is_narrow(self, graph: Graph, segments: tuple[Segment, ...], site: Site) -> bool:
        found = self._inference(graph).resolve(segments, site)
        return found.broken_at is None and is_narrow(found.type)

    def _inference(self, graph: Graph) -> Inference:
        if graph not in self._types:
            self._types[graph] = self._known_types.get(graph) or Inference(graph, self._known)
        return self._types[graph]

    def _connect(self, graph: Graph) -> None:
        for site, value in sites(graph):
            for part, target, reader, asked in self._targets(graph, site, value):
                self._fill(graph, part, site, _Link(None, target, reader, asked))
        for trigger in graph.workflow.triggers:
            for attribute in trigger.attributes:
                if attribute.name.text == "inputs" and isinstance(attribute.value, ast.Map):
                    for entry in attribute.value.entries:
                        link = _Link(None, Cell(graph, INPUT, entry.key.text), None)
                        self._fill(graph, entry.value, Site("trigger", "inputs", frozenset()), link, trigger.name.text)
        for script in scripts(graph):
            self._script(graph, script.fence, script.site)
        for scope in graph.scopes:
            for node in scope.nodes.values():
                self._gather(graph, node)

    def _fill(self, graph: Graph, value: ast.Value, site: Site, link: _Link, trigger: str = WHOLE) -> None:
        """A link from each cell that a value reads."""
        for read in self._reads(value, site):
            for cell in self._cells.read(graph, read.segments, site, trigger):
                self._link(cell, link._replace(read=read))

    def _link(self, cell: Cell, link: _Link) -> None:
        self._links.setdefault(cell, []).append(link)

    def _gather(self, graph: Graph, node: Node) -> None:
        """What a result is put together from without a template: its fields, a body's results, a child's output."""
        child = self._cells.called(node)
        for field in self._cells.fields(node):
            self._link(result_cell(graph, node, field), _Link(None, result_cell(graph, node), node))
            if child is not None:
                self._link(Cell(child, OUTPUT, field), _Link(None, result_cell(graph, node, field), node))
        if node.body is not None:
            for inner in node.body.nodes.values():
                self._link(result_cell(graph, inner), _Link(None, result_cell(graph, node), node))

    def _targets(
        self, graph: Graph, site: Site, value: ast.Value
    ) -> Iterator[tuple[ast.Value, Cell, Node | None, bool]]:
        """The parts of a value, each with the cell that it fills."""
        node = site.node
        match site.sort:
            case "let":
                yield value, Cell(graph, VAR, site.attribute), None, False
            case "output":
                yield value, Cell(graph, OUTPUT, site.attribute), None, False
            case "step" if node is not None:
                if self._sent:
                    yield value, Cell(graph, SENT, node.name, node), node, False
                yield from self._of_step(graph, node, site.attribute or POSITIONAL.get(node.kind, ""), value)

    def _of_step(
        self, graph: Graph, node: Node, attribute: str, value: ast.Value
    ) -> Iterator[tuple[ast.Value, Cell, Node | None, bool]]:
        child = self._cells.called(node)
        if node.kind == "set" and attribute in self._cells.fields(node):
            yield value, result_cell(graph, node, attribute), node, False
        elif node.kind == "lua" and attribute == "args":
            yield value, result_cell(graph, node), node, False
        elif node.kind == "each" and attribute == "over":
            yield value, Cell(graph, ITEM, node.name, node), node, False
        elif attribute in _ASKED.get(node.kind, ()):
            yield value, result_cell(graph, node), node, True
        elif child is not None and attribute == "inputs" and isinstance(value, ast.Map):
            for entry in value.entries:
                yield entry.value, Cell(child, INPUT, entry.key.text), node, False

    def _reads(self, value: ast.Value, site: Site) -> Iterator[Read]:
        for template in templates_in(value):
            expression, start = self._expressions.get(template.span), template.inner.start
            for found in expression.references if expression is not None else ():
                yield Read(found.segments, site, Span(start + found.start, start + found.end), template)

    def _script(self, graph: Graph, fence: ast.Fence, site: Site) -> None:
        """A script's result is made of all that it reads."""
        from headgate.expressions.lua_names import lua_names

        node = site.node
        if node is None:
            return
        for found in lua_names(fence.text).reads:
            segments = tuple(Segment(link.name, link.start, link.end) for link in found.links)
            place = script_span(fence, found.links[0].start, found.links[-1].end)
            link = _Link(Read(segments, site, place, None), result_cell(graph, node), node)
            for cell in self._cells.read(graph, segments, site):
                self._link(cell, link)


def _of_input(segments: tuple[Segment, ...]) -> bool:
    """Whether a path reads what a step was given."""
    return len(segments) > 2 and segments[0].name == "steps" and segments[2].name == "input"


__all__ = ["MODEL_MADE", "SECRET", "UNTRUSTED", "Arrival", "Flow", "Labels", "Origin", "Read"]
