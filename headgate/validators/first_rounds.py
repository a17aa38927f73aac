"""Reads of the round before that the first round of a `repeat` does not survive: there, every step of it is null."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.uses import uses
from headgate.expressions.evaluated import lookups
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context

_TESTS = frozenset({"when", "until", "while"})


class FirstRound(NamedTuple):
    """A field of `previous.STEP` that is read whatever round it is: `reader` fails in the first.

    `alone` says that its template holds nothing else.
    """

    reader: str
    path: str
    step: str
    span: Span
    alone: bool


def fail_in_the_first(context: Context) -> Iterator[FirstRound]:
    """Every such read, of steps that nothing keeps from running in the first round."""
    if "previous" not in context.source.text:
        return
    for use in uses(context.graph):
        node = use.site.node
        if use.expression is None or node is None or "previous" not in use.site.names:
            continue
        if use.site.attribute in _TESTS or node.written.get("when") is not None or _is_switched_to(node):
            continue  # what decides by the round is known to its author
        scope = use.site.scope
        start = use.template.inner.start
        for lookup in lookups(use.expression.root):
            segments = lookup.path.segments
            if segments[0].name != "previous" or len(segments) < 3 or lookup.guards or lookup.instead_of:
                continue
            if scope is not None and scope.find(segments[1].name) is not None:  # else HG201 speaks of it
                span = Span(start + lookup.path.start, start + lookup.path.end)
                alone = lookup.path is use.expression.root
                said = ".".join(segment.name for segment in segments)
                yield FirstRound(node.name, said, segments[1].name, span, alone)


def _is_switched_to(node: Node) -> bool:
    """Whether a case leads to a step: it may be for later rounds only."""
    return any(edge.on in ("case", "else") for edge in node.edges)
