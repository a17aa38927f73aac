"""What is said of written values holds against a full validator: nothing that fits is refused, nothing else passes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.compiler.types import ANY
from headgate.grammar import ast
from headgate.grammar.parse import parse
from headgate.source import Source
from headgate.validators.fitting import Fitting, Misfit

MODEST = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
KEYS = st.sampled_from(["a", "b", "x-y"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 2.0]), st.sampled_from(["", "a", "ab", "1"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
PLAIN = st.one_of(
    st.just({}),
    st.sampled_from(["null", "boolean", "number", "integer", "string", "array", "object"]).map(
        lambda name: {"type": name}
    ),
    st.just({"type": ["string", "null"]}),
    st.lists(LEAVES, min_size=1, max_size=3).map(lambda members: {"enum": members}),
    LEAVES.map(lambda value: {"const": value}),
    st.integers(-2, 2).map(lambda bound: {"type": "number", "minimum": bound}),
    st.integers(-2, 2).map(lambda bound: {"type": "number", "exclusiveMaximum": bound}),
    st.integers(0, 2).map(lambda bound: {"type": "string", "minLength": bound}),
    st.integers(0, 2).map(lambda bound: {"type": "string", "maxLength": bound}),
    st.just({"type": "string", "pattern": "^a+$"}),
    st.just({"type": "integer", "multipleOf": 2}),
    st.just({"$ref": "#/$defs/text"}),
)


@st.composite
def maps(draw: st.DrawFn, inner: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    properties = draw(st.dictionaries(KEYS, inner, min_size=1, max_size=3))
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schema["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True, max_size=2))
    rest = draw(st.one_of(st.sampled_from([None, True, False]), inner))
    return schema if rest is None else schema | {"additionalProperties": rest}


SCHEMAS = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        maps(inner),
        inner.map(lambda items: {"type": "array", "items": items, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches}),
    ),
    max_leaves=6,
)
DEFINITIONS = {"$defs": {"text": {"type": "string"}}}


def written(value: Any) -> str:
    """A plain value as the language writes it."""
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {written(one)}' for key, one in value.items()) + "}"
    return json.dumps(value)


def misfits(value: Any, schema: dict[str, Any]) -> list[Misfit]:
    text = f"workflow w {{\n  let x = {written(value)}\n  step s = set {{ y = 1 }}\n}}\n"
    file, found = parse(Source("x.flow", text))
    assert not found
    root: Any = schema | DEFINITIONS
    return Fitting(root, lambda _: ANY, text).misfits(file.workflows[0].lets[0].value)


@given(SCHEMAS, VALUES)
@MODEST
def test_a_written_value_is_refused_when_and_only_when_it_breaks_its_schema(schema: dict[str, Any], value: Any) -> None:
    valid = jsonschema.Draft202012Validator(schema | DEFINITIONS).is_valid(value)
    found = [one for one in misfits(value, schema) if one.is_certain]
    assert (not found) == valid, (schema, value, found)


def test_parts_that_must_all_hold_are_read_together() -> None:
    schema = {
        "allOf": [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}],
        "required": ["b"],
    }
    found = misfits({"a": 1}, schema)
    assert [(one.sort, one.path) for one in found] == [("type", ("a",)), ("missing", ("b",))]


def test_a_branch_is_judged_by_what_was_probably_meant() -> None:
    card = {
        "type": "object",
        "properties": {"kind": {"const": "card"}, "number": {"type": "string"}},
        "required": ["kind"],
    }
    cash = {
        "type": "object",
        "properties": {"kind": {"const": "cash"}, "note": {"type": "string"}},
        "required": ["kind"],
    }
    (found,) = misfits({"kind": "card", "number": 5}, {"oneOf": [card, cash]})
    assert (found.path, found.replacement) == (("number",), '"5"')


def test_a_schema_that_refers_to_itself_is_followed_as_far_as_the_value_goes() -> None:
    tree = {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "n": {"type": "number"}}}
    value: Any = {"n": "x"}
    for _ in range(12):
        value = {"left": value, "right": {"n": 1}}
    assert [one.path for one in misfits(value, tree)] == [(*["left"] * 12, "n")]


def test_branches_that_multiply_are_given_up_and_not_guessed() -> None:
    schema = {"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#"}}, "required": [name]} for name in "xyz"]}
    value: Any = {"a": 1}
    for _ in range(30):
        value = {"a": value}
    assert isinstance(misfits(value, schema), list)


def test_a_pattern_that_would_take_for_ever_is_not_tried() -> None:
    assert misfits("a" * 40 + "!", {"type": "string", "pattern": "^(a+)+$"}) == []
    assert [one.sort for one in misfits("ab-", {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"})] == ["type"]


def test_a_bare_word_is_left_to_the_rule_that_says_what_is_wrong_with_it() -> None:
    text = "workflow w {\n  let x = word\n}\n"
    value = parse(Source("x.flow", text))[0].workflows[0].lets[0].value
    assert isinstance(value, ast.Word)
    assert Fitting({"type": "number"}, lambda _: ANY, text).misfits(value) == []
