"""Which paths of an expression go on in its value as text that anybody may have written.

A number, a boolean, one of a few written values and a date say no more than what they are: a path of such a type, or
under an operator or filter that makes one, goes no further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from headgate.compiler.types import BOOLEAN, LIST, MAP, NULL, NUMBER, TEXT, Type
from headgate.expressions import tree

Narrow: TypeAlias = Callable[[tree.Node], bool]

_TO_NUMBER = frozenset({"abs", "float", "int", "length", "round", "sum"})
_FALLBACK = frozenset({"float", "int"})
_ARITHMETIC = frozenset({"-", "/", "//", "**"})


def is_narrow(type_: Type) -> bool:
    """Whether every value of a type is a number, a boolean, null, one of a few texts or a date, through and through."""
    if not type_.kinds or not type_.kinds <= {NULL, BOOLEAN, NUMBER, TEXT, LIST, MAP}:
        return False
    if TEXT in type_.kinds and type_.members is None and not type_.date:
        return False
    if LIST in type_.kinds and (type_.items is None or not is_narrow(type_.items)):
        return False
    return MAP not in type_.kinds or (type_.closed and all(is_narrow(field) for field in type_.fields.values()))


def carried(root: tree.Node, narrow: Narrow) -> Iterator[tree.Path]:
    """The paths whose values go on in the value of an expression, in the order of the text.

    What only decides (a condition, a key that is looked up) does not; `narrow` says of a path or lookup that its type
    clears it.
    """
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        if isinstance(node, tree.Path | tree.Index) and narrow(node):
            continue
        if isinstance(node, tree.Path):
            yield node
        open_nodes.extend(reversed(_parts(node)))


def _parts(node: tree.Node) -> tuple[tree.Node, ...]:
    """The parts of a node whose values go on in its own."""
    match node:
        case tree.Compare() | tree.Test() | tree.Unary() | tree.Const() | tree.Path():
            return ()
        case tree.Binary():
            return () if node.operator in _ARITHMETIC else (node.left, node.right)
        case tree.Filter():
            given = (*node.arguments, *(keyword.value for keyword in node.keywords))
            if node.name in _TO_NUMBER:
                return given if node.name in _FALLBACK else ()
            return (node.target, *given)
        case tree.Conditional():
            return (node.then,) if node.otherwise is None else (node.then, node.otherwise)
        case tree.Index() | tree.Slice():
            return (node.target,)
        case _:
            return tree.children(node)
