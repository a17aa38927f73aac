"""The types of a plan's outputs, as far as its inputs, constants and declared results say them."""

from __future__ import annotations

from collections.abc import Mapping

from headgate import kinds
from headgate.compiler import types
from headgate.compiler.types import A_BOOLEAN, A_TEXT, ANY, LIST, MAP, NULL, Type, constant, list_of, map_of, union
from headgate.expressions import ExpressionError, Hole, parse, split, tree
from headgate.plan import RAW, Json, JsonObject, Plan, PlanStep

_DEEPEST = 20


def output_types(plan: Plan) -> dict[str, Type]:
    """The type of each output by name; `ANY` where nothing is known."""
    known = _Known(plan)
    return {name: known.value(value, 0) for name, value in plan.outputs.items()}


def to_schema(type_: Type, depth: int = 0) -> JsonObject:
    """A JSON Schema that describes the type; `{}`, which takes everything, where nothing is known."""
    if type_.members is not None:
        return {"enum": [*type_.members]}
    if type_.is_any or depth > _DEEPEST:
        return {}
    names: list[Json] = [_SCHEMA_NAMES[kind] for kind in sorted(type_.kinds)]
    if type_.whole:
        names = ["integer" if name == "number" else name for name in names]
    schema: JsonObject = {"type": names[0] if len(names) == 1 else names}
    if type_.items is not None and LIST in type_.kinds:
        schema["items"] = to_schema(type_.items, depth + 1)
    if type_.fields and MAP in type_.kinds:
        schema["properties"] = {name: to_schema(each, depth + 1) for name, each in type_.fields.items()}
        schema["additionalProperties"] = not type_.closed
    if type_.date:
        schema["format"] = "date-time"
    return schema


_SCHEMA_NAMES = {
    types.NULL: "null",
    types.BOOLEAN: "boolean",
    types.NUMBER: "number",
    types.TEXT: "string",
    types.LIST: "array",
    types.MAP: "object",
}


class _Known:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def value(self, value: Json, depth: int) -> Type:
        """The type of a value of the plan, its templates evaluated."""
        match value:
            case _ if depth > _DEEPEST:
                return ANY
            case str():
                return self._text(value, depth)
            case list():
                return list_of(union(self.value(item, depth + 1) for item in value)) if value else types.A_LIST
            case dict():
                if set(value) == {RAW}:
                    return constant(value[RAW])
                return map_of({name: self.value(item, depth + 1) for name, item in value.items()}, closed=True)
            case _:
                return constant(value)

    def _text(self, text: str, depth: int) -> Type:
        parts = split(text)
        if len(parts) != 1 or not isinstance(parts[0], Hole):
            return constant(text) if all(isinstance(part, str) for part in parts) else A_TEXT
        try:
            return self._expression(parse(parts[0].text).root, depth)
        except ExpressionError:
            return ANY

    def _expression(self, node: tree.Node, depth: int) -> Type:
        match node:
            case tree.Path():
                return self._path([segment.key for segment in node.segments], depth)
            case tree.Const():
                return constant(node.value)
            case tree.Compare() | tree.Test():
                return A_BOOLEAN
            case tree.Filter() if node.name == "default":
                given = node.arguments[0] if node.arguments else None
                other = A_TEXT if given is None else self._expression(given, depth)
                return union((self._expression(node.target, depth), other))
            case _:
                return ANY

    def _path(self, keys: list[str | int], depth: int) -> Type:
        match keys:
            case ["inputs", *rest]:
                found = types.from_schema(self._plan.inputs)
            case ["vars", str(name), *rest]:
                found = self.value(self._plan.vars.get(name), depth + 1)
            case ["steps", str(name), "result", *rest] if name in self._plan.steps:
                found = self._result(self._plan.steps[name], depth + 1)
            case _:
                return ANY
        for key in rest:
            found = types.member(found, key).type or ANY
        return found

    def _result(self, step: PlanStep, depth: int) -> Type:
        if step.result is not None:
            return types.from_schema(step.result)
        if step.kind == "set":
            return self.value(step.config, depth)
        kind = kinds.kind(step.kind)
        base = ANY if kind is None or kind.result is None else types.from_schema(kind.result)
        schema = _unwrapped(step.config.get("schema"))
        if step.kind in ("llm", "agent") and schema is not None:
            return base._replace(fields={**base.fields, "data": types.from_schema(schema)})
        return base


def _unwrapped(schema: Json) -> JsonObject | None:
    if isinstance(schema, dict) and set(schema) == {RAW}:
        schema = schema[RAW]
    return schema if isinstance(schema, dict) else None


def loses(before: Type, after: Type) -> str | None:
    """What a reader of the one type misses or meets in the other, as the rest of a sentence; None when nothing."""
    if before.is_any or after.is_any:
        return None
    strange = after.kinds - before.kinds
    if strange == {NULL}:
        return "may be null now"
    if strange:
        return f"was {_said(before)} and may be {_said(after)} now"
    if MAP in before.kinds and MAP in after.kinds:
        lost = _loses_field(before.fields, after)
        if lost:
            return lost
    if LIST in before.kinds and before.items is not None and after.items is not None:
        lost = loses(before.items, after.items)
        return None if lost is None else f"holds items of which one {lost}"
    if before.whole and not after.whole and types.NUMBER in after.kinds:
        return "was a whole number and may be any number now"
    return None


def _loses_field(fields: Mapping[str, Type], after: Type) -> str | None:
    for name, type_ in fields.items():
        inner = after.fields.get(name)
        if inner is None:
            if after.closed:
                return f"no longer has `{name}`"
            continue
        lost = loses(type_, inner)
        if lost:
            return f"has a `{name}` that {lost}"
    return None


def _said(type_: Type) -> str:
    return " or ".join(sorted(type_.kinds))
