"""What the condition of a `wait` says that its event holds, as far as it can be read off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from headgate.expressions import ExpressionError, TemplateFailed, evaluate, parse, split
from headgate.expressions.tree import Compare, Logic, Node, Path, Unary
from headgate.plan import Json
from headgate.runtime.scope import scope
from headgate.runtime.state import RunState

Wanted: TypeAlias = "tuple[tuple[str, ...], Json]"
EVENT = "event"


def wanted(state: RunState, path: str) -> Iterator[Wanted]:
    """Paths into the event with their values, of a `match` that is equalities joined by `and`; others are left out."""
    match = state.steps[path].config.get("match")
    if not isinstance(match, str):
        return
    holes = [part for part in split(match) if not isinstance(part, str)]
    if len(holes) != 1:
        return
    text = holes[0].text
    try:
        root = parse(text).root
    except ExpressionError:
        return
    names = scope(state, path)
    for node in _conjuncts(root):
        found = _wanted(node, text, names)
        if found is not None:
            yield found


def _conjuncts(node: Node) -> Iterator[Node]:
    if isinstance(node, Logic) and node.operator == "and":
        yield from _conjuncts(node.left)
        yield from _conjuncts(node.right)
    else:
        yield node


def _wanted(node: Node, text: str, names: Mapping[str, object]) -> Wanted | None:
    if isinstance(node, Path):
        return _of_event(node, value=True)
    if isinstance(node, Unary) and node.operator == "not" and isinstance(node.operand, Path):
        return _of_event(node.operand, value=False)
    if not isinstance(node, Compare) or len(node.operations) != 1 or node.operations[0].operator != "==":
        return None
    left, right = node.first, node.operations[0].operand
    for here, there in ((left, right), (right, left)):
        found = _of_event(here, value=None) if isinstance(here, Path) else None
        if found is not None:
            try:
                return found[0], evaluate(text[there.start : there.end], names)
            except TemplateFailed:
                return None
    return None


def _of_event(path: Path, *, value: Json) -> Wanted | None:
    first, *rest = path.segments
    if first.name != EVENT or any(segment.number is not None for segment in rest):
        return None
    return tuple(segment.name for segment in rest), value
