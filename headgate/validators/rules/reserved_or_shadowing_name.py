"""HG004: a name that hides another one in templates, or that templates cannot read."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Scope
from headgate.diagnostics import Label, Severity
from headgate.grammar import ast
from headgate.validators.rule import Context, Finding, Rule

ROOTS = frozenset(
    {
        *("inputs", "vars", "steps", "trigger", "run", "secrets", "failure", "previous", "iteration", "index"),
        *("none", "null", "true", "false", "and", "or", "not", "in", "is", "if", "else"),
    }
)


def check(context: Context) -> Iterator[Finding]:
    yield from _steps(context)
    yield from _loops(context.graph.scope, {})


def _steps(context: Context) -> Iterator[Finding]:
    for step in context.steps:
        name = step.name.text
        if name in ROOTS:
            yield RULE.finding(
                f"the step `{name}` is called like a name that templates have already; expected another name",
                step.name.span,
                note=f"`{{{{ {name} }}}}` is not this step",
                advice=f"rename it; as it is, only `steps.{name}` is this step",
            )
        elif name.startswith("_"):
            yield RULE.finding(
                f"no template can read the step `{name}`: names that start with `_` are private",
                step.name.span,
                advice=f"call it `{name.lstrip('_') or 'step'}`",
            )


def _loops(scope: Scope, outer: dict[str, ast.Name]) -> Iterator[Finding]:
    """The `as` names, each against the steps it could be taken for and the `as` names around it."""
    for node in scope.nodes.values():
        if node.body is None:
            continue
        name, around = node.step.as_name, outer
        if name is not None:
            yield from _as_name(name, node.body, outer)
            around = {**outer, name.text: name}
        yield from _loops(node.body, around)


def _as_name(name: ast.Name, body: Scope, outer: dict[str, ast.Name]) -> Iterator[Finding]:
    hidden = body.find(name.text)
    if hidden is not None:
        what, place = "a step", hidden.step.name.span
    elif name.text in outer:
        what, place = "the `as` name of the loop around it", outer[name.text].span
    elif name.text in ROOTS:
        what, place = f"`{name.text}`, which templates have already", None
    else:
        return
    yield RULE.finding(
        f"`as {name.text}` hides {what}; expected a name of its own",
        name.span,
        labels=(Label(place, "this one"),) if place else (),
        advice="rename the item, for example after what the list holds",
    )


RULE = Rule(
    code="HG004",
    name="reserved-or-shadowing-name",
    severity=Severity.WARNING,
    summary="a step called like a name of templates, or an `as` name that hides a step",
    explanation="""\
Templates have names of their own: `inputs`, `vars`, `steps`, `trigger`, `run`, `secrets`, `index` and some more. A step
called like one of them, or an `as` name that hides a step or an outer item, works, but will be misread.""",
    wrong="""\
workflow order {
  step inputs = set { from = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
}
""",
    check=check,
)
