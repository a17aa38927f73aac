"""What an expression may use: filters and tests with what each takes, and how tightly operators bind."""

from __future__ import annotations

from types import MappingProxyType

from headgate.records import NamedTuple


class Signature(NamedTuple):
    """`parameters` in order; the first `required` must be given. `extra` takes any number of further ones."""

    parameters: tuple[str, ...] = ()
    required: int = 0
    extra: bool = False


FILTERS = MappingProxyType(
    {
        "abs": Signature(),
        "default": Signature(("default_value", "boolean")),
        "first": Signature(),
        "float": Signature(("default",)),
        "format": Signature(extra=True),
        "int": Signature(("default", "base")),
        "join": Signature(("d", "attribute")),
        "last": Signature(),
        "length": Signature(),
        "lower": Signature(),
        "map": Signature(("attribute", "default"), extra=True),
        "max": Signature(("case_sensitive", "attribute")),
        "min": Signature(("case_sensitive", "attribute")),
        "omit": Signature(),
        "reject": Signature(("test",), extra=True),
        "replace": Signature(("old", "new", "count"), required=2),
        "round": Signature(("precision", "method")),
        "select": Signature(("test",), extra=True),
        "slice": Signature(("slices", "fill_with"), required=1),
        "sort": Signature(("reverse", "case_sensitive", "attribute")),
        "split": Signature(("separator",)),
        "string": Signature(),
        "sum": Signature(("attribute", "start")),
        "title": Signature(),
        "tojson": Signature(("indent",)),
        "trim": Signature(("chars",)),
        "unique": Signature(("case_sensitive", "attribute")),
        "upper": Signature(),
    }
)

TESTS = MappingProxyType(
    {
        "defined": 0,
        "none": 0,
        "in": 1,
        "string": 0,
        "number": 0,
        "boolean": 0,
        "mapping": 0,
    }
)
"""What may follow `is`, and how many arguments each takes."""

COMPARISONS = MappingProxyType(
    {
        "eq": "==",
        "equalto": "==",
        "==": "==",
        "ne": "!=",
        "!=": "!=",
        "lt": "<",
        "lessthan": "<",
        "<": "<",
        "le": "<=",
        "<=": "<=",
        "gt": ">",
        "greaterthan": ">",
        ">": ">",
        "ge": ">=",
        ">=": ">=",
    }
)
"""What `select` and `reject` take beside the tests, and the operator each stands for."""

UNMAPPABLE = frozenset({"default", "omit", "map", "select", "reject"})
"""Filters that say nothing about one item, so that `map` does not take them."""

OR, AND, NOT, COMPARE, SUM, CONCATENATION, PRODUCT, POWER = range(1, 9)
LEVELS = MappingProxyType(
    {
        "or": OR,
        "and": AND,
        "~": CONCATENATION,
        "**": POWER,
        **dict.fromkeys(("==", "!=", "<", "<=", ">", ">=", "in", "not"), COMPARE),
        **dict.fromkeys(("+", "-"), SUM),
        **dict.fromkeys(("*", "/", "//", "%"), PRODUCT),
    }
)
"""How tightly each operator binds."""
