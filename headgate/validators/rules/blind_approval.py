"""HG604: a question that shows nothing of what it approves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from headgate.compiler.decisions import asks
from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.places import nested_templates, script_of, templates_in
from headgate.compiler.uses import item_name
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.expressions import ExpressionError, lua_references, parse
from headgate.grammar import ast
from headgate.kinds import SAFE
from headgate.source import Span
from headgate.validators.questions import Question, action_templates, acts, questions, worth_showing
from headgate.validators.rule import Context, Finding, Rule

_MOST_LOOKED_AT = 200
_MOST_ORIGINS = 64
_ANYTHING = frozenset({("", "")})
"""The origins of what is made of very much: a question about it is not called blind."""

_SHOWN = ("ask", "title", "body")
_GIVEN = frozenset({"inputs", "trigger", "failure", "previous"})

Source: TypeAlias = tuple[str, str]
"""Where a value comes from: `steps`, `inputs` or another name in scope, and the name after it for those two."""


def check(context: Context) -> Iterator[Finding]:
    asked = questions(context.graph)
    if not asked or context.workflow.broken:
        return
    origins = _Origins(context.graph)
    following = _following(context.graph)
    for question in asked:
        steps = [(one, origins.of(_about(one), one.scope)) for one in _approved(context, question, following)]
        steps = [(one, about) for one, about in steps if not all(origins.later(each, question) for each in about)]
        values = [said.value for name in _SHOWN if (said := question.attribute(name))]
        shown = origins.of([one for value in values for one in templates_in(value)], question.node.scope)
        answered = ("steps", question.node.name)
        open_ended = shown >= _ANYTHING or any(about >= _ANYTHING for _, about in steps)
        if steps and not open_ended and not any(answered in about or shown & about for _, about in steps):
            yield _finding(question, steps[0][0], origins)


def _about(node: Node) -> list[ast.Template]:
    """What an action depends on; a loop's with those of its steps."""
    return [*action_templates(node.step), *(one for step in node.step.steps for one in nested_templates(step))]


def _approved(context: Context, question: Question, following: dict[int, list[Node]]) -> Iterator[Node]:
    """The steps with an effect that a question lets run: its own, or the first that follow it before the next one."""
    if question.gate is not None:
        if question.before and context.effect(question.node).reversibility != SAFE:
            yield question.node
        return
    waiting, seen = [question.node], {id(question.node)}
    while waiting and len(seen) < _MOST_LOOKED_AT:
        for node in following.get(id(waiting.pop()), ()):
            if id(node) in seen or asks(node) or node.step.gates or not acts(node):
                continue
            seen.add(id(node))
            written = context.said(node.step).kind
            reaches_out = node.body is not None or (written is not None and written.effect)
            if reaches_out and context.effect(node).reversibility != SAFE:
                yield node
            else:
                waiting.append(node)


def _following(graph: Graph) -> dict[int, list[Node]]:
    found: dict[int, list[Node]] = {}
    for scope in graph.scopes:
        for node in scope.nodes.values():
            for edge in node.edges:
                if edge.on not in ("read", "denied", "failed"):
                    found.setdefault(id(scope.nodes[edge.source]), []).append(node)
    return found


class _Origins:
    """Where values come from in the end: also what the steps are made of that they read."""

    def __init__(self, graph: Graph) -> None:
        self._known: dict[int, frozenset[Source]] = {}
        self._place: dict[int, int] = {}
        for scope in graph.scopes:
            for place, name in enumerate(scope.order):
                node = scope.nodes[name]
                self._place[id(node)] = place
                self._known[id(node)] = self._step(node)

    def later(self, source: Source, question: Question) -> bool:
        """Whether a step that asks cannot show something: the result or an item of a step that comes after it."""
        asking = question.node
        node = asking.scope.find(source[1]) if source[0] in ("steps", "item") else None
        if node is None or node.scope is not asking.scope or node is asking:
            return False
        return self._place.get(id(node), 0) > self._place.get(id(asking), 0)

    def of(self, templates: Iterable[ast.Template], scope: Scope) -> frozenset[Source]:
        """The origins of what templates read in a scope."""
        found: set[Source] = set()
        for template in templates:
            try:
                references = parse(template.expression).references
            except ExpressionError:
                continue
            for reference in references:
                names = [segment.name for segment in reference.segments[:2]]
                found |= self._name(names[0], names[1] if len(names) > 1 else "", scope)
        return frozenset(found) if len(found) <= _MOST_ORIGINS else _ANYTHING

    def _name(self, root: str, name: str, scope: Scope) -> frozenset[Source]:
        if root == "steps":
            source = scope.find(name)
            return frozenset() if source is None else self._known.get(id(source), frozenset()) | {("steps", name)}
        around: Scope | None = scope
        while around is not None and around.loop is not None:
            if root in ("index", item_name(around.loop.step)):
                return self._known.get(id(around.loop), frozenset()) | {("item", around.loop.name)}
            around = around.parent
        return frozenset({(root, name if root == "inputs" else "")}) if root in _GIVEN else frozenset()

    def _step(self, node: Node) -> frozenset[Source]:
        found = set(self.of(action_templates(node.step), node.scope))
        script = script_of(node.step)
        if script is not None:
            for read in lua_references(script.text):
                found |= self._name("steps", read.step, node.scope)
            if "inputs" in script.text:
                found |= {("inputs", one) for one in _words_after(script.text, "inputs")}
        return frozenset(found) if len(found) <= _MOST_ORIGINS else _ANYTHING


def _words_after(text: str, root: str) -> Iterator[str]:
    """The names that a script reads of `root`, `""` for all of it."""
    for part in text.split(root)[1:]:
        name = part[1:].split("\n")[0] if part.startswith(".") else ""
        end = next((at for at, sign in enumerate(name) if not (sign.isalnum() or sign == "_")), len(name))
        yield name[:end]


def _finding(question: Question, approved: Node, origins: _Origins) -> Finding:
    title = question.attribute("ask") or question.attribute("title")
    place = title.value.span if title is not None else question.place
    own = approved is question.node
    return RULE.finding(
        f"{question.called} asks for consent to `{approved.name}` and shows nothing of what it will do",
        place,
        note="the same question for every run",
        labels=() if own else (Label(approved.step.name.span, "lets this run"),),
        advice=_advice(approved),
        fixes=_fixes(question, title, approved, origins),
    )


def _advice(approved: Node) -> str:
    shown = worth_showing(approved.step)
    example = f", for example `{shown[0]}`" if shown else ""
    return f"show what the step depends on in the question{example}"


def _fixes(question: Question, title: ast.Attribute | None, approved: Node, origins: _Origins) -> tuple[Fix, ...]:
    """Show in the question what the action depends on, as far as that is known when people are asked."""
    if title is None or not isinstance(title.value, ast.Text) or title.value.block:
        return ()
    shown = [one for one in worth_showing(approved.step) if _can_read(one, approved, question, origins)]
    if not shown:
        return ()
    end = title.value.span.end - 1
    return (Fix("show what it approves", Safety.UNSAFE, (Edit(Span(end, end), f" ({', '.join(shown)})"),)),)


def _can_read(written: str, approved: Node, question: Question, origins: _Origins) -> bool:
    """Whether a question can show an expression of what it approves."""
    if approved is question.node:
        return True
    references = parse(written[2:-2]).references
    names = [[segment.name for segment in one.segments[:2]] for one in references]
    return approved.scope is question.node.scope and all(
        len(one) > 1 and one[0] in ("inputs", "trigger", "steps") and not origins.later((one[0], one[1]), question)
        for one in names
    )


RULE = Rule(
    code="HG604",
    name="blind-approval",
    severity=Severity.WARNING,
    summary="a question that shows nothing of what it approves",
    explanation="""\
"Pay?" is the same question for every run: people learn to say yes. When what an action does depends on inputs or on
earlier steps, and the question shows none of that, not even something that comes of the same source, they cannot know
what they agree to. Put what matters into `ask`, `title` or `body`. An action without anything that changes needs
nothing shown.""",
    wrong="""\
workflow refund {
  input order: string
  step ask = human approval { title = "Refund?" }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
  }
}
""",
    right="""\
workflow refund {
  input order: string
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
  }
}
""",
    check=check,
)
