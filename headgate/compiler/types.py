"""Static types: what is known of a value before any run.

A type says which kinds of JSON value are possible, and what is known of the parts. It is never narrower than the truth:
what nobody declared is `ANY`, and everything fits it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple

NULL, BOOLEAN, NUMBER, TEXT, LIST, MAP = "null", "boolean", "number", "text", "list", "map"
ALL = frozenset({NULL, BOOLEAN, NUMBER, TEXT, LIST, MAP})

_SCHEMA_KINDS = {
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "string": TEXT,
    "array": LIST,
    "object": MAP,
}
_DEEPEST_SCHEMA = 40
_MOST_MEMBERS = 100
_DATES = frozenset({"date", "date-time", "time"})


class Type(NamedTuple):
    """`kinds` are the possible kinds of value. Of a list, `items` is the type of its items, None when not known.

    Of a map, `fields` are the keys that are known; with `closed` there are no others. `members` are the only possible
    values, None when there may be any. `whole` says that its numbers are whole ones, `date` that its texts are dates or
    times.
    """

    kinds: frozenset[str]
    items: Type | None = None
    fields: Mapping[str, Type] = MappingProxyType({})
    closed: bool = False
    members: tuple[Json, ...] | None = None
    whole: bool = False
    date: bool = False

    @property
    def is_any(self) -> bool:
        """Nothing is known of it."""
        return self.kinds == ALL and not self.fields and self.members is None

    def may_be(self, kind: str) -> bool:
        return kind in self.kinds

    def only(self, *kinds: str) -> bool:
        """Whether it can be nothing but one of these kinds, and can be something."""
        return bool(self.kinds) and self.kinds <= frozenset(kinds)


ANY = Type(ALL)
NOTHING = Type(frozenset({NULL}))
A_BOOLEAN = Type(frozenset({BOOLEAN}))
A_NUMBER = Type(frozenset({NUMBER}))
AN_INTEGER = Type(frozenset({NUMBER}), whole=True)
A_TEXT = Type(frozenset({TEXT}))
A_LIST = Type(frozenset({LIST}))
A_MAP = Type(frozenset({MAP}))


def list_of(items: Type) -> Type:
    return Type(frozenset({LIST}), items=items)


def map_of(fields: Mapping[str, Type], *, closed: bool) -> Type:
    return Type(frozenset({MAP}), fields=fields, closed=closed)


def constant(value: Json) -> Type:
    """The type of exactly one value."""
    match value:
        case None:
            return Type(frozenset({NULL}), members=(None,))
        case bool():
            return Type(frozenset({BOOLEAN}), members=(value,))
        case int() | float():
            return Type(frozenset({NUMBER}), members=(value,), whole=isinstance(value, int))
        case str():
            return Type(frozenset({TEXT}), members=(value,))
        case list():
            return list_of(union(constant(item) for item in value)) if value else A_LIST
        case dict():
            return map_of({key: constant(item) for key, item in value.items()}, closed=True)


def nullable(type_: Type) -> Type:
    """The type, or null."""
    return union((type_, NOTHING))


def union(types: Iterable[Type]) -> Type:
    """What is true of a value of any of the types; of none, `ANY`."""
    result: Type | None = None
    for type_ in types:
        result = type_ if result is None else _either(result, type_)
    return ANY if result is None else result


def _either(left: Type, right: Type) -> Type:
    if left.is_any or right.is_any:
        return ANY
    kinds = left.kinds | right.kinds
    items = left.items
    if LIST in right.kinds:
        items = right.items if LIST not in left.kinds else _both_items(left.items, right.items)
    fields, closed = left.fields, left.closed
    if MAP in right.kinds:
        if MAP not in left.kinds:
            fields, closed = right.fields, right.closed
        else:
            keys = [*left.fields, *(key for key in right.fields if key not in left.fields)]
            fields = {key: _field_of_either(left, right, key) for key in keys}
            closed = left.closed and right.closed
    members: tuple[Json, ...] | None = None
    if left.members is not None and right.members is not None:
        members = (*left.members, *right.members)
        members = members if len(members) <= _MOST_MEMBERS else None
    elif left.members is not None and right.kinds == {NULL}:
        members = (*left.members, None)
    elif right.members is not None and left.kinds == {NULL}:
        members = (*right.members, None)
    whole = (left.whole or NUMBER not in left.kinds) and (right.whole or NUMBER not in right.kinds)
    date = (left.date or TEXT not in left.kinds) and (right.date or TEXT not in right.kinds)
    return Type(kinds, items, fields, closed, members, whole, date and TEXT in kinds)


def _both_items(left: Type | None, right: Type | None) -> Type | None:
    return None if left is None or right is None else _either(left, right)


def _field_of_either(left: Type, right: Type, key: str) -> Type:
    if key in left.fields and key in right.fields:
        return _either(left.fields[key], right.fields[key])
    holder, other = (left, right) if key in left.fields else (right, left)
    return holder.fields[key] if other.closed else ANY


def overlap(left: Type, right: Type) -> bool:
    """Whether a value can be of both types: False is certain. Lists of items that cannot be the same never overlap."""
    if left.members is not None:
        return any(allows(right, value) for value in left.members)
    if right.members is not None:
        return any(allows(left, value) for value in right.members)
    kinds = left.kinds & right.kinds
    if kinds == {LIST} and left.items is not None and right.items is not None:
        return overlap(left.items, right.items)
    return bool(kinds)


def allows(type_: Type, value: Json) -> bool:
    """Whether a value can be of a type, looked at from outside: what a list or map holds is not compared."""
    if kind_of(value) not in type_.kinds:
        return False
    if type_.members is not None:
        return any(equal(value, member) for member in type_.members)
    return not (type_.whole and isinstance(value, float) and not value.is_integer())


def without_null(type_: Type) -> Type:
    """A type without null; a type that is nothing else stays as it is."""
    kinds = type_.kinds - {NULL}
    if not kinds:
        return type_
    members = None if type_.members is None else tuple(one for one in type_.members if one is not None)
    return type_._replace(kinds=kinds, members=members)


def only_kind(type_: Type, kind: str) -> Type:
    """What is left of a type when its values are of one kind; a type that has none of it stays as it is."""
    if kind not in type_.kinds:
        return type_
    members = None if type_.members is None else tuple(one for one in type_.members if kind_of(one) == kind)
    return type_._replace(kinds=frozenset({kind}), members=members)


def equal(left: Json, right: Json) -> bool:
    """Whether two plain values are the same in JSON: true is not 1."""
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def kind_of(value: Json) -> str:
    """The kind of a plain value."""
    match value:
        case None:
            return NULL
        case bool():
            return BOOLEAN
        case int() | float():
            return NUMBER
        case str():
            return TEXT
        case list():
            return LIST
        case dict():
            return MAP


class Step(NamedTuple):
    """One link of a path: its type, or None when it leads nowhere for certain; then `known` are the keys there are."""

    type: Type | None
    known: tuple[str, ...] = ()


def member(type_: Type, key: str | int) -> Step:
    """The type of `value[key]`."""
    if type_.is_any:
        return Step(ANY)
    found: list[Type] = []
    if isinstance(key, int):
        if LIST in type_.kinds:
            found.append(type_.items or ANY)
        if TEXT in type_.kinds:
            found.append(A_TEXT)
        return Step(union(found) if found else None)
    if MAP in type_.kinds:
        if key in type_.fields:
            return Step(type_.fields[key])
        if not type_.closed:
            return Step(ANY)
        return Step(None, tuple(type_.fields))
    return Step(None)


def from_schema(schema: object, root: object = None) -> Type:
    """The type that a JSON Schema describes.

    A schema that lists `properties` and says nothing of others is taken at its word: there are no others. What it says
    in ways we do not read makes the type wider, and so does a part that refers to itself. A schema does not change: one
    that was read is known by its identity, so that many files with one lock read it once.
    """
    whole = schema if root is None else root
    key = (id(schema), id(whole))
    found = _FOUND.get(key)
    if found is None:
        if len(_FOUND) >= _MOST_FOUND:
            _FOUND.clear()
        found = _FOUND[key] = (_Reader(whole).read(schema, 0), schema, whole)
    return found[0]


_MOST_FOUND = 1000
_FOUND: dict[tuple[int, int], tuple[Type, object, object]] = {}
"""Types by the identities of a schema and its root, which stay alive with them."""


class _Reader:
    """Schemas of one root; each `$ref` is read once, so that the work is linear in the text of the schema."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._named: dict[str, Type] = {}

    def read(self, schema: object, depth: int) -> Type:
        if not isinstance(schema, dict) or depth > _DEEPEST_SCHEMA:
            return ANY
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._reference(reference, depth)
        for key in ("anyOf", "oneOf"):
            branches = schema.get(key)
            if isinstance(branches, list) and branches:
                return _narrow(self._own(schema, depth), union(self.read(branch, depth + 1) for branch in branches))
        every = schema.get("allOf")
        if isinstance(every, list) and every:
            result = self._own(schema, depth)
            for branch in every:
                result = _narrow(result, self.read(branch, depth + 1))
            return result
        return self._own(schema, depth)

    def _reference(self, reference: str, depth: int) -> Type:
        if reference not in self._named:
            self._named[reference] = ANY
            self._named[reference] = self.read(_referenced(reference, self._root), depth + 1)
        return self._named[reference]

    def _own(self, schema: JsonObject, depth: int) -> Type:
        members = schema.get("enum")
        if isinstance(members, list) and members:
            return union(constant(value) for value in members[:_MOST_MEMBERS]) if len(members) <= _MOST_MEMBERS else ANY
        if "const" in schema:
            return constant(schema["const"])
        written = schema.get("type")
        names = written if isinstance(written, list) else [written] if isinstance(written, str) else []
        kinds = frozenset(_SCHEMA_KINDS[name] for name in names if isinstance(name, str) and name in _SCHEMA_KINDS)
        properties = schema.get("properties")
        if not kinds:
            kinds = frozenset({MAP}) if isinstance(properties, dict) and properties else ALL
        items = (
            self.read(schema["items"], depth + 1) if LIST in kinds and isinstance(schema.get("items"), dict) else None
        )
        fields: dict[str, Type] = {}
        closed = False
        if MAP in kinds and isinstance(properties, dict):
            fields = {key: self.read(value, depth + 1) for key, value in properties.items()}
            more = schema.get("additionalProperties", False)
            closed = bool(fields) and more is False and "patternProperties" not in schema
        whole = "integer" in names and "number" not in names
        date = kinds <= {TEXT, NULL} and schema.get("format") in _DATES
        return Type(kinds, items, fields, closed, None, whole, date)


def _narrow(left: Type, right: Type) -> Type:
    """What is true of a value of both types, as far as it is easily said."""
    if left.is_any:
        return right
    if right.is_any:
        return left
    kinds = left.kinds & right.kinds or left.kinds
    fields = {**left.fields, **right.fields}
    closed = bool(fields) and (left.closed or not left.fields) and (right.closed or not right.fields)
    return Type(
        kinds,
        left.items or right.items,
        fields,
        closed,
        left.members or right.members,
        left.whole,
        left.date or right.date,
    )


def _referenced(reference: str, root: object) -> object:
    if not reference.startswith("#"):
        return None
    target = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if not part:
            continue
        name = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(target, dict) or name not in target:
            return None
        target = target[name]
    return target
