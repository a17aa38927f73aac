"""JSON Schemas of others, read as far as a check needs: references followed, `allOf` and branches laid together."""

from __future__ import annotations

from headgate.plan import Json, JsonObject

BRANCHES = ("anyOf", "oneOf")
_DEEPEST = 30
_MOST_BRANCHES = 200


class Shapes:
    """The schemas inside one root, which holds what `$ref` refers to."""

    def __init__(self, root: JsonObject) -> None:
        self._root = root

    def plain(self, schema: Json) -> JsonObject:
        """A schema without `$ref` and `allOf` at its top; `{}`, which takes everything, for what cannot be followed."""
        return self._plain(schema, 0)

    def _plain(self, schema: Json, depth: int) -> JsonObject:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return {}
        reference, every = schema.get("$ref"), schema.get("allOf")
        if not isinstance(reference, str) and not isinstance(every, list):
            return schema
        own: JsonObject = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        if isinstance(reference, str):
            own = merged(own, self._plain(self._referenced(reference), depth + 1))
        for one in every if isinstance(every, list) else []:
            own = merged(own, self._plain(one, depth + 1))
        return own

    def branches(self, schema: JsonObject) -> list[JsonObject]:
        """The alternatives of a plain schema, each with what it says for all of them; itself when it has none."""
        made = self._branches(schema, 0)
        return made if len(made) <= _MOST_BRANCHES else [{}]

    def _branches(self, schema: JsonObject, depth: int) -> list[JsonObject]:
        for key in BRANCHES:
            found = schema.get(key)
            if isinstance(found, list) and found:
                own: JsonObject = {name: value for name, value in schema.items() if name != key}
                made: list[JsonObject] = []
                for branch in found:
                    whole = merged(own, self.plain(branch))
                    made += self._branches(whole, depth + 1) if depth < _DEEPEST else [{}]
                    if len(made) > _MOST_BRANCHES:
                        break
                return made
        return [schema]

    def _referenced(self, reference: str) -> Json:
        target: Json = self._root if reference.startswith("#") else None
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                name = part.replace("~1", "/").replace("~0", "~")
                target = target.get(name) if isinstance(target, dict) else None
        return target


def merged(own: JsonObject, other: JsonObject) -> JsonObject:
    """A schema for values of both, or a wider one: what both say of the same thing in the same word, `own` says."""
    result: JsonObject = {**other, **own}
    both = {key: (own[key], other[key]) for key in own.keys() & other.keys()}
    for key, (left, right) in both.items():
        if key == "properties" and isinstance(left, dict) and isinstance(right, dict):
            shared: JsonObject = {name: {"allOf": [left[name], right[name]]} for name in left.keys() & right.keys()}
            result[key] = {**right, **left, **shared}
        elif key == "required" and isinstance(left, list) and isinstance(right, list):
            result[key] = [*left, *(name for name in right if name not in left)]
        elif key == "type" and isinstance(left, list):
            others: list[Json] = right if isinstance(right, list) else [right]
            result[key] = [name for name in left if name in others] or left
        elif key in BRANCHES:
            result.pop(key)
    return result


def declared(schema: JsonObject) -> tuple[str, ...]:
    """The properties that a schema names."""
    found = schema.get("properties")
    return tuple(found) if isinstance(found, dict) else ()


def required(schema: JsonObject) -> tuple[str, ...]:
    """The properties that must be there."""
    found = schema.get("required")
    return tuple(name for name in found if isinstance(name, str)) if isinstance(found, list) else ()


def takes_more(schema: JsonObject) -> bool:
    """Whether a map may hold keys that the schema does not name."""
    return schema.get("additionalProperties") is not False and schema.get("unevaluatedProperties") is not False


def names_its_keys(schema: JsonObject, *, outermost: bool) -> bool:
    """Whether a key that is not named is worth a word: not in maps whose keys are free.

    A schema of all arguments that names none takes none; of a map inside, it means that nobody listed its keys.
    """
    rest = schema.get("additionalProperties")
    if rest is False or schema.get("unevaluatedProperties") is False:
        return True
    if isinstance(rest, dict) and rest:
        return False
    if "patternProperties" in schema or "propertyNames" in schema:
        return False
    if declared(schema):
        return True
    return outermost and "properties" in schema and rest is None
