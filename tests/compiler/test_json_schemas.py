"""The check of an author's JSON Schemas says what the reference implementation says."""

import jsonschema
import pytest
from flows import plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.kinds.json_schema import schema_fault

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.just(0.5),
    st.sampled_from(["string", "integer", "strng", "a", ""]),
)
KEYS = st.sampled_from(
    [
        *("type", "properties", "items", "required", "enum", "const", "anyOf", "not", "minimum", "minLength"),
        *("multipleOf", "additionalProperties", "$defs", "default", "title", "uniqueItems", "prefixItems"),
        *("patternProperties", "a"),
    ]
)
SCHEMAS = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8
)


def is_schema(schema) -> bool:
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError:
        return False
    return True


@given(st.dictionaries(KEYS, SCHEMAS, max_size=4))
@settings(max_examples=300, deadline=None)
def test_a_schema_is_refused_where_the_reference_implementation_refuses_it(schema):
    assert (schema_fault(schema) is None) == is_schema(schema)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "`type` expects one of `string`"),
        ({"properties": {"a": {"minimum": "x"}}}, "`properties.a.minimum` expects a number"),
        ({"allOf": [{"pattern": "("}]}, "`allOf.0.pattern` expects a regular expression"),
        ({"$ref": "#/$defs/a"}, "`$ref` leads nowhere: there is no `#/$defs/a`"),
        ({"$ref": "http://example.com/a"}, "`http://example.com/a` is not fetched"),
        ({"$defs": {"a/b": {}}, "$ref": "#/$defs/a~1b"}, None),
        ({"$defs": {"a": {"$anchor": "x"}}, "$ref": "#x"}, None),
        ({"$defs": {"a": {"$id": "urn:a"}}, "$ref": "urn:a"}, None),
        ({"prefixItems": [{}, {"type": "null"}], "items": {"$ref": "#/prefixItems/1"}}, None),
        (True, None),
        ([], "expects a schema: an object, `true` or `false`"),
    ],
)
def test_a_fault_of_a_schema_is_said_with_its_place(schema, said):
    fault = schema_fault(schema)
    assert fault is None if said is None else said in fault.said


def test_references_of_an_inputs_schema_count_from_it():
    fence = '```json\n{"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}\n```'
    plan = plan_of("step x = set { a = 1 }", f"input a: object {{ schema = {fence} }}")
    validator = jsonschema.Draft202012Validator(plan.inputs)
    assert validator.is_valid({"a": {"a": 1}})
    assert not validator.is_valid({"a": {"a": "x"}})
