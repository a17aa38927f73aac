"""HG502: a `repeat` whose condition no round can change."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node, Scope
from headgate.compiler.places import step_templates
from headgate.compiler.uses import item_name
from headgate.diagnostics import Severity
from headgate.expressions import ExpressionError, parse
from headgate.grammar import ast
from headgate.validators.conditions import never_boolean
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import loops_around

_FIXED = frozenset({"inputs", "vars", "trigger", "run", "secrets"})
_PURE = frozenset({"set", "switch"})


def check(context: Context) -> Iterator[Finding]:
    for step in context.steps:
        if step.kind.text != "repeat" or step.broken:
            continue
        node = context.graph.node(step)
        if node is None or node.body is None or node.body.duplicates or context.workflow.broken:
            continue
        tests = [
            (one.name.text, one.value)
            for one in step.attributes
            if one.name.text in ("until", "while") and isinstance(one.value, ast.Template)
        ]
        if tests and not any(_changes(value, node.body, node.body, set()) for _, value in tests):
            finding = _finding(context, node, *tests[0])
            if finding is not None:
                yield finding


def _changes(template: ast.Template, scope: Scope, body: Scope, seen: set[int]) -> bool:
    """Whether what a template reads can be another in another round. What cannot be read changes."""
    try:
        references = parse(template.expression).references
    except ExpressionError:
        return True
    around = {item_name(loop.step) for loop in loops_around(body.parent)}
    for reference in references:
        root = reference.segments[0].name
        if root == "steps":
            source = scope.find(reference.segments[1].name) if len(reference.segments) > 1 else None
            if source is None or source is body.loop or (_inside(source, body) and _varies(source, body, seen)):
                return True
        elif root not in _FIXED and root not in around:
            return True
    return False


def _inside(node: Node, body: Scope) -> bool:
    scope: Scope | None = node.scope
    while scope is not None and scope is not body:
        scope = scope.parent
    return scope is body


def _varies(node: Node, body: Scope, seen: set[int]) -> bool:
    """Whether a step of the body can end otherwise in another round: all that reaches out can, and what reads it."""
    if id(node) in seen:
        return False
    seen.add(id(node))
    if node.kind not in _PURE or node.step.broken:
        return True
    if any(_varies(node.scope.nodes[edge.source], body, seen) for edge in node.edges):
        return True
    return any(_changes(template, node.scope, body, seen) for _, template in step_templates(node.step))


def _finding(context: Context, node: Node, name: str, template: ast.Template) -> Finding | None:
    said = context.said(node.step)
    constant = not parse(template.expression).references
    if constant and said.word("on_max") == "continue":
        return None  # as many rounds as `max` says, and meant so
    if any(span == template.span for _, span in never_boolean(context)):
        return None  # HG007 says that it is no condition
    result = "ends after the first round or not before `max`" if name == "until" else "never starts or ends at `max`"
    return RULE.finding(
        f"`{node.name}` makes no progress: nothing that `{name}` reads changes from round to round",
        template.span,
        note=f"it {result}",
        advice="read a step of the body, `previous` or `iteration` in the condition",
    )


RULE = Rule(
    code="HG502",
    name="no-progress-loop",
    severity=Severity.WARNING,
    summary="a `repeat` whose condition reads nothing that its body changes",
    explanation="""\
`until` is tested after each round and `while` before it. When the condition reads only inputs, constants and steps
outside the loop, or steps of the body that give the same in every round, it is the same in every round: the loop ends
at once, or not before `max`. A loop that is meant to run a fixed number of rounds says so with a constant condition and
`on_max = continue`, or with `iteration`.""",
    wrong="""\
workflow order {
  step look = http GET "https://shop.example.com/orders/1"
  step wait = repeat after look {
    until = {{ steps.look.result.body.ready }}
    max   = 10
    every = 1m
    step ask = http GET "https://shop.example.com/orders/1"
  }
}
""",
    right="""\
workflow order {
  step look = http GET "https://shop.example.com/orders/1"
  step wait = repeat after look {
    until = {{ steps.ask.result.body.ready }}
    max   = 10
    every = 1m
    step ask = http GET "https://shop.example.com/orders/1"
  }
}
""",
    check=check,
)
