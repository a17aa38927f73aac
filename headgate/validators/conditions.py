"""Conditions that can never be true or false: a fact for the rule about wrong values."""

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
            shown = " or ".join(_SAID[one] for one in sorted(kind.kinds))
            name = "a case" if use.site.sort == "case" else f"`{use.site.attribute}`"
            yield f"{name} expects a condition, true or false; this is {shown}", use.template.span


def _is_condition(site: Site) -> bool:
    """Whether a value decides something: `until` is a time in a `delay`, and a name like any other in a `set`."""
    if site.sort == "case":
        return True
    if site.sort != "step" or site.step is None:
        return False
    return site.attribute == "when" or (site.attribute in _OF_A_LOOP and site.step.kind.text == "repeat")
