"""Which paths a workflow reads, and the constants it compares them with: the values that make a difference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from headgate.expressions import ExpressionError, Hole, parse, split, tree
from headgate.plan import RAW, Json, Plan, PlanStep
from headgate.records import NamedTuple

ITEM = "[]"
PASSES = 3
"""How many `set` steps after one another are looked through."""
Where: TypeAlias = "tuple[str, ...]"
"""A path as `("steps", "charge", "result", "lines", "[]", "amount")`; `[]` stands for any item of a list."""

_LUA_PATH = re.compile(r"\b(?:steps|inputs|trigger)(?:\.[A-Za-z_]\w*)+(?!\w|\s*\()")
_LUA_LOOP = re.compile(r"\bfor\s+\w+\s*,\s*(\w+)\s+in\s+ipairs\s*\(\s*(\w+(?:\.\w+)*)\s*\)")
_LUA_TEXT = re.compile(r"\b(steps(?:\.[A-Za-z_]\w*)+|inputs(?:\.[A-Za-z_]\w*)+):[a-z]+\(")
_LUA_NUMBER = re.compile(r"\s*(?:[<>]=?|==|~=)\s*(-?\d+(?:\.\d+)?)")


class Interests(NamedTuple):
    """`paths` maps each path that is read to the constants it is compared with; `pool` are all constants.

    `types` says of some paths how they are used: as `text`, `number` or `boolean`. What is used as a list has a path
    that ends in `[]`.
    """

    paths: Mapping[Where, tuple[Json, ...]]
    pool: tuple[Json, ...]
    types: Mapping[Where, str]


def interests(plan: Plan) -> Interests:
    """What the templates and scripts of a plan look at."""
    reading = _Reading(plan)
    reading.steps(plan.steps, {})
    for value in (plan.vars, plan.outputs):
        reading.value(value, {})
    reading.pass_on()
    paths = {where: tuple(_distinct(constants)) for where, constants in reading.paths.items()}
    pool = tuple(_distinct(constant for constants in reading.paths.values() for constant in constants))
    return Interests(paths, pool, reading.types)


class _Reading:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.paths: dict[Where, list[Json]] = {}
        self.types: dict[Where, str] = {}
        self._made_of: list[tuple[Where, Where]] = []

    def steps(self, steps: Mapping[str, PlanStep], names: Mapping[str, Where]) -> None:
        for step in steps.values():
            asked = [each for gate in step.gates for each in gate]
            for value in (step.config, step.when, step.idempotency_key, *asked):
                self.value(value, names)
            if step.kind == "set":
                self._computed(step, names)
            if step.kind == "lua" and isinstance(script := _plain(step.config.get("script")), str):
                self._script(script, names)
            for text in _conditions(step):
                for part in split(text):
                    if isinstance(part, Hole):
                        self._expression(part.text, names, is_condition=True)
            if step.body is not None:
                self.steps(step.body.steps, {**names, **self._item(step, names)})

    def _computed(self, step: PlanStep, names: Mapping[str, Where]) -> None:
        """Which paths the values of a `set` step are made of."""
        for name, value in step.config.items():
            holes = [part for part in split(value) if isinstance(part, Hole)] if isinstance(value, str) else []
            root = _root(holes[0].text) if len(holes) == 1 and isinstance(value, str) else None
            for node in _sources(root) if root is not None else ():
                self._made_of.append((("steps", step.name, "result", name), self._where(node, names)))

    def pass_on(self) -> None:
        """Hands what is looked at in computed values on to what they are computed from."""
        for _ in range(PASSES):
            for target, source in self._made_of:
                for where, constants in [*self.paths.items()]:
                    if where[: len(target)] == target and source != target:
                        self.paths.setdefault((*source, *where[len(target) :]), []).extend(constants)

    def _script(self, script: str, names: Mapping[str, Where]) -> None:
        """What a script reads, as far as it is written plainly: paths, and fields of what it goes through."""
        for found in _LUA_PATH.finditer(script):
            self._found_in_script(script, tuple(found[0].split(".")), found.end())
        for found in _LUA_TEXT.finditer(script):
            self._use(inside_out(tuple(found[1].split("."))), "text")
        known = dict(names)
        for loop in _LUA_LOOP.finditer(script):
            head, *rest = loop[2].split(".")
            where = (*known.get(head, (head,)), *rest, ITEM)
            where = inside_out(where)
            if where[0] in ("steps", "inputs", "trigger"):
                known[loop[1]] = where
                self.paths.setdefault(where, [])
        for name, where in known.items():
            for found in re.finditer(rf"\b{re.escape(name)}((?:\.[A-Za-z_]\w*)+)(?!\w|\s*\()", script):
                self._found_in_script(script, (*where, *found[1].split(".")[1:]), found.end())

    def _found_in_script(self, script: str, where: Where, end: int) -> None:
        compared = _LUA_NUMBER.match(script, end)
        number = [] if compared is None else [float(compared[1])]
        found = self.paths.setdefault(inside_out(where), [])
        found.extend(int(each) if each.is_integer() else each for each in number)

    def _item(self, step: PlanStep, names: Mapping[str, Where]) -> dict[str, Where]:
        """What the name of a loop's item stands for, when its list is a path."""
        over = step.config.get("over")
        holes = [part for part in split(over) if isinstance(part, Hole)] if isinstance(over, str) else []
        root = _root(holes[0].text) if len(holes) == 1 else None
        if not isinstance(root, tree.Path):
            return {}
        where = (*self._where(root, names), ITEM)
        self.paths.setdefault(where, [])
        return {str(step.config.get("as")): where}

    def value(self, value: Json, names: Mapping[str, Where]) -> None:
        match value:
            case str():
                for part in split(value) if "{{" in value else ():
                    if isinstance(part, Hole):
                        self._expression(part.text, names)
            case list():
                for item in value:
                    self.value(item, names)
            case dict() if set(value) != {RAW}:
                for item in value.values():
                    self.value(item, names)

    def _expression(self, text: str, names: Mapping[str, Where], *, is_condition: bool = False) -> None:
        root = _root(text)
        for node in tree.nodes(root) if root is not None else ():
            if isinstance(node, tree.Path):
                self.paths.setdefault(self._where(node, names), [])
            elif isinstance(node, tree.Compare):
                self._compare(node, names)
            for part, type_ in uses_in(node):
                path = _path_in(part)
                if path is not None:
                    self._use(self._where(path, names), type_)
        if isinstance(root, tree.Path) and is_condition:
            self._use(self._where(root, names), "boolean")

    def _use(self, where: Where, type_: str) -> None:
        """Takes note of how a path is used; the first use that is seen counts."""
        if type_ == "list":
            self.paths.setdefault((*where, ITEM), [])
        else:
            self.paths.setdefault(where, [])
            self.types.setdefault(where, type_)

    def _compare(self, node: tree.Compare, names: Mapping[str, Where]) -> None:
        operands = [node.first, *(operation.operand for operation in node.operations)]
        constants = [constant for operand in operands for constant in self._constants(operand)]
        for operand in operands:
            path = _path_in(operand)
            if path is not None:
                self.paths.setdefault(self._where(path, names), []).extend(constants)

    def _constants(self, node: tree.Node) -> Iterator[Json]:
        match node:
            case tree.Const():
                yield node.value
            case tree.ListOf():
                for item in node.items:
                    yield from self._constants(item)
            case tree.Path() if node.segments[0].name == "vars" and len(node.segments) == 2:
                found = self._plan.vars.get(node.segments[1].name)
                if not isinstance(found, dict | list) and not (isinstance(found, str) and "{{" in found):
                    yield found

    def _where(self, path: tree.Path, names: Mapping[str, Where]) -> Where:
        keys = tuple(ITEM if segment.number is not None else segment.name for segment in path.segments)
        head = names.get(keys[0])
        return inside_out(keys if head is None else (*head, *keys[1:]))


def inside_out(where: Where) -> Where:
    """A path into a loop's result, or to the round before, as the path into the step in the loop that it leads to."""
    match where:
        case ("steps", _, "result", "last", name, *rest):
            return inside_out(("steps", name, "result", *rest))
        case ("steps", _, "result", "results", "[]", "result", name, *rest):
            return inside_out(("steps", name, "result", *rest))
        case ("previous", name, *rest):
            return ("steps", name, "result", *rest)
        case _:
            return where


def _sources(node: tree.Node) -> Iterator[tree.Path]:
    """The paths whose values a value is, or is put together of."""
    match node:
        case tree.Path():
            yield node
        case tree.Filter() if node.name in ("default", "sort", "unique", "reverse"):
            yield from _sources(node.target)
        case tree.Binary() if node.operator == "+":
            yield from _sources(node.left)
            yield from _sources(node.right)
        case tree.Conditional():
            yield from _sources(node.then)
            if node.otherwise is not None:
                yield from _sources(node.otherwise)


def uses_in(node: tree.Node) -> Iterator[tuple[tree.Node, str]]:
    """The parts of a node that it can only take as a `list`, `text`, `number` or `boolean`."""
    match node:
        case tree.Filter():
            type_ = _FILTERED.get(node.name)
            if node.name == "default" and node.arguments:
                type_ = _type_of(node.arguments[0])
            if type_ is not None:
                yield node.target, type_
        case tree.Binary():
            either = _type_of(node.left) or _type_of(node.right)
            type_ = either if node.operator == "+" else None if node.operator == "~" else "number"
            if type_ is not None:
                yield node.left, type_
                yield node.right, type_
        case tree.Unary() if node.operator == "not":
            yield node.operand, "boolean"
        case tree.Logic():
            yield node.left, "boolean"
            yield node.right, "boolean"
        case tree.Conditional():
            yield node.condition, "boolean"


_FILTERED = {
    **dict.fromkeys(("first", "join", "last", "length", "map", "max", "min", "reject", "select", "slice"), "list"),
    **dict.fromkeys(("sort", "sum", "unique"), "list"),
    **dict.fromkeys(("lower", "replace", "split", "title", "trim", "upper"), "text"),
    **dict.fromkeys(("abs", "round"), "number"),
}


def _type_of(node: tree.Node) -> str | None:
    """What a written value is, a default's value included."""
    match node:
        case tree.ListOf():
            return "list"
        case tree.Const(value=bool()):
            return "boolean"
        case tree.Const(value=str()):
            return "text"
        case tree.Const(value=int() | float()):
            return "number"
        case tree.Filter() if node.name == "default" and node.arguments:
            return _type_of(node.arguments[0])
        case _:
            return None


def _conditions(step: PlanStep) -> Iterator[str]:
    """The texts of a step that have to be true or false."""
    cases = step.config.get("cases") if step.kind == "switch" else None
    found = [case.get("when") for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
    found += [step.when]
    found += [step.config.get(name) for name in ("until", "while")] if step.kind == "repeat" else []
    yield from (text for text in found if isinstance(text, str))


def _root(text: str) -> tree.Node | None:
    try:
        return parse(text).root
    except ExpressionError:
        return None


def _path_in(node: tree.Node) -> tree.Path | None:
    """The path that a side of a comparison is about, through filters such as `default`."""
    while isinstance(node, tree.Filter):
        if node.name in ("length", "tojson"):
            return None
        node = node.target
    return node if isinstance(node, tree.Path) else None


def _distinct(values: Iterator[Json] | list[Json]) -> Iterator[Json]:
    seen: set[tuple[type, str]] = set()
    for value in values:
        key = (type(value), repr(value))
        if key not in seen:
            seen.add(key)
            yield value


def _plain(value: Json) -> Json:
    return value[RAW] if isinstance(value, dict) and RAW in value else value
