"""What a simulation makes up: it always fits the schema, it is the same for the same seed, and it meets bounds."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from headgate.runtime.simulation.drawing import Looks, Shape, draw_of, shape_of, value_for
from headgate.runtime.simulation.patterns import text_for


def bounded(low, high, names):
    return st.tuples(st.integers(low, high), st.integers(0, 5)).map(
        lambda pair: dict(zip(names, (pair[0], pair[0] + pair[1]), strict=True))
    )


PATTERNS = ["^[a-z]{2,4}$", "^ch_[0-9]+$", r"\d{3}-\d{2}", "^(a|bc)+$"]
LEAVES = st.one_of(
    st.just({}),
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    bounded(-20, 20, ("minimum", "maximum")).map(lambda more: {"type": "integer", **more}),
    bounded(-20, 20, ("exclusiveMinimum", "maximum")).map(
        lambda more: {"type": "number", **more, "maximum": more["maximum"] + 2}
    ),
    bounded(0, 6, ("minLength", "maxLength")).map(lambda more: {"type": "string", **more}),
    st.sampled_from(["date-time", "email", "uri", "uuid", "date"]).map(lambda form: {"type": "string", "format": form}),
    st.just({"type": ["string", "null"]}),
    st.just({"type": "integer", "multipleOf": 5}),
    st.lists(st.sampled_from(["a", "b", 1, None, True]), min_size=1, unique=True).map(lambda each: {"enum": each}),
    st.just({"const": {"a": 1}}),
    st.sampled_from(PATTERNS).map(lambda each: {"pattern": each, "type": "string"}),
)
NAMES = st.sampled_from(["a", "b", "c", "d"])


def nested(inner):
    maps = st.tuples(st.dictionaries(NAMES, inner, max_size=3), st.booleans()).map(
        lambda pair: {
            "type": "object",
            "properties": pair[0],
            "required": sorted(pair[0])[:2],
            "additionalProperties": pair[1],
        }
    )
    lists = st.tuples(inner, bounded(0, 2, ("minItems", "maxItems"))).map(
        lambda pair: {"type": "array", "items": pair[0], **pair[1]}
    )
    either = st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
    both = st.tuples(maps, maps).map(
        lambda pair: {"allOf": [{**one, "additionalProperties": True} for one in pair[:1]]}
    )
    return st.one_of(maps, lists, either, both)


SCHEMAS = st.recursive(LEAVES, nested, max_leaves=8)


@given(SCHEMAS, st.integers(0, 1_000_000))
@settings(max_examples=150, deadline=None)
def test_what_is_made_up_fits_and_is_the_same_for_the_same_seed(schema, seed):
    value = value_for(schema, Shape(), draw_of(seed, "x"))
    Draft202012Validator(schema).validate(value)
    assert value_for(schema, Shape(), draw_of(seed, "x")) == value


def test_references_and_recursive_schemas_end():
    below = {"type": "array", "items": {"$ref": "#/$defs/tree"}}
    schema = {"$defs": {"tree": {"type": "object", "properties": {"below": below}}}, "$ref": "#/$defs/tree"}
    for seed in range(30):
        Draft202012Validator(schema).validate(value_for(schema, Shape(), draw_of(seed)))


def test_both_sides_of_a_constant_and_the_constant_itself_are_drawn():
    drawn = {value_for({"type": "integer"}, Shape((500,)), draw_of(seed)) for seed in range(200)}
    assert {499, 500, 501} <= drawn


def test_an_undeclared_value_has_the_parts_that_are_read():
    looks = Looks({("steps", "a", "result", "lines", "[]", "amount"): (5,), ("steps", "a", "result", "id"): ()}, (), {})
    shape = shape_of(looks, ("steps", "a", "result"))
    values = [value_for(None, shape, draw_of(seed)) for seed in range(50)]
    assert all(set(value) == {"lines", "id"} for value in values)
    assert any(len(value["lines"]) == 0 for value in values)
    assert {item["amount"] for value in values for item in value["lines"]} <= {4, 5, 6}


@given(st.sampled_from([r"^[A-Z]{3}\d+$", "a?b*c+", "^(x|yy)-[^a-z]$", r"\w+@\w+\.com", "^$"]), st.integers(0, 500))
@settings(max_examples=60, deadline=None)
def test_a_text_is_made_for_a_pattern(pattern, seed):
    text = text_for(pattern, draw_of(seed))
    assert text is not None
    assert re.search(pattern, text)


def test_a_pattern_that_is_beyond_it_is_said_to_be():
    assert text_for(r"(?<=a)b(?=c)", draw_of(1)) is None
    assert text_for("(", draw_of(1)) is None
