"""Which type an expression has, part by part, when the types of the paths in it are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from headgate.compiler import types
from headgate.compiler.narrowing import NO_FACTS, Facts, key_of, proved
from headgate.compiler.operators import binary_type, filter_type, unary_type
from headgate.compiler.types import A_BOOLEAN, A_TEXT, ANY, Type, constant, list_of, map_of, union, without_null
from headgate.expressions import tree

TypeOfPath: TypeAlias = Callable[[tree.Path], Type]


class ExpressionTypes:
    """The types of expressions at one site, whose paths `type_of_path` knows; `ANY` where nothing is known."""

    def __init__(self, type_of_path: TypeOfPath) -> None:
        self._type_of_path = type_of_path

    def of(self, node: tree.Node, facts: Facts = NO_FACTS) -> Type:
        """The type of an expression; `facts` are what conditions around it prove of paths."""
        match node:
            case tree.Path():
                return facts.get(key_of(node)) or self._type_of_path(node)
            case tree.Const():
                return constant(node.value)
            case tree.Compare() | tree.Test():
                return A_BOOLEAN
            case tree.Unary():
                return unary_type(node.operator, self.of(node.operand, facts))
            case tree.Logic():
                return self._logic(node, facts)
            case tree.Conditional():
                return self._conditional(node, facts)
            case tree.Binary():
                return binary_type(node.operator, self.of(node.left, facts), self.of(node.right, facts))
            case tree.ListOf():
                return list_of(union(self.of(item, facts) for item in node.items)) if node.items else types.A_LIST
            case tree.MapOf():
                return self._map(node, facts)
            case tree.Slice():
                target = self.of(node.target, facts)
                only = target.only(types.LIST) or target.only(types.TEXT)
                return target._replace(members=None) if only else ANY
            case tree.Index():
                return self._index(node, facts)
            case tree.Filter():
                return self._filter(node, facts)

    def _path(self, facts: Facts) -> TypeOfPath:
        return lambda path: self.of(path, facts)

    def _logic(self, node: tree.Logic, facts: Facts) -> Type:
        """`a or b` is `a` where it counts as true; `a and b` is `b` there."""
        is_or = node.operator == "or"
        left = self.of(node.left, facts)
        more = proved(node.left, self._path(facts), holds=not is_or)
        right = self.of(node.right, {**facts, **more})
        return union((without_null(left) if is_or and not left.only(types.NULL) else left, right))

    def _conditional(self, node: tree.Conditional, facts: Facts) -> Type:
        held = proved(node.condition, self._path(facts), holds=True)
        then = self.of(node.then, {**facts, **held})
        if node.otherwise is None:
            return then
        failed = proved(node.condition, self._path(facts), holds=False)
        return union((then, self.of(node.otherwise, {**facts, **failed})))

    def _map(self, node: tree.MapOf, facts: Facts) -> Type:
        fields: dict[str, Type] = {}
        closed = True
        for key, value in node.pairs:
            if isinstance(key, tree.Const) and isinstance(key.value, str):
                fields[key.value] = self.of(value, facts)
            else:
                closed = False
        return map_of(fields, closed=True) if closed else types.A_MAP

    def _index(self, node: tree.Index, facts: Facts) -> Type:
        target = self.of(node.target, facts)
        key = node.key.value if isinstance(node.key, tree.Const) else None
        if isinstance(key, str | int) and not isinstance(key, bool):
            return types.member(target, key).type or ANY
        if target.only(types.LIST):
            return target.items or ANY
        return A_TEXT if target.only(types.TEXT) else ANY

    def _filter(self, node: tree.Filter, facts: Facts) -> Type:
        target = self.of(node.target, facts)
        positional = tuple(self.of(argument, facts) for argument in node.arguments)
        named = {keyword.name: self.of(keyword.value, facts) for keyword in node.keywords}
        return filter_type(node.name, target, positional, named)
