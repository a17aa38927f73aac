"""The schedules of a workflow, for the rules about cron expressions."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context
from headgate.validators.values import Block


class Schedule(NamedTuple):
    """A `schedule` trigger with a plain expression. `exact`: its offsets map one to one into the file."""

    block: Block
    expression: str
    value: ast.Text
    exact: bool

    def place(self, start: int, end: int) -> Span:
        """The place in the file of a stretch of the expression, the whole value where that cannot be told."""
        if not self.exact:
            return self.value.span
        first = self.value.span.start + 1
        return Span(first + start, first + end)


def schedules(context: Context) -> Iterator[Schedule]:
    """Every schedule whose expression is a text without templates; HG007 speaks of the others."""
    for block in context.blocks:
        kind, value = block.written.kind, block.written.get("cron")
        if block.sort != "trigger" or kind is None or kind.name != "schedule" or not isinstance(value, ast.Text):
            continue
        expression = value.plain
        if expression is not None:
            written = context.source.text[value.span.start + 1 : value.span.end - 1]
            yield Schedule(block, expression, value, exact=written == expression)
