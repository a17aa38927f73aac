"""Jinja2's immutable sandbox, given our tree to compile: its only home. Imported when the first operator is evaluated.

Our tree becomes Jinja2's nodes, so that what was checked is what runs. Written-out paths, and the forms that look at
what may be missing (`default`, `omit`, `is defined`), enter the sandbox as parts: functions without arguments, the only
thing in it that can be called. Every operator, test and filter is one of ours, so that each is bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headgate.expressions import filters, limits, operations, tree
from headgate.expressions.catalog import COMPARISONS, FILTERS, TESTS
from headgate.expressions.values import PathMissing, TemplateFailed
from headgate.expressions.walk import Evaluator, Scope, lookup

_RESULT = "result"


class Part(partial[object]):
    """A part of an expression, bound to the scope it is evaluated in."""

    __slots__ = ()


class Sandbox(ImmutableSandboxedEnvironment):
    """Items and never attributes; parts and never another callable; our operators for Jinja2's."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    intercepted_unops = frozenset({"+", "-"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        return lookup(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return lookup(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        del obj, attr, value
        return False

    def is_safe_callable(self, obj: Any) -> bool:
        return isinstance(obj, Part)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        del context
        return operations.binary(operator, left, right)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        del context
        return operations.unary(operator, arg)


def _environment() -> Sandbox:
    sandbox = Sandbox(undefined=StrictUndefined, optimized=False, cache_size=0, autoescape=False)
    sandbox.globals.clear()
    sandbox.filters.clear()
    sandbox.tests.clear()
    tests: dict[str, Callable[..., object]] = sandbox.tests  # type: ignore[assignment]
    for name in filters.FUNCTIONS:
        sandbox.filters[name] = _filter(name)
    sandbox.filters["~"] = partial(operations.binary, "~")
    sandbox.filters["map key"] = _map_key
    sandbox.filters["part of"] = _part_of
    for name in (*TESTS, *COMPARISONS):
        tests[name] = partial(filters.test, name)
    for operator in ("==", "!=", "<", "<=", ">", ">=", "in", "not in"):
        tests[f"operator {operator}"] = partial(operations.compare, operator)
    assert set(filters.FUNCTIONS) | tree.TOLERANT_FILTERS == set(FILTERS), "every filter of the catalog has a function"
    return sandbox


def _filter(name: str) -> Callable[..., object]:
    def apply(value: object, *arguments: object, **keywords: object) -> object:
        return filters.call(name, value, arguments, keywords)

    return apply


def _map_key(key: object) -> str:
    if not isinstance(key, str):
        raise TemplateFailed("a key of a map must be text")
    return key


def _part_of(target: object, low: object, high: object, step: object) -> object:
    operations.refuse_unusable(target)
    if not isinstance(target, (str, list, tuple)):
        raise TemplateFailed("only a list or a text has parts `[a:b]`")
    bounds = [
        None if bound is None else limits.check_number(bound, limits.LONGEST_TEXT, "a bound of `[a:b]`")
        for bound in (low, high, step)
    ]
    if bounds[2] == 0:
        raise TemplateFailed("the step of `[a:b:c]` cannot be 0")
    limits.spend(len(target))
    return target[slice(*bounds)]


_SANDBOX = _environment()


def compile_node(root: tree.Node, part: Callable[[tree.Node], Evaluator]) -> Evaluator:
    """The function that evaluates a tree in the sandbox; `part` gives the evaluator of what enters it as a part."""
    translation = _Translation(part)
    body: list[nodes.Node] = [nodes.Assign(nodes.Name(_RESULT, "store"), translation.node(root))]
    template = _SANDBOX.from_string(_located(nodes.Template(body)))
    run = template.root_render_func
    parts = tuple(translation.parts.items())

    def evaluate(scope: Scope) -> object:
        context = template.new_context({name: Part(evaluator, scope) for name, evaluator in parts})
        for _ in run(context):
            pass
        value: object = context.vars[_RESULT]
        return value

    return evaluate


def _located(template: nodes.Template) -> nodes.Template:
    template.set_lineno(1)
    template.set_environment(_SANDBOX)
    return template


def _without_else(scope: Scope) -> object:
    del scope
    raise PathMissing("`a if b` without `else` has no value when `b` is false")


class _Translation:
    """From our tree to Jinja2's nodes. `parts` gathers what enters the sandbox from outside, by name."""

    def __init__(self, part: Callable[[tree.Node], Evaluator]) -> None:
        self._part = part
        self.parts: dict[str, Evaluator] = {}

    def node(self, node: tree.Node) -> nodes.Expr:
        match node:
            case tree.Path():
                return self._call(self._part(node))
            case tree.Filter(name=name) if name in tree.TOLERANT_FILTERS:
                return self._call(self._part(node))
            case tree.Test(name="defined"):
                return self._call(self._part(node))
            case tree.Const():
                return nodes.Const(node.value)
            case tree.Index():
                return nodes.Getitem(self.node(node.target), self.node(node.key), "load")
            case tree.Slice():
                bounds = (node.low, node.high, node.step)
                written = [nodes.Const(None) if bound is None else self.node(bound) for bound in bounds]
                return nodes.Filter(self.node(node.target), "part of", written, [], None, None)
            case tree.Filter():
                keywords = [nodes.Keyword(keyword.name, self.node(keyword.value)) for keyword in node.keywords]
                return nodes.Filter(self.node(node.target), node.name, self._all(node.arguments), keywords, None, None)
            case tree.Test():
                test = nodes.Test(self.node(node.target), node.name, self._all(node.arguments), [], None, None)
                return nodes.Not(test) if node.negated else test
            case tree.Compare():
                return self._compare(node)
            case tree.Binary():
                return self._binary(node)
            case tree.Unary(operator="not"):
                return nodes.Not(self.node(node.operand))
            case tree.Unary():
                sign = nodes.Neg if node.operator == "-" else nodes.Pos
                return sign(self.node(node.operand))
            case tree.Logic():
                joined = nodes.And if node.operator == "and" else nodes.Or
                return joined(self.node(node.left), self.node(node.right))
            case tree.Conditional():
                otherwise = self._call(_without_else) if node.otherwise is None else self.node(node.otherwise)
                return nodes.CondExpr(self.node(node.condition), self.node(node.then), otherwise)
            case tree.ListOf():
                return nodes.List(self._all(node.items))
            case tree.MapOf():
                return nodes.Dict([nodes.Pair(self._key(key), self.node(value)) for key, value in node.pairs])

    def _all(self, parts: tuple[tree.Node, ...]) -> list[nodes.Expr]:
        return [self.node(part) for part in parts]

    def _call(self, evaluator: Evaluator) -> nodes.Expr:
        name = f"part{len(self.parts)}"
        self.parts[name] = evaluator
        return nodes.Call(nodes.Name(name, "load"), [], [], None, None)

    def _key(self, key: tree.Node) -> nodes.Expr:
        return nodes.Filter(self.node(key), "map key", [], [], None, None)

    def _binary(self, node: tree.Binary) -> nodes.Expr:
        left, right = self.node(node.left), self.node(node.right)
        if node.operator == "~":
            return nodes.Filter(left, "~", [right], [], None, None)
        return _BINARY[node.operator](left, right)

    def _compare(self, node: tree.Compare) -> nodes.Expr:
        left = node.first
        joined: nodes.Expr | None = None
        for operation in node.operations:
            right = self.node(operation.operand)
            one = nodes.Test(self.node(left), f"operator {operation.operator}", [right], [], None, None)
            joined = one if joined is None else nodes.And(joined, one)
            left = operation.operand
        assert joined is not None, "a comparison has at least one operator"
        return joined


_BINARY: dict[str, type[nodes.BinExpr]] = {
    "+": nodes.Add,
    "-": nodes.Sub,
    "*": nodes.Mul,
    "/": nodes.Div,
    "//": nodes.FloorDiv,
    "%": nodes.Mod,
    "**": nodes.Pow,
}
