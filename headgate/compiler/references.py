"""The pass that turns reads of `steps.x` into edges."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import STATUS_ONLY, Graph, Node, ReferenceEdge, Scope
from headgate.compiler.places import script_of, script_span, step_templates
from headgate.expressions import ExpressionError, lua_references, parse
from headgate.grammar import ast
from headgate.source import Span

TESTS_OF_A_LOOP = frozenset({"until", "while"})
"""Attributes of a `repeat` that see its body's steps."""


def find_reads(graph: Graph) -> None:
    """Fill `references`: each read orders the step of the source's own scope that holds the reader."""
    for scope in graph.scopes:
        for node in scope.nodes.values():
            for source, edge in _reads(node):
                holder = holder_in(node, source.scope)
                if holder is not None and holder is not source:
                    holder.references.append(edge._replace(target=holder.name))


def holder_in(node: Node, scope: Scope) -> Node | None:
    """The step of `scope` that is `node` or holds it; None when the scope is not around it."""
    current: Node | None = node
    while current is not None and current.scope is not scope:
        current = current.scope.loop
    return current


def _reads(node: Node) -> Iterator[tuple[Node, ReferenceEdge]]:
    for attribute, template in step_templates(node.step):
        inside = node.body is not None and attribute in TESTS_OF_A_LOOP
        for names, defaulted, span in template_reads(template):
            source = node.body.find(names[0]) if inside and node.body is not None else node.scope.find(names[0])
            if source is not None:
                yield source, _edge(node, names, span, defaulted=defaulted)
    script = script_of(node.step)
    if script is not None and "steps" in script.text:
        for reference in lua_references(script.text):
            source = node.scope.find(reference.step)
            if source is not None:
                names = (reference.step,) if reference.member is None else (reference.step, reference.member)
                yield source, _edge(node, names, script_span(script, reference.start, reference.end), defaulted=False)


def _edge(node: Node, names: tuple[str, ...], span: Span, *, defaulted: bool) -> ReferenceEdge:
    soft = defaulted or (len(names) > 1 and names[1] in STATUS_ONLY)
    return ReferenceEdge(names[0], "", node.name, span, names[1:], defaulted, soft)


def template_reads(template: ast.Template) -> Iterator[tuple[tuple[str, ...], bool, Span]]:
    """The reads of steps in one template: the names after `steps`, whether under `default`, and where it names it.

    A template that cannot be read has none: a rule says what is wrong with it.
    """
    if "steps" not in template.expression:
        return
    try:
        expression = parse(template.expression)
    except ExpressionError:
        return
    start = template.inner.start
    for reference in expression.references:
        segments = reference.segments
        if segments[0].name == "steps" and len(segments) > 1 and segments[1].number is None:
            names = tuple(segment.name for segment in segments[1:])
            yield names, reference.defaulted, Span(start + segments[1].start, start + segments[1].end)
