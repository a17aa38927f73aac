"""HG501: a loop without a bound, or over it."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Diagnostic, Edit, Fix, Safety, Severity
from headgate.expressions import ExpressionError, parse
from headgate.expressions.tree import ListOf, Path
from headgate.grammar import ast
from headgate.source import Source, Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import Block

_ROUNDS = 10


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        kind = block.written.kind
        if kind is None or block.step is None or block.sort != "step":
            continue
        if kind.name == "repeat" and block.written.get("max") is None and not block.broken:
            yield _repeat(context.source, block, block.step)
        elif kind.name == "each":
            yield from _each(context.source, block, context.workflow)


def _repeat(source: Source, block: Block, step: ast.Step) -> Diagnostic:
    fixes = _written(source, step, "max", _ROUNDS)
    return RULE.finding(
        f"`{step.name.text}` repeats without `max`, so it may never end",
        block.place,
        note="expected `max`, the most rounds",
        fixes=fixes,
    )


def _written(source: Source, step: ast.Step, name: str, value: int) -> tuple[Fix, ...]:
    """The fix that writes a bound as the first attribute of a loop; none for a loop without braces."""
    brace = source.text.find("{", step.head.end, step.span.end)
    if brace < 0:
        return ()
    line_end = source.text.find("\n", brace)
    if 0 <= line_end < step.span.end and not source.text[brace + 1 : line_end].strip():
        indent = " " * (source.position(step.span.start).column + 1)
        text = f"\n{indent}{name} = {value}"
    else:
        text = f" {name} = {value},"
    return (Fix(f"write `{name} = {value}`", Safety.UNSAFE, (Edit(Span(brace + 1, brace + 1), text),)),)


def _each(source: Source, block: Block, workflow: ast.Workflow) -> Iterator[Diagnostic]:
    """A list that is written out, here or in a `let`, and longer than the loop's limit."""
    over, limit = block.written.get("over"), block.written.get("limit")
    known = block.written.known("limit")
    most: object = limit.value if isinstance(limit, ast.Number) else known.default if limit is None and known else None
    length = None if over is None else _length(over, workflow)
    if over is None or length is None or not isinstance(most, int) or length <= most:
        return
    assert block.step is not None, "only steps are loops"
    fixes = _written(source, block.step, "limit", length)
    if isinstance(limit, ast.Number):
        fixes = (Fix(f"write `limit = {length}`", Safety.UNSAFE, (Edit(limit.span, str(length)),)),)
    yield RULE.finding(
        f"the list has {length} items, and the loop's `limit` is {most}: it would fail with `LIMIT_EXCEEDED`",
        limit.span if isinstance(limit, ast.Number) else over.span,
        note="the limit" if isinstance(limit, ast.Number) else "longer than the limit",
        advice=f"raise `limit` to {length}, or shorten the list",
        fixes=fixes,
    )


def _length(value: ast.Value, workflow: ast.Workflow) -> int | None:
    """How many items a list has, None when only a run can tell."""
    if isinstance(value, ast.List):
        return len(value.items)
    if not isinstance(value, ast.Template):
        return None
    try:
        expression = parse(value.expression)
    except ExpressionError:
        return None
    if isinstance(expression.root, ListOf):
        return len(expression.root.items)
    names = [segment.name for reference in expression.references for segment in reference.segments]
    constant = next((let.value for let in workflow.lets if names == ["vars", let.name.text]), None)
    whole = isinstance(expression.root, Path) and constant is not None and not isinstance(constant, ast.Template)
    return _length(constant, workflow) if constant is not None and whole else None


RULE = Rule(
    code="HG501",
    name="unbounded-loop",
    severity=Severity.ERROR,
    summary="a `repeat` without `max`, or an `each` over more items than its limit",
    explanation="""\
Every loop has a bound that stands in the text: `max` rounds of a `repeat`, `limit` items of an `each` (500 unless
written). A condition that never comes true would else repeat, call and pay without end.""",
    wrong="""\
workflow watch {
  step poll = repeat {
    until = {{ steps.ask.result.status == 200 }}
    step ask = http GET "https://shop.example.com/health"
  }
}
""",
    right="""\
workflow watch {
  step poll = repeat {
    until = {{ steps.ask.result.status == 200 }}
    max   = 20
    step ask = http GET "https://shop.example.com/health"
  }
}
""",
    check=check,
)
