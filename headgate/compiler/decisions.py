"""What a condition says about the decisions of people: which of them it leaves possible when it is true, or false."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from headgate.compiler.graph import Node, Scope
from headgate.compiler.inference import STEP_STATUSES
from headgate.compiler.places import script_of, step_templates
from headgate.expressions import ExpressionError, lua_references, parse, tree
from headgate.grammar import ast
from headgate.records import NamedTuple

DECISIONS = frozenset({"approved", "denied", "expired"})
STATUSES = frozenset(STEP_STATUSES)
DECIDING_KINDS = frozenset({"approval", "review"})
"""What a `human` step asks for when the answer is yes or no."""

_FARTHEST = 8
"""Through how many steps that only compute a decision is followed."""


class Subject(NamedTuple):
    """Something that a person's answer decides: the `decision` or the `status` of a step, or `read`, for anything that
    is made of one.
    """

    node: Node
    field: str


Left: TypeAlias = Mapping[Subject, frozenset[str]]
"""What is left possible of each subject. A subject of the field `read` has no values: more is not known."""

_NOTHING: Left = {}


def asks(node: Node) -> bool:
    """Whether a step is itself a question that is answered by yes or no."""
    return node.kind == "human" and human_kind(node.step) in DECIDING_KINDS


def human_kind(step: ast.Step) -> str | None:
    """What a `human` step asks for; None when it is not written as a word."""
    said = [*step.positionals, *(one.value for one in step.attributes if one.name.text == "kind")]
    return said[0].text if said and isinstance(said[0], ast.Word) else None


def left_by(condition: ast.Template, scope: Scope, *, holds: bool) -> Left:
    """What a condition leaves possible when it holds, or when it does not."""
    if "steps" not in condition.expression:
        return _NOTHING
    try:
        root = parse(condition.expression).root
    except ExpressionError:
        return _NOTHING
    return _left(root, scope, holds, _FARTHEST)


def both(one: Left, other: Left) -> Left:
    """What is left when two conditions are met."""
    if not one or not other:
        return one or other
    return {**one, **{subject: one.get(subject, values) & values for subject, values in other.items()}}


def _either(one: Left, other: Left) -> Left:
    return {subject: values | other[subject] for subject, values in one.items() if subject in other}


def _left(node: tree.Node, scope: Scope, holds: bool, far: int) -> Left:  # noqa: FBT001 - a condition is true or false
    match node:
        case tree.Unary(operator="not"):
            return _left(node.operand, scope, not holds, far)
        case tree.Logic():
            one, other = (_left(part, scope, holds, far) for part in (node.left, node.right))
            return both(one, other) if (node.operator == "and") == holds else _either(one, other)
        case tree.Compare(operations=(operation,)):
            found = _compared(node.first, operation, scope, holds)
            if found is not None:
                return found
        case tree.Path() if far:
            inner = _written_in_set(node, scope)
            if inner is not None:
                return _left(inner[0], inner[1], holds, far - 1)
    return {Subject(source, "read"): frozenset() for source in _decided(node, scope, far)}


def _compared(first: tree.Node, operation: tree.Operation, scope: Scope, holds: bool) -> Left | None:  # noqa: FBT001
    """A comparison of a decision or status with texts; None for any other."""
    sides = (first, operation.operand)
    if operation.operator in ("==", "!=") and isinstance(first, tree.Const):
        sides = (operation.operand, first)
    texts = _texts(sides[1], many=operation.operator in ("in", "not in"))
    found = _subject(sides[0], scope)
    if texts is None or found is None:
        return None
    subject, otherwise = found
    positive = operation.operator in ("==", "in")
    if not positive and operation.operator not in ("!=", "not in"):
        return None
    inside = positive == holds
    if otherwise is not None and (otherwise in texts) == inside:
        return _NOTHING  # what stands in for a missing decision passes, too
    universe = DECISIONS if subject.field == "decision" else STATUSES
    return {subject: universe & texts if inside else universe - texts}


def _texts(node: tree.Node, *, many: bool) -> frozenset[str] | None:
    items = node.items if many and isinstance(node, tree.ListOf) else () if many else (node,)
    texts = [item.value for item in items if isinstance(item, tree.Const) and isinstance(item.value, str)]
    return frozenset(texts) if items and len(texts) == len(items) else None


def _subject(node: tree.Node, scope: Scope) -> tuple[Subject, str | None] | None:
    """The decision or status that an expression is, with the text that stands in where it is missing."""
    otherwise = None
    if isinstance(node, tree.Filter) and node.name == "default" and len(node.arguments) == 1:
        value = node.arguments[0]
        if not isinstance(value, tree.Const) or not isinstance(value.value, str):
            return None
        node, otherwise = node.target, value.value
    source = _step_of(node, scope)
    if source is None or not isinstance(node, tree.Path):
        return None
    match [segment.name for segment in node.segments[2:]]:
        case ["result", "decision"] if asks(source):
            return Subject(source, "decision"), otherwise
        case ["status"]:
            return Subject(source, "status"), None
    return None


def _step_of(node: tree.Node, scope: Scope) -> Node | None:
    if not isinstance(node, tree.Path) or len(node.segments) < 2 or node.segments[0].name != "steps":
        return None
    return scope.find(node.segments[1].name)


def _written_in_set(path: tree.Path, scope: Scope) -> tuple[tree.Node, Scope] | None:
    """The expression that a `set` step gives to what a path reads, and the scope it stands in."""
    source = _step_of(path, scope)
    if source is None or source.kind != "set" or len(path.segments) != 4:
        return None
    for attribute in source.step.attributes:
        if attribute.name.text == path.segments[3].name and isinstance(attribute.value, ast.Template):
            try:
                return parse(attribute.value.expression).root, source.scope
            except ExpressionError:
                return None
    return None


def _decided(root: tree.Node, scope: Scope, far: int) -> Iterator[Node]:
    """The questions whose answers an expression is made of, also through steps that only compute."""
    seen: set[tuple[int, tuple[str, ...]]] = set()
    for reference in tree.references(root):
        names = [segment.name for segment in reference.segments]
        source = scope.find(names[1]) if names[0] == "steps" and len(names) > 1 else None
        if source is not None:
            yield from _answers(source, tuple(names[2:]), far, seen)


def _answers(source: Node, names: tuple[str, ...], far: int, seen: set[tuple[int, tuple[str, ...]]]) -> Iterator[Node]:
    if (id(source), names) in seen:
        return
    seen.add((id(source), names))
    if asks(source):
        if reads_decision(names):
            yield source
    elif far and source.kind in ("set", "lua"):
        for step, read in _own_reads(source):
            yield from _answers(step, read, far - 1, seen)


def reads_decision(names: tuple[str, ...]) -> bool:
    """Whether what is read of a question (the names after `steps.ask`) tells how it was answered."""
    return names[:2] in ((), ("status",), ("result",), ("result", "decision"))


def _own_reads(node: Node) -> Iterator[tuple[Node, tuple[str, ...]]]:
    for _, template in step_templates(node.step):
        if "steps" in template.expression:
            try:
                references = parse(template.expression).references
            except ExpressionError:
                continue
            for reference in references:
                names = [segment.name for segment in reference.segments]
                source = node.scope.find(names[1]) if names[0] == "steps" and len(names) > 1 else None
                if source is not None:
                    yield source, tuple(names[2:])
    script = script_of(node.step)
    if script is not None and "steps" in script.text:
        for found in lua_references(script.text):
            source = node.scope.find(found.step)
            if source is not None:
                yield source, () if found.member is None or found.member == "result" else (found.member,)
