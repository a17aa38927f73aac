"""How a switch divides the values of one path: which of them each case takes, for the rules about gaps and dead cases.

Conditions compare with constants, so that between two neighbouring constants nothing changes: one value of each stretch
stands for all of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import ceil, floor
from typing import TypeAlias

from headgate.compiler import types
from headgate.compiler.graph import Node
from headgate.compiler.outcomes import BLOCKED, CUT, DENIED, FAILED, PASSED, UNTAKEN
from headgate.compiler.paths import may_have_ended
from headgate.compiler.types import Type
from headgate.compiler.uses import Site
from headgate.expressions import tree
from headgate.expressions.evaluated import paths
from headgate.grammar import ast
from headgate.plan import Json
from headgate.records import NamedTuple
from headgate.validators.rule import Context
from headgate.validators.templates import inference_of

Scalar: TypeAlias = None | bool | int | float | str
OTHER = "anything else"
_ORDERS = frozenset({"<", "<=", ">", ">="})
_DECISIONS = {"approved": "completed", "denied": "denied", "expired": "denied"}


class Opaque(Exception):  # noqa: N818 - it is an answer, not an error
    """What a condition says of a value is not known."""


class Domain(NamedTuple):
    """Values that stand for all that a path may have. `whole`: there are no others; `ruled_out` cannot come here."""

    values: tuple[Scalar, ...]
    ruled_out: tuple[Scalar, ...] = ()


def holds(condition: tree.Node, value: Scalar) -> bool:
    """Whether a condition on one path is true of a value; raises Opaque where that is not known."""
    found = _value(condition, value)
    if not isinstance(found, bool):
        raise Opaque
    return found


def only_path(conditions: list[tree.Node]) -> tree.Path | None:
    """The one path that all conditions look at, None when there are several or none."""
    found = [path for condition in conditions for path in paths(condition)]
    keys = {tuple(segment.key for segment in path.segments) for path in found}
    return found[0] if len(keys) == 1 else None


def domain(context: Context, path: tree.Path, site: Site, conditions: list[tree.Node]) -> Domain | None:
    """The values of a path at a switch that the conditions tell apart; None where they are not known."""
    constants = [value for condition in conditions for value in _constants(condition)]
    special = _ends(context, path, site)
    if special is not None:
        return special
    known = inference_of(context).resolve(path.segments, site).type
    if known.members is not None:
        return Domain(tuple(value for value in known.members if not isinstance(value, list | dict)))
    kinds = known.kinds - {types.NULL}
    null = (None,) if types.NULL in known.kinds and not known.is_any else ()
    ordered = any(_is_ordered(condition) for condition in conditions)
    numeric = bool(constants) and all(_is_number(value) for value in constants)
    bare = not constants
    if kinds == {types.BOOLEAN} or (known.is_any and bare):
        return Domain((True, False, *null))
    if kinds == {types.NUMBER} or (known.is_any and numeric and ordered):
        return Domain((*_numbers(context, path, known, constants), *null)) if numeric else None
    if kinds == {types.TEXT} and constants and all(isinstance(value, str) for value in constants) and not ordered:
        return Domain((*dict.fromkeys(constants), OTHER, *null))
    return None


def _value(node: tree.Node, value: Scalar) -> Scalar:
    match node:
        case tree.Path():
            return value
        case tree.Const():
            return node.value
        case tree.Unary() if node.operator == "not":
            return not holds(node.operand, value)
        case tree.Unary() if node.operator == "-":
            number = _value(node.operand, value)
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise Opaque
            return -number
        case tree.Logic():
            left = holds(node.left, value)
            return holds(node.right, value) if left == (node.operator == "and") else left
        case tree.Compare():
            return _compared(node, value)
    raise Opaque


def _compared(node: tree.Compare, value: Scalar) -> bool:
    left = _value(node.first, value)
    for operation in node.operations:
        if operation.operator in ("in", "not in"):
            if not isinstance(operation.operand, tree.ListOf):
                raise Opaque
            inside = any(_same(left, _value(item, value)) for item in operation.operand.items)
            return inside == (operation.operator == "in")
        right = _value(operation.operand, value)
        if not _pair(operation.operator, left, right):
            return False
        left = right
    return True


def _pair(operator: str, left: Scalar, right: Scalar) -> bool:
    if operator in ("==", "!="):
        return _same(left, right) == (operator == "==")
    if not (_is_number(left) and _is_number(right)):
        raise Opaque
    assert isinstance(left, int | float), "it is a number"
    assert isinstance(right, int | float), "it is a number"
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def _same(left: Scalar, right: Scalar) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_ordered(condition: tree.Node) -> bool:
    return any(
        isinstance(node, tree.Compare) and any(one.operator in _ORDERS for one in node.operations)
        for node in tree.nodes(condition)
    )


def _constants(condition: tree.Node) -> Iterator[Scalar]:
    for node in tree.nodes(condition):
        if isinstance(node, tree.Unary) and node.operator == "-" and isinstance(node.operand, tree.Const):
            number = node.operand.value
            if isinstance(number, int | float):
                yield -number
        if isinstance(node, tree.Const):
            yield node.value


def _numbers(context: Context, path: tree.Path, known: Type, constants: list[Scalar]) -> Iterator[Scalar]:
    """The constants, then a number of each stretch between and beside them, those an input allows."""
    low, high = _bounds(context, path)
    marks = sorted({float(one) for one in constants if isinstance(one, int | float)} | {*low, *high})
    between = [(left + right) / 2 for left, right in pairwise(marks)]
    found = [*marks, *(near(one) for one in between for near in (round, float)), marks[0] - 1, marks[-1] + 1]
    if known.whole:
        found = [float(near(one) + more) for one in marks for near in (floor, ceil) for more in (0, 1, -1)]
    allowed = [one for one in found if all(one >= least for least in low) and all(one <= most for most in high)]
    return iter(dict.fromkeys(int(one) if one == int(one) else one for one in allowed))


def _bounds(context: Context, path: tree.Path) -> tuple[list[float], list[float]]:
    names = [segment.name for segment in path.segments]
    found: dict[str, list[float]] = {"minimum": [], "maximum": []}
    for one in context.workflow.inputs:
        if names == ["inputs", one.name.text]:
            for attribute in one.attributes:
                if attribute.name.text in found and isinstance(attribute.value, ast.Number):
                    found[attribute.name.text].append(float(attribute.value.value))
    return found["minimum"], found["maximum"]


def _ends(context: Context, path: tree.Path, site: Site) -> Domain | None:
    """The values of what tells how a step ended: those that can come to this switch, by the edges before it."""
    names = [segment.name for segment in path.segments]
    node = site.scope.find(names[1]) if names[0] == "steps" and len(names) > 1 and site.scope is not None else None
    if node is None or site.node is None or node.written.get("result") is not None:
        return None
    if names[2:] == ["result", "decision"] and node.kind == "human":
        return _decisions(context, node, site.node)
    if names[2:] == ["result", "taken"] and node.kind == "switch":
        targets: list[Scalar] = list(dict.fromkeys(case.target.text for case in node.step.cases))
        return Domain((*targets, *(() if any(case.condition is None for case in node.step.cases) else (None,))))
    if names[2:] == ["status"]:
        return _statuses(context, node, site.node)
    return None


def _decisions(context: Context, node: Node, reader: Node) -> Domain:
    proceeds = node.written.word("on_expiry") == "proceed"
    agreed = may_have_ended(context.graph, node, reader, lambda own: own.completed)
    refused = may_have_ended(context.graph, node, reader, lambda _: DENIED)
    come = {"approved": agreed, "denied": refused, "expired": refused or (agreed and proceeds)}
    return Domain(
        tuple(name for name, may in come.items() if may), tuple(name for name, may in come.items() if not may)
    )


def _statuses(context: Context, node: Node, reader: Node) -> Domain:
    def may(ends: int) -> bool:
        return may_have_ended(context.graph, node, reader, lambda _: ends)

    come = {
        "completed": may_have_ended(context.graph, node, reader, lambda own: own.completed),
        "failed": may(FAILED),
        "skipped": may(DENIED | PASSED | UNTAKEN | CUT),
        "blocked": may(BLOCKED),
    }
    return Domain(tuple(name for name, possible in come.items() if possible))


def shown(value: Json) -> str:
    """A value in a sentence."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def written(path: tree.Path) -> str:
    """A path as its author writes it."""
    first, *rest = path.segments
    return first.name + "".join(f"[{one.number}]" if one.number is not None else f".{one.name}" for one in rest)
