"""What a condition proves of the paths in it: `a.b is not none` leaves no null where it held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from headgate.compiler import types
from headgate.compiler.types import Type, constant, only_kind, without_null
from headgate.expressions import tree
from headgate.plan import Json

Key: TypeAlias = "tuple[str | int, ...]"
Facts: TypeAlias = Mapping[Key, Type]
TypeOfPath: TypeAlias = Callable[[tree.Path], Type]

NO_FACTS: Facts = MappingProxyType({})
_KINDS = {"string": types.TEXT, "number": types.NUMBER, "boolean": types.BOOLEAN, "mapping": types.MAP}


def key_of(path: tree.Path) -> Key:
    """A written-out path as a key."""
    return tuple(segment.key for segment in path.segments)


def proved(condition: tree.Node, type_of: TypeOfPath, *, holds: bool) -> Facts:
    """The narrower types of paths when a condition held, or when it did not."""
    match condition:
        case tree.Path():
            return {key_of(condition): without_null(type_of(condition))} if holds else NO_FACTS
        case tree.Unary(operator="not"):
            return proved(condition.operand, type_of, holds=not holds)
        case tree.Logic():
            if (condition.operator == "and") is not holds:
                return NO_FACTS
            left = proved(condition.left, type_of, holds=holds)
            right = proved(condition.right, _narrowed(type_of, left), holds=holds)
            return {**left, **right}
        case tree.Test() if isinstance(condition.target, tree.Path):
            return _tested(condition.target, condition.name, type_of, holds=holds is not condition.negated)
        case tree.Compare() if len(condition.operations) == 1:
            return _compared(condition, type_of, holds=holds)
        case _:
            return NO_FACTS


def _narrowed(type_of: TypeOfPath, facts: Facts) -> TypeOfPath:
    return lambda path: facts.get(key_of(path)) or type_of(path)


def _tested(path: tree.Path, name: str, type_of: TypeOfPath, *, holds: bool) -> Facts:
    if name == "none":
        type_ = type_of(path)
        return {key_of(path): only_kind(type_, types.NULL) if holds else without_null(type_)}
    if name in _KINDS and holds:
        return {key_of(path): only_kind(type_of(path), _KINDS[name])}
    return NO_FACTS


def _compared(condition: tree.Compare, type_of: TypeOfPath, *, holds: bool) -> Facts:
    (operation,) = condition.operations
    sides = (condition.first, operation.operand)
    path = next((side for side in sides if isinstance(side, tree.Path)), None)
    value = next((side for side in sides if isinstance(side, tree.Const)), None)
    if path is None or value is None or operation.operator not in ("==", "!="):
        return NO_FACTS
    same = holds is (operation.operator == "==")
    type_ = type_of(path)
    if value.value is None:
        return {key_of(path): only_kind(type_, types.NULL) if same else without_null(type_)}
    if same:
        return {key_of(path): constant(value.value)} if types.allows(type_, value.value) else NO_FACTS
    return {key_of(path): _without(type_, value.value)}


def _without(type_: Type, value: Json) -> Type:
    """A type with one of its members left out; the last one stays."""
    members = tuple(one for one in type_.members or () if not types.equal(one, value))
    if not members:
        return type_
    return type_._replace(kinds=frozenset(map(types.kind_of, members)), members=members)
