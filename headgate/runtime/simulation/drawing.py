"""Values that fit a JSON Schema, drawn from a seed so that branches are met: bounds, members, constants, nulls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random
from typing import Any, Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.simulation.patterns import text_for

DEEPEST = 8
TRIES = 60
ITEM = "[]"
LONGEST_LIST = 4
_NULL_RATE = 0.2
_OPTIONAL_RATE = 0.8
_FORMATS: Final[dict[str, str]] = {
    "date-time": "2026-01-05T09:00:00Z",
    "date": "2026-01-05",
    "time": "09:00:00Z",
    "duration": "PT1H",
    "email": "ann@example.com",
    "idn-email": "ann@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/1",
    "uri-reference": "/1",
    "iri": "https://example.com/1",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "json-pointer": "/a",
    "regex": "a+",
}
_WORDS: Final = ("text", "a longer text of several words", "")


class Unmakeable(Exception):  # noqa: N818 - it names what the schema is
    """No value was found that fits."""


class Shape(NamedTuple):
    """What is known of a value without a schema: the constants it is compared with, and the parts that are read.

    `parts` holds the fields of a map, or `[]` for the items of a list. `pool` are constants of the whole workflow.
    `type` is `text`, `number` or `boolean` where it is used as such.
    """

    constants: tuple[Json, ...] = ()
    parts: Mapping[str, Shape] = {}
    pool: tuple[Json, ...] = ()
    type: str | None = None


class Looks(NamedTuple):
    """What one workflow looks at: paths with the constants they are compared with, all constants, and types by use."""

    paths: Mapping[tuple[str, ...], tuple[Json, ...]]
    pool: tuple[Json, ...]
    types: Mapping[tuple[str, ...], str]


NOTHING_LOOKED_AT = Looks({}, (), {})


def shape_of(looks: Looks, root: tuple[str, ...]) -> Shape:
    """What a workflow looks at in the value at `root`, and below it."""
    below: dict[str, dict[tuple[str, ...], tuple[Json, ...]]] = {}
    for path, constants in looks.paths.items():
        if len(path) > len(root) and path[: len(root)] == root:
            below.setdefault(path[len(root)], {})[path] = constants
    parts = {name: shape_of(looks._replace(paths=inner), (*root, name)) for name, inner in sorted(below.items())}
    return Shape(looks.paths.get(root, ()), parts, looks.pool, looks.types.get(root))


def draw_of(seed: int, *names: object) -> Random:
    """A source of chance of its own for each purpose, so that one draw does not move the others."""
    return Random("/".join(str(name) for name in (seed, *names)))  # noqa: S311 - chance, not secrecy


def value_for(schema: JsonObject | None, shape: Shape, random: Random) -> Json:
    """A value that fits the schema; raises `Unmakeable`."""
    if not schema:
        return _Drawing(random, {}).free(shape, 0)
    checker = _checker(schema)
    drawing = _Drawing(random, schema)
    for _ in range(TRIES):
        try:
            value = drawing.value(schema, shape, 0)
        except Unmakeable:
            continue
        if checker.is_valid(value):
            return value
    raise Unmakeable


def _checker(schema: JsonObject) -> Any:
    from jsonschema.validators import validator_for
    from referencing import Registry

    return validator_for(schema)(schema, registry=Registry())


class _Drawing:
    def __init__(self, random: Random, root: JsonObject) -> None:
        self._random = random
        self._root = root

    def free(self, shape: Shape, depth: int) -> Json:
        """A value that nobody declared: as it is read, a number where it is compared with one, else a text."""
        if ITEM in shape.parts:
            return [self.free(shape.parts[ITEM], depth + 1) for _ in range(self._length(0, None))]
        if shape.parts and depth < DEEPEST:
            return {name: self.free(part, depth + 1) for name, part in shape.parts.items()}
        if shape.constants:
            return self._near(self._random.choice(shape.constants))
        if shape.type == "boolean":
            return self._random.random() < 0.5
        if shape.type == "text":
            return self._random.choice(_WORDS)
        numbers = [each for each in shape.pool if _is_number(each)]
        if numbers and self._random.random() < 0.7:
            return self._near(self._random.choice(numbers))
        return self._random.randint(0, 100)

    def value(self, schema: Json, shape: Shape, depth: int) -> Json:
        if schema is False:
            raise Unmakeable
        if not isinstance(schema, dict):
            return self.free(shape, depth)
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        members = schema.get("enum")
        if isinstance(members, list) and members:
            return self._random.choice(members)
        return self._of_type(self._type(schema, shape, depth), schema, shape, depth)

    def _resolved(self, schema: JsonObject) -> JsonObject:
        """The schema with one branch of its alternatives, and all that it is made of, laid over it."""
        for _ in range(DEEPEST):
            reference = schema.get("$ref")
            if isinstance(reference, str):
                rest = {key: value for key, value in schema.items() if key != "$ref"}
                schema = _laid_over(_referenced(self._root, reference), rest)
            elif isinstance(every := schema.get("allOf"), list):
                rest = {key: value for key, value in schema.items() if key != "allOf"}
                for branch in every:
                    rest = _laid_over(rest, self._resolved(branch) if isinstance(branch, dict) else {})
                schema = rest
            elif key := next((key for key in ("anyOf", "oneOf") if schema.get(key)), None):
                branches = schema[key]
                chosen = self._random.choice(branches) if isinstance(branches, list) else {}
                rest = {name: value for name, value in schema.items() if name != key}
                schema = _laid_over(rest, chosen if isinstance(chosen, dict) else {})
            else:
                break
        return schema

    def _type(self, schema: JsonObject, shape: Shape, depth: int) -> str:
        written = schema.get("type")
        names = [str(name) for name in (written if isinstance(written, list) else [written] if written else [])]
        if "null" in names and len(names) > 1:
            if self._random.random() < _NULL_RATE or depth >= DEEPEST:
                return "null"
            names.remove("null")
        if names:
            return self._random.choice(names)
        for keys, name in _TELLING:
            if keys & schema.keys():
                return name
        if shape.parts:
            return "array" if ITEM in shape.parts else "object"
        return "free"

    def _of_type(self, name: str, schema: JsonObject, shape: Shape, depth: int) -> Json:
        match name:
            case "null":
                return None
            case "boolean":
                return self._random.random() < 0.5
            case "integer" | "number":
                return self._number(schema, shape, whole=name == "integer")
            case "string":
                return self._text(schema, shape)
            case "array":
                return self._list(schema, shape, depth)
            case "object":
                return self._map(schema, shape, depth)
            case _:
                return self.free(shape, depth)

    # Numbers

    def _number(self, schema: JsonObject, shape: Shape, *, whole: bool) -> Json:
        low, high = _bound(schema, "minimum", "exclusiveMinimum", 1), _bound(schema, "maximum", "exclusiveMaximum", -1)
        step = schema.get("multipleOf")
        candidates = [each for each in (low, high) if each is not None]
        wanted = [each for each in shape.constants if _is_number(each)]
        pool = [each for each in shape.pool if _is_number(each)]
        source: Iterable[Json] = wanted if wanted and self._random.random() < 0.8 else pool or wanted
        candidates += [float(str(self._near(each))) for each in source for _ in range(2)]
        candidates += [0, 1, self._random.randint(2, 100)]
        fitting = [each for each in candidates if (low is None or each >= low) and (high is None or each <= high)]
        least = low if low is not None else high if high is not None else 0
        chosen = self._random.choice(fitting) if fitting else least
        if isinstance(step, int | float) and not isinstance(step, bool) and step > 0:
            chosen = (chosen // step) * step
            chosen += step if low is not None and chosen < low else 0
        elif whole:
            chosen = round(chosen)
        return int(chosen) if float(chosen).is_integer() else chosen

    def _near(self, constant: Json) -> Json:
        """A constant, or what lies next to it."""
        if isinstance(constant, bool):
            return self._random.random() < 0.5
        if isinstance(constant, int):
            return constant + self._random.choice((-1, 0, 1))
        if isinstance(constant, float):
            return constant + self._random.choice((-0.5, 0.0, 0.5))
        if isinstance(constant, str):
            return constant if self._random.random() < 0.7 else "other"
        return constant

    # Texts, lists, maps

    def _text(self, schema: JsonObject, shape: Shape) -> str:
        least, most = _size(schema, "minLength"), _size(schema, "maxLength")
        pattern, form = schema.get("pattern"), schema.get("format")
        if isinstance(pattern, str):
            found = text_for(pattern, self._random)
            if found is None:
                raise Unmakeable
            return found
        if isinstance(form, str) and form in _FORMATS:
            return _FORMATS[form]
        constants = [each for each in shape.constants if isinstance(each, str)]
        pool = [each for each in shape.pool if isinstance(each, str)]
        if constants and self._random.random() < 0.8:
            text = self._random.choice(constants)
        elif pool and self._random.random() < 0.3:
            text = self._random.choice(pool)
        else:
            text = self._random.choice(_WORDS)
        text = text + "x" * ((least or 0) - len(text))
        return text if most is None else text[:most]

    def _length(self, least: int, most: int | None) -> int:
        chosen = self._random.choice((0, 1, 1, 2, 2, 3, LONGEST_LIST))
        chosen = max(chosen, least)
        return chosen if most is None else min(chosen, most)

    def _list(self, schema: JsonObject, shape: Shape, depth: int) -> list[Json]:
        inner = shape.parts.get(ITEM, shape._replace(constants=(), parts={}))
        least, most = _size(schema, "minItems") or 0, _size(schema, "maxItems")
        length = least if depth >= DEEPEST else self._length(least, most)
        first = schema.get("prefixItems")
        fixed = first if isinstance(first, list) else []
        items = [self.value(each, inner, depth + 1) for each in fixed]
        distinct = schema.get("uniqueItems") is True
        for _ in range(TRIES):
            if len(items) >= length:
                break
            item = self.value(schema.get("items", True), inner, depth + 1)
            if not distinct or item not in items:
                items.append(item)
        return items

    def _map(self, schema: JsonObject, shape: Shape, depth: int) -> JsonObject:
        declared = schema.get("properties")
        properties = declared if isinstance(declared, dict) else {}
        required = schema.get("required")
        needed = [str(name) for name in required] if isinstance(required, list) else []
        made: JsonObject = {}
        for name, inner in properties.items():
            optional = name not in needed
            if optional and (depth >= DEEPEST or self._random.random() > _OPTIONAL_RATE):
                continue
            made[name] = self.value(inner, shape.parts.get(name, Shape(pool=shape.pool)), depth + 1)
        rest = schema.get("additionalProperties", True)
        others = [name for name in (*needed, *shape.parts) if name not in properties]
        for name in dict.fromkeys(others):
            if rest is not False:
                made[name] = self.value(rest, shape.parts.get(name, Shape(pool=shape.pool)), depth + 1)
        least = _size(schema, "minProperties") or 0
        for number in range(least - len(made) if rest is not False else 0):
            made[f"key{number + 1}"] = self.value(rest, Shape(pool=shape.pool), depth + 1)
        return made


_TELLING: Final = (
    (frozenset({"properties", "required", "additionalProperties", "minProperties"}), "object"),
    (frozenset({"items", "minItems", "maxItems", "prefixItems", "uniqueItems"}), "array"),
    (frozenset({"minLength", "maxLength", "pattern", "format"}), "string"),
    (frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}), "number"),
)
"""Which type a schema without one speaks of."""


def _laid_over(one: JsonObject, other: JsonObject) -> JsonObject:
    """Two schemas that both hold, as one: properties and required names together, of the rest the second's."""
    made = {**one, **other}
    for key in ("properties", "$defs"):
        first, second = one.get(key), other.get(key)
        if isinstance(first, dict) and isinstance(second, dict):
            made[key] = {**first, **second}
    first, second = one.get("required"), other.get("required")
    if isinstance(first, list) and isinstance(second, list):
        made["required"] = [*first, *(name for name in second if name not in first)]
    return made


def _referenced(root: Json, reference: str) -> JsonObject:
    target = root
    if not reference.startswith("#"):
        raise Unmakeable
    for part in reference.removeprefix("#").strip("/").split("/"):
        name = part.replace("~1", "/").replace("~0", "~")
        if name:
            target = target.get(name) if isinstance(target, dict) else None
    return target if isinstance(target, dict) else {}


def _bound(schema: JsonObject, closed: str, opened: str, direction: int) -> float | None:
    bound, edge = schema.get(closed), schema.get(opened)
    if isinstance(edge, int | float) and not isinstance(edge, bool):
        return edge + direction * (1 if isinstance(edge, int) else 0.5)
    return bound if isinstance(bound, int | float) and not isinstance(bound, bool) else None


def _size(schema: JsonObject, key: str) -> int | None:
    value = schema.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
