"""HG004: a name that hides another one in templates, or that templates cannot read."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node, Scope
from headgate.diagnostics import Fix, Label, Severity
from headgate.grammar import ast
from headgate.grammar.tokens import WORDS
from headgate.source import Span
from headgate.validators.renaming import FreeNames, Readers, places_of_item, places_of_step, readers, renamed
from headgate.validators.rule import Context, Finding, Rule

ROOTS = frozenset(
    {
        *("inputs", "vars", "steps", "trigger", "run", "secrets", "failure", "previous", "iteration", "index"),
        *("none", "null", "true", "false", "and", "or", "not", "in", "is", "if", "else"),
    }
)


def check(context: Context) -> Iterator[Finding]:
    steps = [step for step in context.steps if step.name.text in ROOTS or step.name.text.startswith("_")]
    items = list(_hiding(context.graph.scope, {}))
    if not steps and not items:
        return
    found = readers(context)
    free = FreeNames({step.name.text for step in context.steps} | ROOTS)
    for step in steps:
        yield _step(context, step, found, free)
    for loop, what, place in items:
        yield _item(loop, (what, place), found, free)


def _step(context: Context, step: ast.Step, found: Readers, free: FreeNames) -> Finding:
    name, node = step.name.text, context.graph.node(step)
    bare = name.lstrip("_") or "step"
    wanted = f"{bare}_step" if name in ROOTS or bare in WORDS else bare
    fixes: tuple[Fix, ...] = ()
    if node is not None:
        places = places_of_step(context.workflow, node, found)
        fixes = (renamed(places, free.take(wanted, f"{bare}_step")),)
    if name in ROOTS:
        return RULE.finding(
            f"the step `{name}` is called like a name that templates have already; expected another name",
            step.name.span,
            note=f"`{{{{ {name} }}}}` is not this step",
            advice=f"rename it; as it is, only `steps.{name}` is this step",
            fixes=fixes,
        )
    return RULE.finding(
        f"no template can read the step `{name}`: names that start with `_` are private",
        step.name.span,
        advice="call it by a name that starts with a letter",
        fixes=fixes,
    )


def _hiding(scope: Scope, outer: dict[str, ast.Name]) -> Iterator[tuple[Node, str, Span | None]]:
    """The loops whose `as` name could be taken for a step or for an `as` name around it: what it hides, and where."""
    for node in scope.nodes.values():
        if node.body is None:
            continue
        name, around = node.step.as_name, outer
        if name is not None:
            hidden = node.body.find(name.text)
            if hidden is not None:
                yield node, "a step", hidden.step.name.span
            elif name.text in outer:
                yield node, "the `as` name of the loop around it", outer[name.text].span
            elif name.text in ROOTS:
                yield node, f"`{name.text}`, which templates have already", None
            around = {**outer, name.text: name}
        yield from _hiding(node.body, around)


def _item(loop: Node, hides: tuple[str, Span | None], found: Readers, free: FreeNames) -> Finding:
    what, place = hides
    name = loop.step.as_name
    assert name is not None, "only named items hide something"
    wanted = f"{name.text}_item"
    fix = renamed(places_of_item(loop, found), free.take(wanted, wanted))
    return RULE.finding(
        f"`as {name.text}` hides {what}; expected a name of its own",
        name.span,
        labels=(Label(place, "this one"),) if place else (),
        advice="rename the item, for example after what the list holds",
        fixes=(fix,),
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
