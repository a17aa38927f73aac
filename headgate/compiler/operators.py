"""The types that operators and filters make of other types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from headgate.compiler.types import (
    A_LIST,
    A_NUMBER,
    A_TEXT,
    AN_INTEGER,
    ANY,
    LIST,
    MAP,
    NULL,
    NUMBER,
    TEXT,
    Type,
    list_of,
    union,
)


def binary_type(operator: str, left: Type, right: Type) -> Type:
    """The type of `left operator right`, taken that it has a value."""
    match operator:
        case "~":
            return A_TEXT
        case "-" | "/" | "//" | "**":
            return A_NUMBER
        case "%":
            return A_TEXT if left.only(TEXT) else A_NUMBER if left.only(NUMBER) else union((A_TEXT, A_NUMBER))
        case "+":
            return _sum(left, right)
        case _:
            return _product(left, right)


def _sum(left: Type, right: Type) -> Type:
    common = left.kinds & right.kinds & {NUMBER, TEXT, LIST}
    made: list[Type] = []
    if NUMBER in common:
        made.append(AN_INTEGER if left.whole and right.whole else A_NUMBER)
    if TEXT in common:
        made.append(A_TEXT)
    if LIST in common:
        both = left.items is not None and right.items is not None
        made.append(list_of(union((left.items or ANY, right.items or ANY))) if both else A_LIST)
    return union(made)


def _product(left: Type, right: Type) -> Type:
    made: list[Type] = []
    if NUMBER in left.kinds and NUMBER in right.kinds:
        made.append(A_NUMBER)
    for one, other in ((left, right), (right, left)):
        if NUMBER in other.kinds:
            made += [A_TEXT] if TEXT in one.kinds else []
            made += [A_LIST] if LIST in one.kinds else []
    return union(made)


def _always(type_: Type) -> Callable[[Type], Type]:
    def rule(target: Type) -> Type:
        del target
        return type_

    return rule


def _item(target: Type) -> Type:
    """One of what a filter goes through."""
    if not target.kinds <= {LIST, TEXT, MAP}:
        return ANY
    found: list[Type] = []
    if LIST in target.kinds:
        found.append(target.items or ANY)
    if target.kinds & {TEXT, MAP}:
        found.append(A_TEXT)
    return union(found)


def _chosen(target: Type) -> Type:
    return list_of(_item(target))


def _kept(target: Type) -> Type:
    """`omit`: a null is left out, so that what is left is not null."""
    if target.is_any or target.kinds <= {NULL}:
        return target
    return target._replace(kinds=target.kinds - {NULL})


FILTER_TYPES: Mapping[str, Callable[[Type], Type]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("format", "join", "lower", "replace", "string", "title", "tojson", "trim", "upper"), _always(A_TEXT)
        ),
        **dict.fromkeys(("abs", "round", "sum"), _always(A_NUMBER)),
        **dict.fromkeys(("first", "last", "max", "min"), _item),
        **dict.fromkeys(("reject", "select", "sort", "unique"), _chosen),
        "length": _always(AN_INTEGER),
        "map": _always(A_LIST),
        "omit": _kept,
        "slice": lambda target: list_of(_chosen(target)),
        "split": _always(list_of(A_TEXT)),
    }
)
"""Every filter but `default`, and those whose type depends on an argument: `float`, `int`."""
