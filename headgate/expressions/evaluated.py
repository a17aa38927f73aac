"""Which paths an expression looks up for certain, which under a condition, and which only for want of another."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.expressions.tree import TOLERANT_FILTERS, TOLERANT_TESTS, Conditional, Filter, Logic, Node, Path, children
from headgate.expressions.tree import Test as IsTest
from headgate.records import NamedTuple


class Lookup(NamedTuple):
    """One path whose last link must be there when it is looked up: none that stands under `default` or `omit`.

    It is looked up only where its `guards` say so; without any it is looked up whenever the expression is evaluated.
    `instead_of` are the paths of which one led nowhere by then: it stands in the argument of their `default`.
    """

    path: Path
    guards: tuple[Node, ...] = ()
    instead_of: tuple[Path, ...] = ()


def lookups(root: Node) -> tuple[Lookup, ...]:
    """Every such path of an expression, in the order of the text."""
    return tuple(_lookups(root, (), ()))


def _lookups(node: Node, guards: tuple[Node, ...], instead: tuple[Path, ...]) -> Iterator[Lookup]:
    match node:
        case Path():
            yield Lookup(node, guards, instead)
        case Logic():
            yield from _lookups(node.left, guards, instead)
            yield from _lookups(node.right, (*guards, node.left), instead)
        case Conditional():
            inside = (*guards, node.condition)
            yield from _lookups(node.then, inside, instead)
            yield from _lookups(node.condition, guards, instead)
            if node.otherwise is not None:
                yield from _lookups(node.otherwise, inside, instead)
        case Filter() if node.name in TOLERANT_FILTERS:
            arguments = [*node.arguments, *(keyword.value for keyword in node.keywords)]
            if len(arguments) > 1:  # an empty value is replaced, too
                guards = (*guards, node.target)
            else:
                instead = (*instead, *paths(node.target))
            for argument in arguments:
                yield from _lookups(argument, guards, instead)
        case IsTest() if node.name in TOLERANT_TESTS:
            for argument in node.arguments:
                yield from _lookups(argument, guards, instead)
        case _:
            for part in children(node):
                yield from _lookups(part, guards, instead)


def paths(node: Node) -> Iterator[Path]:
    """Every path that is written in an expression."""
    if isinstance(node, Path):
        yield node
    for part in children(node):
        yield from paths(part)
