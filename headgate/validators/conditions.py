"""Conditions that are never true or false, loops over what is never a list: facts for the rule about wrong values."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler import types
from headgate.compiler.uses import Site, uses
from headgate.source import Span
from headgate.validators.rule import Context
from headgate.validators.templates import inference_of

_OF_A_LOOP = frozenset({"until", "while"})
_SAID = {
    types.NULL: "null",
    types.BOOLEAN: "true or false",
    types.NUMBER: "a number",
    types.TEXT: "text",
    types.LIST: "a list",
    types.MAP: "a map",
}


def never_boolean(context: Context) -> Iterator[tuple[str, Span]]:
    """A sentence and a place for each condition whose type is known and not boolean: it would fail its step."""
    inference = inference_of(context)
    for use in uses(context.graph):
        if use.expression is None or not _is_condition(use.site):
            continue
        kind = inference.type_of(use.expression.root, use.site)
        if not kind.may_be(types.BOOLEAN):
            name = "a case" if use.site.sort == "case" else f"`{use.site.attribute}`"
            yield f"{name} expects a condition, true or false; this is {_shown(kind)}", use.template.span


def never_a_list(context: Context) -> Iterator[tuple[str, Span]]:
    """A sentence and a place for each `each` whose `over` has a known type that is no list: it would fail."""
    inference = inference_of(context)
    for use in uses(context.graph):
        node = use.site.node
        if (
            use.expression is None
            or node is None
            or node.kind != "each"
            or node.written.get("over") is not use.template
        ):
            continue
        kind = inference.type_of(use.expression.root, use.site)
        if not kind.may_be(types.LIST):
            yield f"`over` of `{node.name}` expects a list; this is {_shown(kind)}", use.template.span


def _shown(kind: types.Type) -> str:
    return " or ".join(_SAID[one] for one in sorted(kind.kinds))


def _is_condition(site: Site) -> bool:
    """Whether a value decides something: `until` is a time in a `delay`, and a name like any other in a `set`."""
    if site.sort == "case":
        return True
    if site.sort != "step" or site.step is None:
        return False
    return site.attribute == "when" or (site.attribute in _OF_A_LOOP and site.step.kind.text == "repeat")
