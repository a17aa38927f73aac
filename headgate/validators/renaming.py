"""Every place that names one thing, for fixes that rename it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from headgate.compiler.graph import Node, Scope
from headgate.compiler.uses import item_name
from headgate.diagnostics import Edit, Fix, Safety
from headgate.expressions import Segment
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context
from headgate.validators.scripts import read_scripts
from headgate.validators.templates import Read, loops_around, reads, step_reads


class Readers(NamedTuple):
    """The reads of a workflow: of `steps.NAME` and `previous.NAME` by that name, of everything by its first name.

    `named` are the places of edges and cases, by the `id` of the scope and the name of the step.
    """

    of_steps: Mapping[str, list[Read]]
    by_root: Mapping[str, list[Read]]
    named: Mapping[tuple[int, str], list[Span]]


def readers(context: Context) -> Readers:
    """All reads, in templates and scripts."""
    of_steps: dict[str, list[Read]] = {}
    by_root: dict[str, list[Read]] = {}
    for read in (*reads(context), *_in_scripts(context)):
        by_root.setdefault(read.segments[0].name, []).append(read)
    previous = (read for read in by_root.get("previous", ()) if len(read.segments) > 1)
    for read in (*step_reads(context), *previous):
        if len(read.segments) > 1:
            of_steps.setdefault(read.segments[1].name, []).append(read)
    named: dict[tuple[int, str], list[Span]] = {}
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            targets = [edge.target for edge in node.step.edges] + [case.target for case in node.step.cases]
            for target in targets:
                named.setdefault((id(scope), target.text), []).append(target.span)
    return Readers(of_steps, by_root, named)


def _in_scripts(context: Context) -> Iterator[Read]:
    for script in read_scripts(context):
        for found in script.names.reads:
            first = found.links[0]
            yield Read((Segment(first.name, first.start, first.end),), script.site, script.offset)


class FreeNames:
    """Hands out names that nothing has yet, each once."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def take(self, wanted: str, otherwise: str) -> str:
        """`wanted`, or when that is taken `otherwise` with the first number that is free."""
        name, number = wanted, self._numbers.get(otherwise, 2)
        while name in self._taken:
            name, number = f"{otherwise}_{number}", number + 1
        self._numbers[otherwise] = number
        self._taken.add(name)
        return name


def renamed(places: Iterable[Span], name: str) -> Fix:
    """The fix that writes `name` at every place."""
    edits = tuple(Edit(place, name) for place in dict.fromkeys(places))
    return Fix(f"rename it `{name}`", Safety.UNSAFE, edits)


def places_of_step(workflow: ast.Workflow, node: Node, found: Readers) -> Iterator[Span]:
    """A step's own name, then every edge, case and reference that names it, and `entry`."""
    yield node.step.name.span
    yield from found.named.get((id(node.scope), node.name), ())
    for read in found.of_steps.get(node.name, ()):
        if _means(read, node):
            yield read.place(1)
    for attribute in workflow.attributes if node.scope.loop is None else ():
        value = attribute.value
        if attribute.name.text == "entry" and isinstance(value, ast.Word) and value.text == node.name:
            yield value.span


def _means(read: Read, node: Node) -> bool:
    """Whether `steps.NAME` or `previous.NAME` is this very step where it is read."""
    scope = read.site.scope
    if read.segments[0].name == "previous":
        return any(loop.body is node.scope for loop in loops_around(scope))
    return scope is not None and scope.find(node.name) is node


def places_of_item(loop: Node, found: Readers) -> Iterator[Span]:
    """The `as` name of a loop, then every read of it in the loop's body."""
    name = item_name(loop.step)
    if loop.step.as_name is not None:
        yield loop.step.as_name.span
    for read in found.by_root.get(name or "", ()):
        if _is_item_of(loop, name, read.site.scope):
            yield read.place(0)


def _is_item_of(loop: Node, name: str | None, scope: Scope | None) -> bool:
    """Whether a name, read in a scope, is the item of this very loop and not of one inside it."""
    around = (one for one in loops_around(scope) if item_name(one.step) == name)
    return next(around, None) is loop
