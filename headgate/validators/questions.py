"""The questions that people are asked, by steps and by gates: facts that the rules about approvals share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.approvals import disabled, stands_before
from headgate.compiler.decisions import asks
from headgate.compiler.effects import instance_at
from headgate.compiler.graph import Graph, Node
from headgate.compiler.places import templates_in
from headgate.expressions import ExpressionError, parse
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context, NotChecked

_ASIDE = frozenset({"title", "description", "owner", "when", "match", "until", "while", "idempotency_key", "result"})
"""Attributes that say nothing of what an action does."""

_MOST_SHOWN = 3
_LOCK_ADVICE = "`headgate lock` asks the servers for their tools and writes headgate.lock"


class Question(NamedTuple):
    """A `human` step that is answered by yes or no, or a gate. `gate` is None for a step.

    `before`: it is asked before the action of its own step. `place` is where it stands in the text.
    """

    node: Node
    gate: ast.Gate | None
    attributes: tuple[ast.Attribute, ...]
    before: bool
    place: Span

    def attribute(self, name: str) -> ast.Attribute | None:
        """What it says by that name."""
        return next((one for one in self.attributes if one.name.text == name), None)

    @property
    def called(self) -> str:
        """The question in a sentence."""
        return f"`{self.node.name}`" if self.gate is None else f"the gate of `{self.node.name}`"


@lru_cache(maxsize=4)
def questions(graph: Graph) -> tuple[Question, ...]:
    """Every question of a workflow that can be asked, in the order of the graph."""
    return tuple(
        one for scope in graph.scopes for node in scope.nodes.values() if not disabled(node) for one in _of(node)
    )


def _of(node: Node) -> Iterator[Question]:
    if asks(node):
        yield Question(node, None, node.step.attributes, before=False, place=node.step.name.span)
    for gate in node.step.gates:
        yield Question(node, gate, gate.attributes, stands_before(gate), gate.kind.span)


def action_templates(step: ast.Step) -> Iterator[ast.Template]:
    """The templates of a step that say what it will do."""
    for value in step.positionals:
        yield from templates_in(value)
    for attribute in step.attributes:
        if attribute.name.text not in _ASIDE:
            yield from templates_in(attribute.value)


def worth_showing(step: ast.Step) -> tuple[str, ...]:
    """A few of the expressions that an action depends on, as templates for the question before it."""
    said = dict.fromkeys(f"{{{{ {one.expression.strip()} }}}}" for one in action_templates(step) if _showable(one))
    return tuple(said)[:_MOST_SHOWN]


def _showable(template: ast.Template) -> bool:
    written = template.expression
    try:
        parse(written)
    except ExpressionError:
        return False  # HG208 says what is wrong with it
    return "secrets" not in written and "omit" not in written and "\n" not in written and "\\" not in written


def acts(node: Node) -> bool:
    """Whether a step can run at all: neither it nor a loop around it is switched off in the text."""
    while not disabled(node):
        if node.scope.loop is None:
            return True
        node = node.scope.loop
    return False


def unlocked(context: Context, node: Node) -> NotChecked | None:
    """Why it is not known what the tool of a step does; None where no lock could tell."""
    said = context.said(node.step)
    instance, tool = said.word("instance"), said.get("tool")
    instance = instance or instance_at(said.word("server_url"), context.workspace)
    if node.kind != "mcp" or instance not in context.workspace.instances or tool is None:
        return None
    if context.lock is None:
        return NotChecked("there is no headgate.lock", tool.span, _LOCK_ADVICE)
    if instance not in context.lock.instances:
        return NotChecked(f"headgate.lock does not know the instance `{instance}`", tool.span, _LOCK_ADVICE)
    return None
