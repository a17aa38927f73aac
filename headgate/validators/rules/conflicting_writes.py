"""HG505: two steps that may run at the same time and do the same thing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from headgate.compiler.graph import Node, Scope
from headgate.compiler.overlap import MOST_STEPS, TooManyStepsError, overlap_of
from headgate.compiler.places import nested_templates
from headgate.compiler.uses import item_name
from headgate.compiler.written import Written
from headgate.diagnostics import Label, Severity
from headgate.expressions import ExpressionError, parse
from headgate.grammar import ast
from headgate.kinds import SAFE
from headgate.validators.questions import acts
from headgate.validators.rule import Context, Finding, NotChecked, Rule

_SAYS = {
    "mcp": ("instance", "server_url", "tool", "args"),
    "http": ("method", "url", "query", "body"),
    "memory": ("action", "text", "namespace"),
}
_OF_A_LOOP = frozenset({"index", "previous", "iteration"})
_MOST_ALIKE = 50
"""Of how many steps that do the same each pair is looked at."""


def check(context: Context) -> Iterator[Finding]:
    alike: dict[tuple[object, ...], list[Node]] = {}
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            if node.kind in _SAYS and not node.step.broken and acts(node) and _repeats(context, node):
                alike.setdefault(_write(context.said(node.step), node), []).append(node)
    found = [nodes for nodes in alike.values() if len(nodes) > 1 or nodes[0].scope.loop is not None]
    try:
        for nodes in found:
            yield from _among(context, nodes[:_MOST_ALIKE])
    except TooManyStepsError:
        yield NotChecked(f"there are more than {MOST_STEPS:,} steps", found[0][0].step.name.span)


def _repeats(context: Context, node: Node) -> bool:
    """Whether doing it twice is not doing it once."""
    if node.kind == "memory":
        return context.said(node.step).word("action") == "put"
    effect = context.effect(node)
    return effect.reversibility != SAFE and not effect.idempotent


def _write(said: Written, node: Node) -> tuple[object, ...]:
    """What is written, where, and under which key; what depends on a loop's names is another thing in another loop."""
    values = tuple(_meaning(said.get(name)) for name in (*_SAYS[node.kind], "idempotency_key"))
    return (node.kind, *values, id(node.scope) if _of_its_loop(node) else None)


def _meaning(value: ast.Value | None) -> object:
    """A value without its places."""
    match value:
        case None | ast.Null():
            return None
        case ast.Template():
            return ("template", " ".join(value.expression.split()))
        case ast.Text():
            return ("text", *(part.text if isinstance(part, ast.Literal) else _meaning(part) for part in value.parts))
        case ast.Number() | ast.Boolean():
            return (type(value).__name__, value.value)
        case ast.List():
            return ("list", *map(_meaning, value.items))
        case ast.Map():
            return ("map", frozenset((entry.key.text, _meaning(entry.value)) for entry in value.entries))
        case ast.Word():
            return ("text", value.text)
        case _:
            return ("other", value)


def _of_its_loop(node: Node) -> bool:
    """Whether a step in a loop says something else for another item or round."""
    names = set(_OF_A_LOOP)
    inside: set[str] = set()
    scope: Scope | None = node.scope
    while scope is not None and scope.loop is not None:
        names.add(item_name(scope.loop.step) or "")
        inside.update(scope.nodes)
        scope = scope.parent
    for template in nested_templates(node.step) if inside else ():
        try:
            references = parse(template.expression).references
        except ExpressionError:
            return True
        for reference in references:
            path = [segment.name for segment in reference.segments[:2]]
            if path[0] in names or (path[0] == "steps" and (len(path) == 1 or path[1] in inside)):
                return True
    return False


def _among(context: Context, nodes: list[Node]) -> Iterator[Finding]:
    """The first pair of steps that do the same and may overlap, or a step whose own items do."""
    overlap = overlap_of(context.graph)
    for one, other in combinations(nodes, 2):
        if overlap.may_overlap(one, other) and not _has_other_condition(one, other):
            yield _finding(one, other)
            return
    for node in nodes:
        if node.scope.loop is not None and overlap.may_overlap(node, node) and not _of_its_loop(node):
            yield _finding(node, node)
            return


def _has_other_condition(one: Node, other: Node) -> bool:
    """Whether each has a `when`, and not the same: they may exclude each other."""
    conditions = [node.written.get("when") for node in (one, other)]
    return None not in conditions and _meaning(conditions[0]) != _meaning(conditions[1])


def _finding(one: Node, other: Node) -> Finding:
    if one is other:
        return RULE.finding(
            f"every item writes the same: `{one.name}` reads nothing of the item, and items run side by side",
            one.step.name.span,
            note="the same for each item",
            advice="use the item in its arguments, or put the step behind the loop",
        )
    return RULE.finding(
        f"`{other.name}` and `{one.name}` may run at the same time and write the same by the same arguments",
        other.step.name.span,
        note="the same write",
        labels=(Label(one.step.name.span, "and this one"),),
        advice=f"order them with `after {one.name}`, or take one away",
    )


RULE = Rule(
    code="HG505",
    name="conflicting-writes",
    severity=Severity.WARNING,
    summary="two steps that may overlap and write the same thing by the same arguments",
    explanation="""\
Steps without an edge or a reference between them run side by side. When two of them call the same tool, or send the
same request, with the same arguments, one of them is too much, or they get into each other's way. Steps on different
cases of a switch, and on different outcomes of a step, never overlap, and neither may those whose `when` differs; items
of an `each` do, unless its `concurrency` is 1. What is safe, or idempotent, may be done twice.""",
    wrong="""\
workflow order {
  input id: string
  step look = http GET "https://shop.example.com/orders/{{ inputs.id }}"
  step pack = http POST "https://shop.example.com/labels" after look { body = { order = {{ inputs.id }} } }
  step send = http POST "https://shop.example.com/labels" after look { body = { order = {{ inputs.id }} } }
}
""",
    right="""\
workflow order {
  input id: string
  step look = http GET "https://shop.example.com/orders/{{ inputs.id }}"
  step pack = http POST "https://shop.example.com/labels" after look { body = { order = {{ inputs.id }} } }
  step send = http POST "https://shop.example.com/parcels" after pack { body = { order = {{ inputs.id }} } }
}
""",
    check=check,
)
