"""Every switch with its cases read, for the rules that ask which values they take."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.uses import Site, Use, uses
from headgate.expressions import tree
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context


class ReadCase(NamedTuple):
    """One case with a condition; `root` is None when it cannot be read."""

    case: ast.Case
    root: tree.Node | None


class ReadSwitch(NamedTuple):
    node: Node
    site: Site
    cases: tuple[ReadCase, ...]

    @property
    def otherwise(self) -> bool:
        """It has an `else`."""
        return len(self.cases) < len(self.node.step.cases)


def switches(context: Context) -> Iterator[ReadSwitch]:
    """The switches of which every item was understood, in the order of the text."""
    found: dict[int, list[Use]] = {}
    for use in uses(context.graph):
        if use.site.sort == "case" and use.site.node is not None and use.site.node.kind == "switch":
            found.setdefault(id(use.site.node), []).append(use)
    for group in found.values():
        node = group[0].site.node
        assert node is not None, "it was asked for"
        by_place = {use.template.span: use for use in group}
        conditions = [case for case in node.step.cases if case.condition is not None]
        if node.step.broken or node.dangling:
            continue
        cases = tuple(ReadCase(case, _root(by_place, case)) for case in conditions)
        yield ReadSwitch(node, group[0].site, cases)


def _root(by_place: dict[Span, Use], case: ast.Case) -> tree.Node | None:
    assert case.condition is not None, "it has a condition"
    use = by_place.get(case.condition.span)
    return None if use is None or use.expression is None else use.expression.root
