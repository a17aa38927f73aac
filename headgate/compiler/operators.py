"""The types that operators and filters make of other types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from headgate.compiler.types import (
    A_BOOLEAN,
    A_LIST,
    A_NUMBER,
    A_TEXT,
    AN_INTEGER,
    ANY,
    BOOLEAN,
    LIST,
    MAP,
    NULL,
    NUMBER,
    TEXT,
    Type,
    list_of,
    member,
    union,
    without_null,
)

FilterRule: TypeAlias = "Callable[[Type, tuple[Type, ...], Mapping[str, Type]], Type]"


def binary_type(operator: str, left: Type, right: Type) -> Type:
    """The type of `left operator right`, taken that it has a value."""
    match operator:
        case "~":
            return A_TEXT
        case "-" | "//":
            return AN_INTEGER if _whole(left, right) else A_NUMBER
        case "/" | "**":
            return A_NUMBER
        case "%":
            number = AN_INTEGER if _whole(left, right) else A_NUMBER
            return A_TEXT if left.only(TEXT) else number if left.only(NUMBER) else union((A_TEXT, A_NUMBER))
        case "+":
            return _added(left, right)
        case _:
            return _product(left, right)


def _whole(left: Type, right: Type) -> bool:
    return left.only(NUMBER) and right.only(NUMBER) and left.whole and right.whole


def _added(left: Type, right: Type) -> Type:
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
        made.append(AN_INTEGER if _whole(left, right) else A_NUMBER)
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
    return target if target.is_any else without_null(target)


def _mapped(target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
    """`map("upper")` is a filter on each item, `map(attribute = "a.b")` a path into each."""
    if positional:
        name = _text_of(positional[0])
        made = ANY if name is None else filter_type(name, _item(target), positional[1:], named)
        return list_of(made) if not made.is_any else A_LIST
    path = _text_of(named["attribute"]) if "attribute" in named else None
    if path is None or not target.only(LIST):
        return A_LIST
    found: Type | None = target.items or ANY
    for key in path.split("."):
        found = None if found is None else member(found, int(key) if key.isdecimal() else key).type
    if found is None or found.is_any:
        return A_LIST
    return list_of(union((found, named["default"])) if "default" in named else found)


def _text_of(type_: Type) -> str | None:
    """The text that a type is the only value of."""
    if type_.members is None or len(type_.members) != 1:
        return None
    value = type_.members[0]
    return value if isinstance(value, str) else None


def _number_or(number: Type) -> FilterRule:
    """`int` and `float`: a number, or the default they are given for what is none."""

    def rule(target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
        if target.only(NUMBER, BOOLEAN):
            return number
        given = positional[0] if positional else named.get("default")
        return number if given is None else union((number, given))

    return rule


def _default(target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
    """What is missing is replaced; null only when a second argument asks for it."""
    given = positional[0] if positional else named.get("default_value", A_TEXT)
    wide = positional[1] if len(positional) > 1 else named.get("boolean")
    if wide is not None and wide.members == (True,) and not target.only(NULL):
        target = without_null(target)
    return union((target, given))


def _sum(target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
    plain = not positional and not named
    whole = plain and target.only(LIST) and target.items is not None and target.items.whole
    return AN_INTEGER if whole and target.items is not None and target.items.only(NUMBER) else A_NUMBER


def _plain(rule: Callable[[Type], Type]) -> FilterRule:
    def with_arguments(target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
        del positional, named
        return rule(target)

    return with_arguments


def filter_type(name: str, target: Type, positional: tuple[Type, ...], named: Mapping[str, Type]) -> Type:
    """The type of `target | name(positional, named)`, taken that it has a value."""
    rule = _FILTERS.get(name)
    return ANY if rule is None else rule(target, positional, named)


def unary_type(operator: str, operand: Type) -> Type:
    """The type of `not x`, `-x` or `+x`."""
    if operator == "not":
        return A_BOOLEAN
    return AN_INTEGER if operand.only(NUMBER) and operand.whole else A_NUMBER


_FILTERS: Mapping[str, FilterRule] = MappingProxyType(
    {
        **dict.fromkeys(
            ("format", "join", "lower", "replace", "string", "title", "tojson", "trim", "upper"),
            _plain(_always(A_TEXT)),
        ),
        **dict.fromkeys(("first", "last", "max", "min"), _plain(_item)),
        **dict.fromkeys(("reject", "select", "sort", "unique"), _plain(_chosen)),
        "abs": _plain(lambda target: unary_type("-", target)),
        "default": _default,
        "float": _number_or(A_NUMBER),
        "int": _number_or(AN_INTEGER),
        "length": _plain(_always(AN_INTEGER)),
        "map": _mapped,
        "omit": _plain(_kept),
        "round": _plain(_always(A_NUMBER)),
        "slice": _plain(lambda target: A_LIST if target.is_any else list_of(A_LIST)),
        "split": _plain(_always(list_of(A_TEXT))),
        "sum": _sum,
    }
)
