"""The results that a step cannot act without: those that are read wherever its values are evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.places import step_templates
from headgate.expressions import ExpressionError, parse, tree

_LATER = frozenset({"gate", "case", "until", "while", "match"})
"""Values that are evaluated apart from the others, or not at all."""


def certain_results(node: Node) -> Iterator[Node]:
    """The steps whose `result` a step's own values read in any case, so that it acts only when they are there."""
    for attribute, template in step_templates(node.step):
        if attribute in _LATER or "steps" not in template.expression:
            continue
        try:
            root = parse(template.expression).root
        except ExpressionError:
            continue
        for path in always_read(root):
            names = [segment.name for segment in path.segments[:3]]
            if names[0] == "steps" and names[2:] == ["result"]:
                source = node.scope.find(names[1])
                if source is not None and source is not node:
                    yield source


def always_read(root: tree.Node) -> Iterator[tree.Path]:
    """The paths of an expression that are looked up whenever it is evaluated, and must be there."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        match node:
            case tree.Path():
                yield node
            case tree.Logic():
                waiting.append(node.left)
            case tree.Conditional():
                waiting.append(node.condition)
            case tree.Compare():
                waiting += [node.first, node.operations[0].operand]
            case tree.Filter() if node.name in tree.TOLERANT_FILTERS:
                pass
            case tree.Test() if node.name in tree.TOLERANT_TESTS:
                pass
            case _:
                waiting += tree.children(node)
