"""HG603: arguments of an irreversible step that were computed after people had agreed to it."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.approvals import approvals_of, stands_before
from headgate.compiler.decisions import asks
from headgate.compiler.graph import Node, Scope
from headgate.compiler.places import templates_in
from headgate.diagnostics import Label, Severity
from headgate.expressions import ExpressionError, parse
from headgate.grammar import ast
from headgate.kinds import IRREVERSIBLE
from headgate.source import Span
from headgate.validators.questions import action_templates, acts, questions
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.witness import witness

_FARTHEST = 8
"""Through how many steps that only name a value it is followed."""


def check(context: Context) -> Iterator[Finding]:
    if not questions(context.graph):
        return
    asked = _Asked(context)
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            if any(stands_before(gate) for gate in node.step.gates) or not acts(node) or node.kind == "human":
                continue  # a gate covers the input that it shows
            effect = context.effect(node)
            if effect.reversibility == IRREVERSIBLE and effect.source != "inside":
                yield from _stale(context, node, asked)


def _stale(context: Context, node: Node, asked: _Asked) -> Iterator[Finding]:
    said: set[str] = set()
    for template in action_templates(node.step):
        for source, place in _computed(template, node.scope, _FARTHEST, set()):
            if source.name in said or source is node or not asked.since(source, node):
                continue
            said.add(source.name)
            approval = asked.before(source)
            yield RULE.finding(
                f"`{node.name}` is given what `{source.name}` computes after the approval: nobody has agreed to it",
                place,
                note="not known when people were asked",
                labels=() if approval is None else (Label(approval.step.name.span, "asked here"),),
                witness=witness(context.workflow, (*approvals_of(context.graph).path(source), (node, None))),
                advice="compute it before the approval and show it there, or put `gate approval { ... }` into the step",
            )


class _Asked:
    """How often people have been asked on the longest way to a step, and by the time it has completed."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._approvals = approvals_of(context.graph)
        self._start: dict[int, int] = {}
        self._done: dict[int, int] = {}
        for scope in context.graph.scopes:
            self._count(scope)

    def _count(self, scope: Scope) -> None:
        loop = scope.loop
        base = 0 if loop is None else self._start.get(id(loop), 0) + len(loop.step.gates)
        for name in scope.order:
            node = scope.nodes[name]
            before = [self._done.get(id(scope.nodes[edge.source]), 0) for edge in node.edges]
            self._start[id(node)] = max((base, *before))
            self._done[id(node)] = self._start[id(node)] + asks(node) + len(node.step.gates)

    def since(self, source: Node, node: Node) -> bool:
        """Whether `source` certainly acts after an approval, and nobody is asked between it and `node`."""
        if source.kind == "human" or source.step.gates or _asks_inside(source) or not self._approvals.stands(source):
            return False
        if self._context.effect(source).reversibility == IRREVERSIBLE:
            return False  # what it returns comes of what people agreed to
        return self._start.get(id(node), 0) == self._done.get(id(source), -1)

    def before(self, node: Node) -> Node | None:
        """The step that asked last on a way to a step."""
        path = self._approvals.path(node)
        return next((one for one, _ in reversed(path) if asks(one) or one.step.gates), None)


def _asks_inside(node: Node) -> bool:
    return node.body is not None and any(
        asks(one) or one.step.gates or _asks_inside(one) for one in node.body.nodes.values()
    )


def _computed(template: ast.Template, scope: Scope, far: int, seen: set[ast.Template]) -> Iterator[tuple[Node, Span]]:
    """The steps whose results a value is made of, each with the place where it is read; what a `set` step only passes
    on is followed.
    """
    if template in seen:
        return
    seen.add(template)
    try:
        expression = parse(template.expression)
    except ExpressionError:
        return
    for reference in expression.references:
        names = [segment.name for segment in reference.segments]
        source = scope.find(names[1]) if names[0] == "steps" and len(names) > 1 else None
        if source is None or names[2:3] not in ([], ["result"]):
            continue
        place = Span(template.inner.start + reference.start, template.inner.start + reference.end)
        value = _passed_on(source, names[3] if len(names) > 3 else None) if far else None
        if value is None:
            yield source, place
        for inner in templates_in(value) if value is not None else ():
            yield from ((one, place) for one, _ in _computed(inner, source.scope, far - 1, seen))


def _passed_on(source: Node, name: str | None) -> ast.Value | None:
    """The value that a `set` step gives to a name, when it only names it: paths, and texts with paths in them."""
    if source.kind != "set" or name is None:
        return None
    for attribute in source.step.attributes:
        if attribute.name.text == name:
            plain = all(one.expression.replace(".", "").strip().isidentifier() for one in templates_in(attribute.value))
            return attribute.value if plain else None
    return None


RULE = Rule(
    code="HG603",
    name="stale-approval",
    severity=Severity.ERROR,
    summary="the arguments of an irreversible step depend on something computed after the approval",
    explanation="""\
People agree to what they are shown. When an irreversible step is given something that a step between the approval and
it computes, such as a price that is asked for again, nobody has agreed to what really happens. Compute it before the
approval and show it there, or put a gate into the step: a gate covers the input that it shows. What people themselves
answered, what a `set` step only passes on, and what another irreversible step returns do not count.""",
    wrong="""\
workflow refund {
  input lines: list<number>
  step ask = human approval { title = "Refund {{ inputs.lines | length }} lines?" }
  step total = lua after ask ```lua
    local sum = 0
    for _, line in ipairs(inputs.lines) do sum = sum + line end
    return { amount = sum }
  ```
  step refund = http POST "https://shop.example.com/refunds" after total {
    body          = { amount = {{ steps.total.result.amount }} }
    reversibility = irreversible
  }
}
""",
    right="""\
workflow refund {
  input lines: list<number>
  step total = lua ```lua
    local sum = 0
    for _, line in ipairs(inputs.lines) do sum = sum + line end
    return { amount = sum }
  ```
  step ask = human approval { title = "Refund {{ steps.total.result.amount }}?" }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body          = { amount = {{ steps.total.result.amount }} }
    reversibility = irreversible
  }
}
""",
    check=check,
)
