"""A small checker of the part of JSON Schema that our own schema files use, with the language's own formats.

Keywords: `type enum const properties required additionalProperties minProperties maxProperties items minItems maxItems
minimum maximum exclusiveMinimum minLength pattern anyOf`, and `$ref` to the file's `$defs`. Two keywords are the
language's: `template` (true: a template may stand here, or anywhere inside a free value) and these values of `format`:

- `duration`: a duration literal; plain JSON gives whole milliseconds
- `word`: a bare word, out of `enum` when there is one
- `step`: a bare name; `instance`, `model`, `agent`, `workflow`, `connection`, `tool`: a bare name or text
- `condition`: a lone template
- `type`: a type; `schema`: a type, a fence with JSON, or a map

A schema of an installed kind may use more of JSON Schema: a value without templates is then checked by `jsonschema`.
"""

from __future__ import annotations

import re
from functools import lru_cache

from headgate.diagnostics import nearest
from headgate.kinds.faults import Check, Fault, Path, Schema, expects
from headgate.kinds.forms import LITERALS, check_free, check_leaf, check_literal, check_range
from headgate.kinds.values import Duration, Fenced, Mixed, Neutral, Template, TypeName, Word, describe, is_plain

ANNOTATIONS = frozenset(
    {"$schema", "$id", "$defs", "title", "description", "default", "examples", "headgate", "secret"}
)
KEYWORDS = frozenset(
    {
        *("type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems", "maxItems"),
        *("minimum", "maximum", "exclusiveMinimum", "minLength", "pattern", "anyOf", "$ref", "format", "template"),
        *("minProperties", "maxProperties"),
    }
)


def compile_schema(schema: Schema, root: Schema | None = None) -> Check:
    """The check of a schema; `root` holds the `$defs` it refers to. The check appends what it finds to its list."""
    return _Compiler(schema if root is None else root).compile(schema)


def faults(check: Check, value: Neutral) -> list[Fault]:
    """What a compiled check says about a value."""
    found: list[Fault] = []
    check(value, (), found)
    return found


class _Compiler:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.named: dict[str, Check] = {}

    def compile(self, schema: object) -> Check:
        if schema is True:
            return _nothing
        if schema is False:
            return _never
        assert isinstance(schema, dict), "a schema is a map, true or false"
        reference = schema.get("$ref")
        if isinstance(reference, str):
            return self._named(reference)
        if "anyOf" in schema and schema.keys() & KEYWORDS <= {"anyOf", "template"}:
            return _any_of(schema, [self.compile(branch) for branch in schema["anyOf"]])
        return _one(schema, self)

    def _named(self, reference: str) -> Check:
        """A check that is compiled when it is first needed, so that schemas may refer to themselves."""

        def check(value: Neutral, path: Path, found: list[Fault]) -> None:
            if reference not in self.named:
                target: object = self.root
                for part in reference.removeprefix("#/").split("/"):
                    assert isinstance(target, dict), f"{reference} is in the schema"
                    target = target[part]
                self.named[reference] = self.compile(target)
            self.named[reference](value, path, found)

        return check


def _nothing(value: Neutral, path: Path, found: list[Fault]) -> None:
    """`true`: everything passes."""


def _never(value: Neutral, path: Path, found: list[Fault]) -> None:
    found.append(Fault(path, "unknown", f"is not known here, so {describe(value)} has no place"))


def _any_of(schema: Schema, checks: list[Check]) -> Check:
    words = expects(schema)
    branches = schema["anyOf"]
    assert isinstance(branches, list), "anyOf is a list"

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        attempts: list[list[Fault]] = []
        for one in checks:
            said: list[Fault] = []
            one(value, path, said)
            if not said:
                return
            attempts.append(said)
        deeper = [said for said in attempts if all(len(fault.path) > len(path) or _inside(fault) for fault in said)]
        if deeper:
            found.extend(_nearest_branch(deeper, path))
            return
        hint = next((fault.replacement for said in attempts for fault in said if fault.replacement), None)
        names = tuple(name for said in attempts for fault in said if fault.path == path for name in fault.expected)
        rule = attempts[0][0].rule if len({said[0].rule for said in attempts}) == 1 else "type"
        found.append(Fault(path, rule, f"expects {words}, not {describe(value)}", names, hint))

    return check


def _nearest_branch(attempts: list[list[Fault]], path: Path) -> list[Fault]:
    """What the branch says that was probably meant: the fewest faults, and of these the best guess at a key."""
    fewest = min(len(said) for said in attempts)
    best = [said for said in attempts if len(said) == fewest]
    if len(best) > 1 and all(fault.rule == "missing" for said in best for fault in said):
        names = tuple(name for said in best for fault in said for name in fault.expected)
        return [Fault(path, "missing", "lacks " + " or ".join(f"`{name}`" for name in names), names)]
    return max(best, key=lambda said: sum(_guessed(fault) for fault in said))


def _guessed(fault: Fault) -> bool:
    """Whether a key that nobody knows is nearly one that is known."""
    return fault.rule == "unknown" and nearest(str(fault.path[-1]), fault.expected) is not None


def _inside(fault: Fault) -> bool:
    """Whether a fault says that the value is of the right sort and only wrong in itself."""
    return fault.rule in ("missing", "range", "json", "json-type", "unknown-type")


def _one(schema: Schema, compiler: _Compiler) -> Check:
    form = schema.get("format")
    templates = schema.get("template") is True
    words = expects(schema)
    leaf = check_leaf(schema)
    plain = _plain(schema, compiler)
    free = not (schema.keys() & {"type", "enum", "const", "format", "anyOf"})
    full = bool(schema.keys() - KEYWORDS - ANNOTATIONS)

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if isinstance(value, Template):
            if not templates and form != "condition":
                found.append(Fault(path, "template", f"takes no template: it expects {words}, known before a run"))
        elif isinstance(value, Mixed | Word | Duration | TypeName | Fenced):
            leaf(value, path, found)
        elif form in LITERALS:
            check_literal(value, path, found, schema)
        else:
            plain(value, path, found)
            if free:
                check_free(value, path, found, schema)
            if full and is_plain(value):
                _whole(schema, compiler.root, value, path, found)

    return check


def _plain(schema: Schema, compiler: _Compiler) -> Check:
    """The check of plain JSON by the keywords of JSON Schema."""
    checks: list[Check] = []
    if "type" in schema:
        checks.append(_type(schema))
    if "enum" in schema:
        checks.append(_enum({"enum": schema["enum"]}))
    if "const" in schema:
        checks.append(_enum({"enum": [schema["const"]]}))
    if schema.keys() & {"minimum", "maximum", "exclusiveMinimum"}:
        checks.append(_numbers(schema))
    if schema.keys() & {"minLength", "pattern"}:
        checks.append(_texts(schema))
    if schema.keys() & {"items", "minItems", "maxItems"}:
        checks.append(_lists(schema, compiler))
    if schema.keys() & {"properties", "required", "additionalProperties"}:
        checks.append(_maps(schema, compiler))
    if schema.keys() & {"minProperties", "maxProperties"}:
        checks.append(_sizes(schema))
    if "anyOf" in schema:
        branches = schema["anyOf"]
        assert isinstance(branches, list), "anyOf is a list"
        checks.append(_any_of({"anyOf": branches}, [compiler.compile(branch) for branch in branches]))

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        before = len(found)
        for one in checks:
            one(value, path, found)
            if len(found) > before:
                return

    return check


_BARE = {
    "integer": re.compile(r"-?(0|[1-9]\d*)"),
    "number": re.compile(r"-?(0|[1-9]\d*)(\.\d+)?"),
    "boolean": re.compile(r"true|false"),
}
"""What values of a type look like without quotes."""


def is_of(value: object, name: str) -> bool:
    """Whether a plain value has a type of JSON Schema."""
    match name:
        case "string":
            return isinstance(value, str)
        case "integer":
            return (isinstance(value, int) and not isinstance(value, bool)) or (
                isinstance(value, float) and value.is_integer()
            )
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case _:
            return isinstance(value, dict)


def _type(schema: Schema) -> Check:
    types = schema["type"]
    names = tuple(types) if isinstance(types, list) else (str(types),)
    words = expects(schema)

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if not any(is_of(value, name) for name in names):
            meant = _requoted(value, names)
            found.append(
                Fault(path, "quote" if meant else "type", f"expects {words}, not {describe(value)}", (), meant)
            )

    return check


def _requoted(value: Neutral, names: tuple[str, ...]) -> str | None:
    """The value with its quotes taken off or put on, where nothing else is wrong with it."""
    if isinstance(value, str):
        bare = _BARE.get(names[0]) if len(names) == 1 else None
        return value if bare is not None and bare.fullmatch(value) else None
    if names == ("string",) and isinstance(value, int) and not isinstance(value, bool):
        return f'"{value}"'
    return None


def same(left: object, right: object) -> bool:
    """Equality as JSON Schema has it: 1 is 1.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def _enum(schema: Schema) -> Check:
    members = schema["enum"]
    assert isinstance(members, list), "enum is a list"
    names = tuple(member for member in members if isinstance(member, str))
    words = expects(schema)

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if not any(same(value, member) for member in members):
            found.append(Fault(path, "enum", f"expects {words}, not {describe(value)}", names))

    return check


def _numbers(schema: Schema) -> Check:
    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if isinstance(value, int | float) and not isinstance(value, bool):
            check_range(schema, value, str(value), path, found)

    return check


def _texts(schema: Schema) -> Check:
    least = schema.get("minLength", 0)
    pattern = schema.get("pattern")
    matcher = re.compile(pattern) if isinstance(pattern, str) else None
    assert isinstance(least, int), "minLength is a whole number"

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if isinstance(value, str):
            if len(value) < least:
                found.append(Fault(path, "range", f"expects at least {least} character{'s'[: least != 1]}"))
            elif matcher is not None and matcher.search(value) is None:
                found.append(Fault(path, "range", f"expects text that matches `{pattern}`, not {describe(value)}"))

    return check


def _lists(schema: Schema, compiler: _Compiler) -> Check:
    items = compiler.compile(schema["items"]) if "items" in schema else None
    least, most = schema.get("minItems", 0), schema.get("maxItems")
    assert isinstance(least, int), "minItems is a whole number"

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if not isinstance(value, list):
            return
        if len(value) < least:
            found.append(Fault(path, "range", f"expects at least {least} item{'s'[: least != 1]}"))
        elif isinstance(most, int) and len(value) > most:
            found.append(Fault(path, "range", f"expects at most {most} items, not {len(value)}"))
        if items is not None:
            for index, item in enumerate(value):
                items(item, (*path, index), found)

    return check


def _maps(schema: Schema, compiler: _Compiler) -> Check:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    assert isinstance(properties, dict), "properties is a map"
    assert isinstance(required, list), "required is a list"
    known = tuple(properties)
    checks = {name: compiler.compile(one) for name, one in properties.items()}
    more = schema.get("additionalProperties", True)
    rest = None if more is False else compiler.compile(more)

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if not isinstance(value, dict):
            return
        found.extend(Fault(path, "missing", f"lacks `{name}`", (name,)) for name in required if name not in value)
        for key, item in value.items():
            one = checks.get(key, rest)
            if one is None:
                found.append(Fault((*path, key), "unknown", f"`{key}` is not known here", known))
            else:
                one(item, (*path, key), found)

    return check


def _sizes(schema: Schema) -> Check:
    least, most = schema.get("minProperties", 0), schema.get("maxProperties")
    properties = schema.get("properties", {})
    assert isinstance(least, int), "minProperties is a whole number"
    assert isinstance(properties, dict), "properties is a map"
    names = ", ".join(f"`{name}`" for name in properties) or "its keys"

    def check(value: Neutral, path: Path, found: list[Fault]) -> None:
        if not isinstance(value, dict):
            return
        if len(value) < least:
            found.append(Fault(path, "range", f"expects at least {least} of {names}"))
        elif isinstance(most, int) and len(value) > most:
            found.append(Fault(path, "range", f"expects at most {most} of {names}"))

    return check


@lru_cache(maxsize=64)
def _validator(text: str) -> object:
    import json

    import jsonschema

    return jsonschema.Draft202012Validator(json.loads(text))


def _whole(schema: Schema, root: Schema, value: Neutral, path: Path, found: list[Fault]) -> None:
    """The whole of JSON Schema, for what an installed kind may use."""
    import json

    import jsonschema

    from headgate.kinds.mismatch import mismatch

    whole = {**schema, "$defs": root.get("$defs", {})}
    validator = _validator(json.dumps(whole, sort_keys=True))
    assert isinstance(validator, jsonschema.Draft202012Validator), "the cache holds validators"
    for error in validator.iter_errors(value):
        fault = Fault((*path, *error.absolute_path), "type", f"does not fit its schema: {mismatch(error)}")
        if not any(other.path == fault.path for other in found):
            found.append(fault)
