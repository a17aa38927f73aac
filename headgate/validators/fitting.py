"""Written values against the JSON Schemas of others: of a tool's arguments, of a callee's inputs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from headgate.compiler import types
from headgate.compiler.types import Type
from headgate.grammar import ast
from headgate.kinds.checker import is_of
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.literals import count_fault, literal_fault
from headgate.validators.schema_shapes import Shapes, declared, names_its_keys, required, takes_more
from headgate.validators.words import said_of_schema, said_of_type, spelt

TypeOf: TypeAlias = Callable[[ast.Template], Type]
_MOST_CHECKS = 20_000
_TEXT_OF_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


class Misfit(NamedTuple):
    """One thing that does not fit. `path` leads to it from the value that was checked; `span` is its place.

    `sort` is `type` (`said` follows on the name: "expects a number, not text"; `replacement` is what to write instead
    when that is one token), `unknown` (the path ends with a key that the schema does not name; `known` are those it
    does and that are not written yet, `free` says that it takes others, `quoted` that the key stands as text) or
    `missing` (the path ends with a key that must be there; `said` is what it should be; `within` is the map that lacks
    it).
    """

    sort: str
    path: tuple[str | int, ...]
    span: Span
    said: str = ""
    replacement: str | None = None
    known: tuple[str, ...] = ()
    free: bool = False
    quoted: bool = False
    within: ast.Value | None = None

    @property
    def is_certain(self) -> bool:
        """Whether it would be refused; what is only not named may pass."""
        return not self.free


class Fitting:
    """Checks values against one root. `type_of` gives the static type of a template; `text` is the file's."""

    def __init__(self, root: JsonObject, type_of: TypeOf, text: str) -> None:
        self._root = root
        self._shapes = Shapes(root)
        self._type_of = type_of
        self._text = text
        self._checks = 0

    def misfits(self, value: ast.Value, given: frozenset[str] = frozenset()) -> list[Misfit]:
        """What in a value does not fit the root; `given` are keys that come to it from elsewhere."""
        return self._check(value, self._root, (), given)

    def missing(self, place: Span, given: frozenset[str]) -> list[Misfit]:
        """What a value that is not written lacks; `place` is where to say so."""
        schema = self._shapes.plain(self._root)
        if len(self._shapes.branches(schema)) > 1:
            return []
        return [self._lacks(schema, name, (), place, None) for name in required(schema) if name not in given]

    def unnamed(self, name: str, place: Span) -> list[Misfit]:
        """What is wrong with a key that stands elsewhere than in the value."""
        schema = self._shapes.plain(self._root)
        branches = self._shapes.branches(schema)
        known = tuple(one for branch in branches for one in declared(branch))
        if name in known or not all(names_its_keys(branch, outermost=True) for branch in branches):
            return []
        free = any(takes_more(branch) for branch in branches)
        return [Misfit("unknown", (name,), place, known=known, free=free, quoted=True)]

    def _check(
        self, value: ast.Value, schema: Json, path: tuple[str | int, ...], given: frozenset[str] = frozenset()
    ) -> list[Misfit]:
        self._checks += 1
        if isinstance(value, ast.Word | ast.TypeRef) or self._checks > _MOST_CHECKS:
            return []  # HG007 says it of a bare word
        plain = self._shapes.plain(schema)
        attempts: list[list[Misfit]] = []
        branches = self._shapes.branches(plain)
        for branch in branches:
            found = self._one(value, branch, path, given)
            if not any(one.is_certain for one in found):
                return found
            attempts.append(found)
        if len(attempts) == 1:
            return attempts[0]
        here = [found for found in attempts if any(one.sort == "type" and one.path == path for one in found)]
        if len(here) == len(attempts):
            return [self._of_all(value, plain, here, path)]
        inside = [found for found in attempts if found not in here]
        return min(inside, key=lambda found: sum(one.is_certain for one in found))

    def _of_all(
        self, value: ast.Value, schema: JsonObject, attempts: list[list[Misfit]], path: tuple[str | int, ...]
    ) -> Misfit:
        """What to say of a value that fits no branch by its very type."""
        replacement = next((one.replacement for found in attempts for one in found if one.replacement), None)
        wanted = self._wanted(schema)
        return Misfit("type", path, value.span, f"expects {wanted}, not {self._called(value)}", replacement)

    def _wanted(self, schema: JsonObject) -> str:
        branches = self._shapes.branches(schema)
        if len(branches) == 1:
            return said_of_schema(schema)
        return " or ".join(dict.fromkeys(self._wanted(self._shapes.plain(branch)) for branch in branches[:6]))

    def _one(
        self, value: ast.Value, schema: JsonObject, path: tuple[str | int, ...], given: frozenset[str]
    ) -> list[Misfit]:
        match value:
            case ast.Template():
                return self._typed(value, self._type_of(value), schema, path)
            case ast.Text() if value.plain is None:
                return self._mixed(value, schema, path)
            case ast.Map():
                return self._kind(value, schema, path) or self._map(value, schema, path, given)
            case ast.List():
                return self._kind(value, schema, path) or self._list(value, schema, path)
            case _:
                return self._kind(value, schema, path) or self._literal(value, schema, path)

    def _kind(self, value: ast.Value, schema: JsonObject, path: tuple[str | int, ...]) -> list[Misfit]:
        """Whether a written value is of a type that the schema takes."""
        names = _type_names(schema)
        taken = names is None or any(is_of(_shape(value), name) for name in names)
        if taken and not (isinstance(value, ast.List | ast.Map) and _takes_only_others(value, schema)):
            return []
        names = names or ()
        said = f"expects {said_of_schema(schema)}, not {self._called(value)}"
        return [Misfit("type", path, value.span, said, self._instead(value, names))]

    def _instead(self, value: ast.Value, names: tuple[str, ...]) -> str | None:
        """One token that would be of the right type: quotes put on or taken off."""
        written = self._text[value.span.start : value.span.end]
        if isinstance(value, ast.Number | ast.Boolean | ast.Duration):
            return f'"{written}"' if "string" in names else None
        plain = value.plain if isinstance(value, ast.Text) else None
        if plain is None:
            return None
        number = _TEXT_OF_NUMBER.fullmatch(plain) is not None
        if number and ("number" in names or ("integer" in names and "." not in plain)):
            return plain
        return plain if plain in ("true", "false") and "boolean" in names else None

    def _mixed(self, value: ast.Text, schema: JsonObject, path: tuple[str | int, ...]) -> list[Misfit]:
        """Text with templates is text."""
        names = _type_names(schema)
        if names is None or "string" in names:
            return []
        said = f"expects {said_of_schema(schema)}, not text"
        alone = value.parts[0] if len(value.parts) == 1 else None
        if not isinstance(alone, ast.Template) or self._typed(alone, self._type_of(alone), schema, path):
            return [Misfit("type", path, value.span, said)]
        return [Misfit("type", path, value.span, said, self._text[alone.span.start : alone.span.end])]

    def _literal(self, value: ast.Value, schema: JsonObject, path: tuple[str | int, ...]) -> list[Misfit]:
        plain = _shape(value)
        wrong = literal_fault(plain, schema)
        if wrong is None:
            return []
        return [Misfit("type", path, value.span, wrong, _nearest_member(plain, schema))]

    def _list(self, value: ast.List, schema: JsonObject, path: tuple[str | int, ...]) -> list[Misfit]:
        wrong = count_fault(len(value.items), schema, "minItems", "maxItems", "item")
        found = [] if wrong is None else [Misfit("type", path, value.span, wrong)]
        first = schema.get("prefixItems")
        firsts = first if isinstance(first, list) else []
        for index, item in enumerate(value.items):
            one = firsts[index] if index < len(firsts) else schema.get("items")
            if isinstance(one, dict):
                found += self._check(item, one, (*path, index))
        return found

    def _map(
        self, value: ast.Map, schema: JsonObject, path: tuple[str | int, ...], given: frozenset[str]
    ) -> list[Misfit]:
        known = declared(schema)
        properties = schema.get("properties")
        entries = {entry.key.text: entry for entry in reversed(value.entries)}
        found: list[Misfit] = []
        for name, entry in reversed(entries.items()):
            if isinstance(properties, dict) and name in properties:
                found += self._check(entry.value, properties[name], (*path, name))
            elif "patternProperties" not in schema:
                found += self._unnamed(entry, schema, (*path, name), tuple(one for one in known if one not in entries))
        lacking = [name for name in required(schema) if name not in entries and name not in given]
        found += [self._lacks(schema, name, path, value.span, value) for name in lacking]
        return found

    def _unnamed(
        self, entry: ast.Entry, schema: JsonObject, path: tuple[str | int, ...], known: tuple[str, ...]
    ) -> Iterator[Misfit]:
        """A key that the schema does not name."""
        rest = schema.get("additionalProperties")
        if isinstance(rest, dict) and rest:
            yield from self._check(entry.value, rest, path)
        elif names_its_keys(schema, outermost=len(path) == 1):
            yield Misfit("unknown", path, entry.key.span, known=known, free=takes_more(schema))

    def _lacks(
        self, schema: JsonObject, name: str, path: tuple[str | int, ...], place: Span, within: ast.Value | None
    ) -> Misfit:
        properties = schema.get("properties")
        one = self._shapes.plain(properties.get(name)) if isinstance(properties, dict) else {}
        return Misfit("missing", (*path, name), place, self._wanted(one), within=within)

    def _typed(self, value: ast.Template, type_: Type, schema: JsonObject, path: tuple[str | int, ...]) -> list[Misfit]:
        """What is certainly wrong with a value of which only the type is known; every finding stands at `value`."""
        wanted = types.from_schema(schema, self._root)
        if not types.overlap(type_, wanted):
            said = f"expects {self._wanted(schema)}, not {said_of_type(type_)}"
            quoted = type_.only(types.NUMBER, types.BOOLEAN) and wanted.may_be(types.TEXT) and wanted.members is None
            written = self._text[value.span.start : value.span.end]
            usable = quoted and "\n" not in written
            return [Misfit("type", path, value.span, said, f'"{written}"' if usable else None)]
        if not type_.only(types.MAP) or not type_.fields:
            return []
        return self._fields(value, type_, schema, path)

    def _fields(
        self, value: ast.Template, type_: Type, schema: JsonObject, path: tuple[str | int, ...]
    ) -> list[Misfit]:
        properties = schema.get("properties")
        found: list[Misfit] = []
        for name, field in type_.fields.items():
            if isinstance(properties, dict) and name in properties:
                one = self._shapes.plain(properties[name])
                if not types.overlap(field, types.from_schema(one, self._root)):
                    said = f"expects {self._wanted(one)}, not {said_of_type(field)}"
                    found.append(Misfit("type", (*path, name), value.span, said))
        if type_.closed:
            lacking = [name for name in required(schema) if name not in type_.fields]
            found += [self._lacks(schema, name, path, value.span, None) for name in lacking]
        return found

    def _called(self, value: ast.Value) -> str:
        match value:
            case ast.Template():
                return said_of_type(self._type_of(value))
            case ast.Duration():
                return f"the duration `{value.text}`"
            case ast.Text() | ast.Fence():
                plain = value.plain if isinstance(value, ast.Text) else None
                return "text" if plain is None else spelt(plain)
            case ast.Map():
                return "a map"
            case ast.List():
                return "a list"
            case _:
                return spelt(_shape(value))


def _shape(value: ast.Value) -> Json:
    """A plain value; of a list or map only that it is one."""
    match value:
        case ast.Text():
            return value.plain or ""
        case ast.Fence():
            return value.text
        case ast.Number() | ast.Boolean():
            return value.value
        case ast.Duration():
            return value.milliseconds
        case ast.List():
            return []
        case ast.Map():
            return {}
        case _:
            return None


def _takes_only_others(value: ast.List | ast.Map, schema: JsonObject) -> bool:
    """Whether the schema lists its values, and no list or map is among them."""
    members = schema.get("enum", [schema["const"]] if "const" in schema else None)
    kind = list if isinstance(value, ast.List) else dict
    return isinstance(members, list) and not any(isinstance(member, kind) for member in members)


def _type_names(schema: JsonObject) -> tuple[str, ...] | None:
    """The types that a schema takes, None when it does not say."""
    written = schema.get("type")
    names = tuple(str(name) for name in written) if isinstance(written, list) else (str(written),) if written else None
    if names is not None and schema.get("nullable") is True:
        return (*names, "null")
    return names


def _nearest_member(value: Json, schema: JsonObject) -> str | None:
    """The member of an enumeration of texts that was probably meant, in quotes."""
    from headgate.diagnostics import nearest

    members = schema.get("enum")
    if not isinstance(value, str) or not isinstance(members, list):
        return None
    guess = nearest(value, tuple(member for member in members if isinstance(member, str)))
    plain = guess is not None and guess.isprintable() and not set(guess) & {'"', "\\", "{"}
    return f'"{guess}"' if plain else None
