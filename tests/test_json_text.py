"""JSON that people write is read strictly, and what a performer returns is kept only when an event can hold it."""

from __future__ import annotations

import pytest

from headgate.api.json_text import DEEPEST, read_json
from headgate.runtime.errors import StepFailure
from headgate.runtime.fitting import storable


def test_json_is_read_as_it_stands() -> None:
    assert read_json('{"a": [1, 2.5, null, true, "x"], "b": 9007199254740993}') == {
        "a": [1, 2.5, None, True, "x"],
        "b": 9007199254740993,
    }
    deepest = "[" * DEEPEST + "]" * DEEPEST
    assert read_json(deepest) is not None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expecting value at line 1, column 1"),
        ("{\n'a': 1}", "expecting property name enclosed in double quotes at line 2, column 1"),
        ("NaN", "`NaN` is no JSON"),
        ("[-Infinity]", "`-Infinity` is no JSON"),
        ("[1e999]", "the number `1e999` is too large"),
        ("[" * (DEEPEST + 1) + "1" + "]" * (DEEPEST + 1), "nested more than 64 deep"),
        ("[" * 100_000, "nested more than 64 deep"),
    ],
)
def test_what_is_no_json_or_cannot_be_stored_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_json(text)


@pytest.mark.parametrize("result", [float("nan"), [float("inf")], {1, 2}, b"bytes"])
def test_a_result_that_no_event_can_hold_fails_its_step(result: object) -> None:
    with pytest.raises(StepFailure, match="no JSON that can be kept") as failure:
        storable(result)  # type: ignore[arg-type]
    assert failure.value.error.code == "RESULT_INVALID"
