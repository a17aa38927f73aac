"""HG003: two things of one name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headgate.compiler.places import within
from headgate.compiler.written import Said
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.edits import without_item
from headgate.validators.renaming import FreeNames, renamed
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import values


def check(context: Context) -> Iterator[Finding]:
    workflow = context.workflow
    if context.is_first:
        yield from _named("workflows", (one.name for one in context.file.workflows))
    yield from _named("inputs", (one.name for one in workflow.inputs))
    yield from _named("`let`s", (one.name for one in workflow.lets))
    yield from _named("triggers", (one.name for one in workflow.triggers))
    free = FreeNames(step.name.text for step in context.steps)
    for scope in context.graph.scopes:
        for twice in scope.duplicates:
            yield _finding("steps", twice.step.name, twice.first.name, free)
    yield from _outputs(workflow)
    for step in context.steps:
        yield from _elses(context.source.text, step)
    for block in context.blocks:
        for said in block.written.repeated:
            first = block.written.attributes[said.name]
            yield _repeated(context.source.text, said, first)
    for value in values(workflow, context.blocks):
        for inner in within(value):
            if isinstance(inner, ast.Map) and len({entry.key.text for entry in inner.entries}) < len(inner.entries):
                yield from _named("keys of one map", (entry.key for entry in inner.entries))


def _named(sort: str, names: Iterable[ast.Name]) -> Iterator[Finding]:
    seen: dict[str, ast.Name] = {}
    repeated: list[ast.Name] = []
    for name in names:
        if name.text in seen:
            repeated.append(name)
        else:
            seen[name.text] = name
    free = FreeNames(seen)
    for name in repeated:
        yield _finding(sort, name, seen[name.text], free)


def _finding(sort: str, name: ast.Name, first: ast.Name, free: FreeNames) -> Finding:
    fix = renamed([name.span], free.take(name.text, name.text))
    return RULE.finding(
        f"two {sort} are named `{name.text}`; expected a name of its own",
        name.span,
        note="named again here",
        labels=(Label(first.span, "the first stands here"),),
        advice="rename one of them, and what refers to it",
        fixes=(fix,),
    )


def _repeated(text: str, said: Said, first: Said) -> Finding:
    how = "as positional and by name" if first.by_name is None else "twice"
    fixes: tuple[Fix, ...] = ()
    if said.by_name is not None:
        gone = without_item(text, Span(said.by_name.start, said.value.span.end))
        fixes = (Fix("remove the second", Safety.UNSAFE, (Edit(gone, ""),)),)
    return _again(said.name, how, (said.by_name or said.value.span, first.by_name or first.value.span), fixes)


def _again(name: str, how: str, places: tuple[Span, Span], fixes: tuple[Fix, ...]) -> Finding:
    again, first = places
    return RULE.finding(
        f"`{name}` is given {how}; expected it once",
        again,
        note="given again here",
        labels=(Label(first, "the first stands here"),),
        advice="remove one of them",
        fixes=fixes,
    )


def _outputs(workflow: ast.Workflow) -> Iterator[Finding]:
    yield from _named("outputs", (entry.key for output in workflow.outputs for entry in output.entries))


def _elses(text: str, step: ast.Step) -> Iterator[Finding]:
    """One switch has one `else`."""
    elses = [case for case in step.cases if case.condition is None]
    for again in elses[1:]:
        fix = Fix("remove the second", Safety.UNSAFE, (Edit(without_item(text, again.span), ""),))
        yield _again("else", "twice", (again.span, elses[0].span), (fix,))


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
