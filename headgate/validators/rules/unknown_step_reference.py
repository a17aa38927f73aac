"""HG201: a read of a step that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.uses import uses
from headgate.diagnostics import Severity
from headgate.expressions import tree
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import Read, loops_around, loops_with, reads, step_reads, suggestion, visible_steps


def check(context: Context) -> Iterator[Finding]:
    for read in step_reads(context):
        scope = read.site.scope
        if scope is None:
            continue  # HG209 says that no step can be read there
        if len(read.segments) == 1 or read.segments[1].number is not None:
            continue
        name = read.segments[1].name
        known = scope.find(name) is not None or name in context.workflow.lost or loops_with(context.graph, name)
        if not known:
            yield _unknown(context, read, name, visible_steps(scope))
    yield from _unnamed(context)
    yield from _previous(context)


def _unknown(context: Context, read: Read, name: str, candidates: tuple[str, ...]) -> Finding:
    said, fixes = suggestion(name, candidates, read.place(1))
    workflow = context.workflow.name.text
    return RULE.finding(
        f"workflow `{workflow}` has no step `{name}`; {said}", read.place(1), note="no such step", fixes=fixes
    )


def _unnamed(context: Context) -> Iterator[Finding]:
    """`steps` alone, or `steps[computed]`: nothing can be proved of it, and it orders nothing."""
    for use in uses(context.graph):
        if use.expression is None or use.site.scope is None:
            continue
        for node in tree.nodes(use.expression.root):
            if not isinstance(node, tree.Path) or node.segments[0].name != "steps":
                continue
            if len(node.segments) == 1 or node.segments[1].number is not None:
                start = use.template.inner.start
                first = node.segments[0]
                yield RULE.finding(
                    "`steps` needs the name of a step, as `steps.NAME`: what is computed cannot be checked or ordered",
                    Span(start + first.start, start + first.end),
                    note="no step is named",
                )


def _previous(context: Context) -> Iterator[Finding]:
    """`previous.ID` names a step of the `repeat` around it."""
    for read in reads(context):
        if read.segments[0].name != "previous" or "previous" not in read.site.names or len(read.segments) == 1:
            continue
        name = read.segments[1].name
        loop = next((loop for loop in loops_around(read.site.scope) if loop.kind == "repeat"), None)
        if loop is None or loop.body is None or name in loop.body.nodes or name in context.workflow.lost:
            continue
        said, fixes = suggestion(name, tuple(loop.body.nodes), read.place(1))
        message = f"the loop `{loop.name}` has no step `{name}` in it; {said}"
        yield RULE.finding(message, read.place(1), note="no such step in the loop", fixes=fixes)


RULE = Rule(
    code="HG201",
    name="unknown-step-reference",
    severity=Severity.ERROR,
    summary="a template or a Lua script reads a step that does not exist",
    explanation="""\
`steps.NAME` names a step of the same workflow: of the same level, of a level around it, or of the same round of a loop.
The step has to be written out, because the read also says what runs first.""",
    wrong="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set { order = {{ steps.fetched.result.body }} }
}
""",
    right="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set { order = {{ steps.fetch.result.body }} }
}
""",
    check=check,
)
