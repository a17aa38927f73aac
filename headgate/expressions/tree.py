"""An expression as a tree of its own, with the exact place of every part: nothing here knows Jinja2.

Offsets count code points of the expression's text, the one between `{{` and `}}`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from headgate.records import NamedTuple


class ExpressionError(Exception):
    """An expression that cannot be read.

    `start` and `end` are offsets into its text, `code` is HG207 or HG208. `replacement` is what the place should hold
    instead, when that is certain, else None.
    """

    def __init__(self, message: str, start: int, end: int, code: str = "HG208", replacement: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.start = start
        self.end = end
        self.code = code
        self.replacement = replacement


class Segment(NamedTuple):
    """One link of a path. For `.a` and `["a"]` the offsets are those of `a`; `number` is set for a number instead."""

    name: str
    start: int
    end: int
    number: int | None = None

    @property
    def key(self) -> str | int:
        """What the data is looked up by."""
        return self.name if self.number is None else self.number


class Const(NamedTuple):
    value: None | bool | int | float | str
    start: int
    end: int


class Path(NamedTuple):
    """A name and the links after it that are written out: `steps.a.result["x y"][0]`."""

    segments: tuple[Segment, ...]
    start: int
    end: int


class Index(NamedTuple):
    """A lookup in something that is no written-out path, or by something that is computed."""

    target: Node
    key: Node
    start: int
    end: int


class Slice(NamedTuple):
    target: Node
    low: Node | None
    high: Node | None
    step: Node | None
    start: int
    end: int


class Keyword(NamedTuple):
    name: str
    value: Node
    start: int
    end: int


class Filter(NamedTuple):
    """`target | name(arguments, keywords)`; `name_start` is the offset of the name."""

    target: Node
    name: str
    name_start: int
    arguments: tuple[Node, ...]
    keywords: tuple[Keyword, ...]
    start: int
    end: int


class Test(NamedTuple):
    """`target is name`, or `is not` when `negated`."""

    target: Node
    name: str
    name_start: int
    arguments: tuple[Node, ...]
    negated: bool
    start: int
    end: int


class Operation(NamedTuple):
    """One comparison: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` or `not in`."""

    operator: str
    operand: Node


class Compare(NamedTuple):
    """`first` compared along a chain, as `a < b < c`."""

    first: Node
    operations: tuple[Operation, ...]
    start: int
    end: int


class Binary(NamedTuple):
    """`+ - * / // % ** ~`."""

    operator: str
    left: Node
    right: Node
    start: int
    end: int


class Unary(NamedTuple):
    """`-`, `+` or `not`."""

    operator: str
    operand: Node
    start: int
    end: int


class Logic(NamedTuple):
    """`and` or `or`."""

    operator: str
    left: Node
    right: Node
    start: int
    end: int


class Conditional(NamedTuple):
    """`then if condition else otherwise`."""

    condition: Node
    then: Node
    otherwise: Node | None
    start: int
    end: int


class ListOf(NamedTuple):
    items: tuple[Node, ...]
    start: int
    end: int


class MapOf(NamedTuple):
    pairs: tuple[tuple[Node, Node], ...]
    start: int
    end: int


Node: TypeAlias = (
    Const | Path | Index | Slice | Filter | Test | Compare | Binary | Unary | Logic | Conditional | ListOf | MapOf
)


class Reference(NamedTuple):
    """One written-out path.

    `defaulted` is true where a missing link is allowed for: under `default`, `omit` or `is defined`.
    """

    segments: tuple[Segment, ...]
    defaulted: bool
    start: int
    end: int

    @property
    def root(self) -> str:
        return self.segments[0].name


class Expression(NamedTuple):
    """A parsed expression. `references` are in the order of the text."""

    text: str
    root: Node
    references: tuple[Reference, ...]


LITERALS = {"true": True, "True": True, "false": False, "False": False, "none": None, "None": None, "null": None}
KEYWORDS = frozenset({"and", "or", "not", "if", "else", "in", "is"})
"""Words that are no names."""

TOLERANT_FILTERS = frozenset({"default", "omit"})
TOLERANT_TESTS = frozenset({"defined"})


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in the order of the text."""
    match node:
        case Const() | Path():
            return ()
        case Index():
            return (node.target, node.key)
        case Slice():
            return tuple(part for part in (node.target, node.low, node.high, node.step) if part is not None)
        case Filter():
            return (node.target, *node.arguments, *(keyword.value for keyword in node.keywords))
        case Test():
            return (node.target, *node.arguments)
        case Compare():
            return (node.first, *(operation.operand for operation in node.operations))
        case Binary() | Logic():
            return (node.left, node.right)
        case Unary():
            return (node.operand,)
        case Conditional():
            parts = (node.then, node.condition)
            return parts if node.otherwise is None else (*parts, node.otherwise)
        case ListOf():
            return node.items
        case MapOf():
            return tuple(part for pair in node.pairs for part in pair)


def nodes(root: Node) -> Iterator[Node]:
    """Every node of a tree, a node before its parts, in the order of the text."""
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        yield node
        open_nodes.extend(reversed(children(node)))


def references(root: Node) -> tuple[Reference, ...]:
    """Every written-out path of a tree, in the order of the text."""
    found: list[Reference] = []
    open_nodes = [(root, False)]
    while open_nodes:
        node, defaulted = open_nodes.pop()
        if isinstance(node, Path):
            found.append(Reference(node.segments, defaulted, node.start, node.end))
            continue
        parts = children(node)
        tolerant = (isinstance(node, Filter) and node.name in TOLERANT_FILTERS) or (
            isinstance(node, Test) and node.name in TOLERANT_TESTS
        )
        open_nodes.extend((part, defaulted or (tolerant and at == 0)) for at, part in reversed([*enumerate(parts)]))
    return tuple(found)
