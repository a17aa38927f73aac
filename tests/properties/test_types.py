"""What is said of a value before a run holds for every value there can be."""

from __future__ import annotations

import json
from typing import Any

from expression_texts import EXPRESSIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.compiler import types
from headgate.compiler.expression_types import ExpressionTypes
from headgate.compiler.graph import build
from headgate.compiler.inference import Inference, Known
from headgate.compiler.uses import Site
from headgate.expressions import Segment, TemplateFailed, evaluate, parse, tree
from headgate.grammar.parse import parse as parse_file
from headgate.source import Source

MODEST = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.sampled_from(["a", "b2", "x_y"])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.sampled_from([0.5, -2.5]), st.text("ab é", max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
LETS = ("a", "b2", "steps", "inputs", "order_id", "Items", "x_y")
SITE = Site("step", "", frozenset({"vars"}))


def kind_of(value: object) -> str:
    match value:
        case None:
            return types.NULL
        case bool():
            return types.BOOLEAN
        case int() | float():
            return types.NUMBER
        case str():
            return types.TEXT
        case list():
            return types.LIST
        case _:
            return types.MAP


def fits(value: Any, type_: types.Type) -> bool:
    """Whether a type says nothing that is not true of a value."""
    if type_.is_any:
        return True
    if kind_of(value) not in type_.kinds or (type_.members is not None and value not in type_.members):
        return False
    if isinstance(value, list):
        return all(type_.items is None or fits(item, type_.items) for item in value)
    if isinstance(value, dict):
        return all(
            fits(item, type_.fields[key]) if key in type_.fields else not type_.closed for key, item in value.items()
        )
    return not (type_.whole and isinstance(value, float))


@st.composite
def schemas(draw: st.DrawFn, depth: int = 3) -> tuple[dict[str, Any], Any]:
    """A JSON Schema and a value that it allows."""
    sort = draw(
        st.sampled_from(["leaf", "enum", "list", "map", "either", "free"] if depth else ["leaf", "enum", "free"])
    )
    if sort == "leaf":
        name = draw(st.sampled_from(["null", "boolean", "integer", "number", "string"]))
        return {"type": name}, {"null": None, "boolean": True, "integer": 3, "number": 0.5, "string": "x"}[name]
    if sort == "enum":
        members = draw(
            st.lists(st.one_of(st.none(), st.integers(0, 3), st.text("ab", max_size=1)), min_size=1, max_size=3)
        )
        return {"enum": members}, draw(st.sampled_from(members))
    if sort == "list":
        schema, value = draw(schemas(depth - 1))
        return {"type": "array", "items": schema}, [value] * draw(st.integers(0, 2))
    if sort == "map":
        parts = {key: draw(schemas(depth - 1)) for key in draw(st.sets(KEYS, max_size=3))}
        present = draw(st.sets(st.sampled_from(sorted(parts)))) if parts else set()
        schema = {"type": "object", "properties": {key: part[0] for key, part in parts.items()}}
        value = {key: parts[key][1] for key in present}
        if not parts or draw(st.booleans()):
            return schema | {"additionalProperties": True}, value | {"other": 1}
        return schema, value
    if sort == "either":
        branches = [draw(schemas(depth - 1)) for _ in range(2)]
        return {"anyOf": [branch[0] for branch in branches]}, draw(st.sampled_from(branches))[1]
    return {}, draw(VALUES)


@given(schemas())
@MODEST
def test_a_value_that_a_schema_allows_fits_the_type_of_the_schema(made: tuple[dict[str, Any], Any]) -> None:
    schema, value = made
    assert fits(value, types.from_schema(schema))
    assert fits([value], types.from_schema({"type": "array", "items": {"$ref": "#/$defs/x"}, "$defs": {"x": schema}}))


@given(VALUES, VALUES)
@MODEST
def test_a_value_fits_its_own_type_and_every_union_with_it(value: Any, other: Any) -> None:
    own = types.constant(value)
    assert fits(value, own)
    for either in (types.union((own, types.constant(other))), types.union((types.constant(other), own))):
        assert fits(value, either)
        assert fits(other, either)


@given(VALUES, st.lists(st.sampled_from(["a", "b2", "x_y", 0, -1]), max_size=4))
@MODEST
def test_a_path_that_leads_somewhere_is_never_said_to_lead_nowhere(value: Any, links: list[str | int]) -> None:
    written = "".join(f"[{link}]" if isinstance(link, int) else f".{link}" for link in links)
    try:
        found = evaluate(f"vars.x{written}", {"vars": {"x": value}})
    except TemplateFailed:
        return
    type_: types.Type | None = types.constant(value)
    for link in links:
        assert type_ is not None
        type_ = types.member(type_, link).type
    assert type_ is not None
    assert fits(found, type_)


@given(EXPRESSIONS, st.lists(VALUES, min_size=len(LETS), max_size=len(LETS)))
@settings(MODEST, max_examples=300)
def test_an_expression_evaluates_to_what_its_type_says(text: str, values: list[Any]) -> None:
    constants = dict(zip(LETS, values, strict=True))
    expression = parse(_through_vars(text))
    try:
        value = evaluate(expression.text, {"vars": constants})
    except TemplateFailed:
        return
    lines = [f"  let {name} = {{{{ {json.dumps(value, ensure_ascii=False)} }}}}" for name, value in constants.items()]
    file, found = parse_file(Source("x.flow", "\n".join(["workflow w {", *lines, "  step s = set { x = 1 }", "}"])))
    assert not found
    graph, _ = build(file.workflows[0])
    type_ = Inference(graph, Known()).type_of(expression.root, SITE)
    assert fits(value, type_), (value, type_)


FORMS = [
    "({0}) | int",
    "({0}) | int({1})",
    "({0}) | float(default={1})",
    "({0}) | sum",
    "({0}) | abs",
    "({0}) | first",
    "({0}) | max",
    "({0}) | sort",
    "({0}) | unique",
    "({0}) | select",
    "({0}) | map('upper')",
    "({0}) | map(attribute='a')",
    "({0}) | map(attribute='a.b2', default={1})",
    "({0}) | slice(2)",
    "({0}) | default({1}, true)",
    "({0}) or ({1})",
    "({0}) and ({1})",
    "{0} if {0} is not none else {1}",
    "{1} if {0} == none else {0}",
    "{0} if {0} is string else {1}",
    "{0} if not ({0} == 'a' or {1} is none) else {1}",
    "{0} if {0} and {1} else {1}",
    "({0}) - ({1})",
    "({0}) // ({1})",
    "({0}) % ({1})",
    "-({0})",
    "[{0}, {1}][0]",
    '{{"a": {0}, {1}: 1}}',
    "({0})[0:]",
]
PATHS = st.builds(
    lambda name, links: f"vars.{name}" + "".join(links),
    st.sampled_from(["a", "b2", "x_y"]),
    st.lists(st.sampled_from([".a", ".b2", "[0]"]), max_size=2),
)
TYPED = st.recursive(
    st.one_of(PATHS, PATHS, st.sampled_from(["1", "2.5", "'a'", "true", "none", "[1, 2]", "[]"])),
    lambda inner: st.builds(lambda form, one, two: form.format(one, two), st.sampled_from(FORMS), inner, inner),
    max_leaves=4,
)


@given(TYPED, st.dictionaries(KEYS, VALUES, min_size=3, max_size=3), st.dictionaries(KEYS, VALUES))
@settings(MODEST, max_examples=500)
def test_filters_and_conditions_make_what_their_types_say(
    text: str, values: dict[str, Any], others: dict[str, Any]
) -> None:
    try:
        value = evaluate(text, {"vars": values})
    except TemplateFailed:
        return
    known = types.map_of(
        {key: types.union((types.constant(one), types.constant(others.get(key, one)))) for key, one in values.items()},
        closed=True,
    )

    def of_path(path: tree.Path) -> types.Type:
        type_: types.Type | None = known
        for segment in path.segments[1:]:
            type_ = None if type_ is None else types.member(type_, segment.key).type
        return types.ANY if type_ is None else type_

    type_ = ExpressionTypes(of_path).of(parse(text).root)
    assert fits(value, type_), (value, type_)


@given(schemas())
@MODEST
def test_an_input_with_a_schema_is_of_its_type(made: tuple[dict[str, Any], Any]) -> None:
    schema, value = made
    text = f"workflow w {{\n  input a: any {{\n    schema = ```json\n    {json.dumps(schema)}\n    ```\n  }}\n}}"
    file, found = parse_file(Source("x.flow", text))
    assert not found
    type_ = Inference(build(file.workflows[0])[0], Known()).type_of(parse("inputs.a").root, SITE)
    assert fits(value, type_)


def _through_vars(text: str) -> str:
    """The expression with each name read from `vars`."""
    for reference in reversed(parse(text).references):
        at = reference.segments[0].start
        text = f"{text[:at]}vars.{text[at:]}"
    return text


def test_what_leads_nowhere_names_what_there_is() -> None:
    type_ = types.from_schema({"type": "object", "properties": {"id": {"type": "string"}, "amount": {}}})
    assert types.member(type_, "amout") == types.Step(None, ("id", "amount"))
    assert types.member(types.A_TEXT, "x").type is None
    assert types.member(types.A_TEXT, 0).type == types.A_TEXT
    assert types.member(types.nullable(type_), "id").type == types.A_TEXT


def test_a_schema_that_takes_more_is_open() -> None:
    open_schema = {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}}
    assert types.member(types.from_schema(open_schema), "zzz").type is types.ANY
    for schema in ({}, True, {"type": "object"}, {"$ref": "https://elsewhere"}, {"$ref": "#"}, {"not": {}}):
        assert types.member(types.from_schema(schema), "zzz").type is types.ANY


def test_a_link_of_a_path_that_is_broken_is_counted_from_its_root() -> None:
    source = Source("x.flow", "workflow w {\n  step a = set { x = 1 }\n  step b = set { y = 2 }\n}")
    graph, _ = build(parse_file(source)[0].workflows[0])
    site = Site("step", "", frozenset({"steps"}), graph.scope)
    path = [Segment(name, 0, 0) for name in ("steps", "a", "result", "y", "z")]
    resolution = Inference(graph, Known()).resolve(tuple(path), site)
    assert (resolution.broken_at, resolution.known) == (3, ("x",))
