"""HG003: two things of one name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headgate.compiler.places import within
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import values


def check(context: Context) -> Iterator[Finding]:
    workflow = context.workflow
    if context.is_first:
        yield from _named("workflows", (one.name for one in context.file.workflows))
    yield from _named("inputs", (one.name for one in workflow.inputs))
    yield from _named("`let`s", (one.name for one in workflow.lets))
    yield from _named("triggers", (one.name for one in workflow.triggers))
    for scope in context.graph.scopes:
        for twice in scope.duplicates:
            yield _finding("steps", twice.step.name, twice.first.name)
    yield from _outputs(workflow)
    for step in context.steps:
        yield from _elses(step)
    for block in context.blocks:
        for said in block.written.repeated:
            first = block.written.attributes[said.name]
            yield _repeated(said.name, said.by_name or said.value.span, first.by_name, first.value.span)
    for value in values(workflow, context.blocks):
        for inner in within(value):
            if isinstance(inner, ast.Map) and len({entry.key.text for entry in inner.entries}) < len(inner.entries):
                yield from _named("keys of one map", (entry.key for entry in inner.entries))


def _named(sort: str, names: Iterable[ast.Name]) -> Iterator[Finding]:
    seen: dict[str, ast.Name] = {}
    for name in names:
        if name.text in seen:
            yield _finding(sort, name, seen[name.text])
        else:
            seen[name.text] = name


def _finding(sort: str, name: ast.Name, first: ast.Name) -> Finding:
    fix = Fix(f"rename it `{name.text}_2`", Safety.UNSAFE, (Edit(name.span, f"{name.text}_2"),))
    return RULE.finding(
        f"two {sort} are named `{name.text}`; expected a name of its own",
        name.span,
        note="named again here",
        labels=(Label(first.span, "the first stands here"),),
        advice="rename one of them, and what refers to it",
        fixes=(fix,),
    )


def _repeated(name: str, span: Span, first_name: Span | None, first_value: Span) -> Finding:
    positional = first_name is None
    how = "as positional and by name" if positional else "twice"
    return RULE.finding(
        f"`{name}` is given {how}; expected it once",
        span,
        note="given again here",
        labels=(Label(first_name or first_value, "the first stands here"),),
        advice="remove one of them",
    )


def _outputs(workflow: ast.Workflow) -> Iterator[Finding]:
    yield from _named("outputs", (entry.key for output in workflow.outputs for entry in output.entries))


def _elses(step: ast.Step) -> Iterator[Finding]:
    """One switch has one `else`."""
    elses = [case for case in step.cases if case.condition is None]
    for again in elses[1:]:
        yield _repeated("else", again.span, elses[0].span, elses[0].span)


RULE = Rule(
    code="HG003",
    name="duplicate-name",
    severity=Severity.ERROR,
    summary="two steps, inputs or triggers of one name, or an attribute given twice",
    explanation="""\
A name means one thing: `steps.charge` could not tell two steps apart. Names of steps are unique along a chain of loops:
a step inside a loop may not be called like one around it, while the bodies of two loops may use the same names. An
attribute is given once, as positional or by name.""",
    wrong="""\
workflow order {
  step pick = set { from = 1 }
  step pick = set after pick { box = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
}
""",
    check=check,
)
