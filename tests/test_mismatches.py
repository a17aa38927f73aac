"""What a JSON Schema refuses is said in the product's words, without a word of Python in it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema.validators import Draft202012Validator

from headgate.kinds.mismatch import mismatch

SAID: list[tuple[dict[str, Any], Any, str]] = [
    ({"enum": ["a", "b"]}, "c", 'expected one of "a", "b", got "c"'),
    ({"enum": [None, True]}, 1.5, "expected one of null, true, got 1.5"),
    ({"enum": list(range(15))}, 99, "expected one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 3 more, got 99"),
    ({"type": "string"}, None, "expected string, got null"),
    ({"type": ["string", "null"]}, {"a": [True]}, 'expected string or null, got {"a": [true]}'),
    ({"required": ["a", "b"]}, {"b": 1}, "`a` is missing"),
    ({"required": ["a", "b"]}, {}, "`a`, `b` are missing"),
    (
        {"properties": {"a": {}}, "additionalProperties": False},
        {"a": 1, "x": 2},
        "`x` is not declared; the names are `a`",
    ),
    ({"additionalProperties": False}, {"x": 1, "y": 2}, "`x`, `y` are not declared; the names are none"),
    ({"minimum": 1}, 0, "expected at least 1, got 0"),
    ({"exclusiveMaximum": 1}, 1, "expected less than 1, got 1"),
    ({"minLength": 2}, "a", "expected at least 2 characters, got 1"),
    ({"maxItems": 1}, [1, 2], "expected at most 1 items, got 2"),
    ({"pattern": "^a+$"}, "b'", """expected text that matches "^a+$", got "b'\""""),
    ({"const": {"a": None}}, [], 'expected {"a": null}, got []'),
    ({"uniqueItems": True}, [1, 1], "expected items that differ, got [1, 1]"),
    ({"not": {"type": "null"}}, None, 'expected what its schema\'s `not` asks for ({"type": "null"}), got null'),
    ({"type": "null"}, "x" * 500, 'expected null, got "' + "x" * 79 + "..."),
]


@pytest.mark.parametrize(("schema", "value", "said"), SAID)
def test_each_rule_of_a_schema_has_its_words(schema: dict[str, Any], value: Any, said: str) -> None:
    fault = next(Draft202012Validator(schema).iter_errors(value))
    assert mismatch(fault) == said
    assert not re.search(r"\bNone\b|\bTrue\b|\bFalse\b", said)
