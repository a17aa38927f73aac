"""What the rules about labels share: the labels of a file, the way of one in words, and who agreed to it on the way."""

from __future__ import annotations

from functools import lru_cache

from headgate.compiler.cells import INPUT, RESULT, TRIGGER, VAR, WHOLE, Cell
from headgate.compiler.graph import Graph, Node
from headgate.compiler.inference import Known
from headgate.compiler.labels import Arrival, Labels
from headgate.compiler.paths import surely_completed
from headgate.compiler.uses import Site, sites
from headgate.compiler.written import Written
from headgate.diagnostics import WitnessStep
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.validators.rule import Context
from headgate.validators.templates import OfGraph, inference_of

_APPROVES = frozenset({"approval", "review"})
_SHOWN = frozenset({"title", "body"})


def labels_of(context: Context) -> Labels:
    """The labels of the file's workflows, found once."""
    return _labels(_OfFile(context))


class _OfFile:
    """A context as a key: two are the same when their workflows' graphs are."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OfFile) and self.context.graphs is other.context.graphs

    def __hash__(self) -> int:
        return id(self.context.graphs)


@lru_cache(maxsize=2)
def _labels(key: _OfFile) -> Labels:
    context = key.context
    known = Known(context.workspace, context.lock, context.callees)
    return Labels(context.graphs, known, {context.graph: inference_of(context)})


class Given(NamedTuple):
    """One value that a step is given. `name` is the attribute it fills, `entry` the key under which it stands in it."""

    name: str
    entry: str
    value: ast.Value
    site: Site

    @property
    def said(self) -> str:
        return f"{self.name}.{self.entry}" if self.entry else self.name


def given(context: Context) -> dict[Node, list[Given]]:
    """The values that each step is given, in the order of the text; maps are given by entry."""
    return _given(OfGraph(context))


@lru_cache(maxsize=2)
def _given(key: OfGraph) -> dict[Node, list[Given]]:
    context = key.context
    found: dict[Node, list[Given]] = {}
    for site, value in sites(context.graph):
        node = site.node
        if site.sort != "step" or node is None:
            continue
        name = site.attribute or _positional(context.said(node.step), value)
        if isinstance(value, ast.Map):
            entries = [Given(name, entry.key.text, entry.value, site) for entry in value.entries]
        else:
            entries = [Given(name, "", value, site)]
        found.setdefault(node, []).extend(entries)
    return found


def _positional(written: Written, value: ast.Value) -> str:
    """The attribute that a positional or a fence fills."""
    return next((one.name for one in written.attributes.values() if one.value is value), "")


def way(arrival: Arrival, node: Node | None) -> tuple[WitnessStep, ...]:
    """The stops of a flow: where the label comes in, what it goes through, and the step that it arrives at."""
    origin = arrival.flow.origin
    stops = [WitnessStep(origin.stop, "", origin.span)]
    for flow in arrival.flow.stages():
        name = _name(flow.cell)
        if flow.reader is not None and flow.reader.kind == "call" and flow.span is not None:
            stops.append(WitnessStep(flow.reader.name, "", flow.span))
        if name is not None and name != stops[-1].step and flow.span is not None:
            stops.append(WitnessStep(name, "", flow.span))
    if node is not None and node.name != stops[-1].step:
        stops.append(WitnessStep(node.name, "", arrival.span))
    return tuple(stops)


def _name(cell: Cell) -> str | None:
    """How a cell is called on a path, None for one that says nothing of its own."""
    if cell.sort == INPUT:
        return f"inputs.{cell.name}"
    if cell.sort == VAR:
        return f"vars.{cell.name}"
    return cell.name if cell.sort == RESULT else None


def is_approved(labels: Labels, arrival: Arrival, node: Node | None) -> bool:
    """Whether a person has seen and approved the value on its way, before the step that it arrives at.

    A `human` step agrees to what its question shows, when it certainly stands between that and the next reader.
    """
    stages = arrival.flow.stages()
    readers = [*(stage.reader for stage in stages[1:]), node]
    for at, stage in enumerate(stages):
        graph = stage.cell.graph
        for human in _shown(graph, labels).get(_whole(stage.cell), ()):
            if any(_stands_before(graph, human, reader) for reader in readers[at:]):
                return True
    return False


def _stands_before(graph: Graph, human: Node, reader: Node | None) -> bool:
    if reader is None or reader is human or graph.by_step.get(id(reader.step)) is not reader:
        return False
    return surely_completed(graph, human, reader)


def _whole(cell: Cell) -> Cell:
    """A question that shows one field of a result or of a payload is taken to speak of the others, too."""
    return cell._replace(field=WHOLE, name=WHOLE if cell.sort == TRIGGER else cell.name)


@lru_cache(maxsize=4)
def _shown(graph: Graph, labels: Labels) -> dict[Cell, list[Node]]:
    found: dict[Cell, list[Node]] = {}
    for site, value in sites(graph):
        node = site.node
        if site.sort != "step" or node is None or node.kind != "human" or site.attribute not in _SHOWN:
            continue
        if node.written.word("kind") in _APPROVES:
            for cell in labels.cells_read(graph, value, site):
                askers = found.setdefault(_whole(cell), [])
                if node not in askers:
                    askers.append(node)
    return found
