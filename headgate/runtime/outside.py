"""What an outside agent answered, as the result of its step."""

from __future__ import annotations

import json
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.runtime.conversation import usage_json
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.fitting import fit

_PARTS: Final = frozenset({"text", "data", "rounds", "usage"})


def result_of(answer: Json, given: JsonObject) -> JsonObject:
    """`{text, data, rounds, usage}` of what was called back; `given` is the step's input.

    A map of these keys is taken part by part, a text is the `text`, anything else the `data`. With a `schema` a text
    that is JSON is the `data`. Raises `StepFailure` (RESULT_INVALID) for data that breaks the schema.
    """
    parts: JsonObject = {"data": answer}
    if isinstance(answer, dict) and answer and answer.keys() <= _PARTS:
        parts = answer
    elif isinstance(answer, str):
        parts = {"text": answer}
    text, data, rounds = parts.get("text"), parts.get("data"), parts.get("rounds")
    schema = given.get("schema")
    if isinstance(schema, dict):
        data = _held(text if data is None else data, schema)
    return {
        "text": text if isinstance(text, str) else "",
        "data": data,
        "rounds": rounds if isinstance(rounds, int) else 1,
        "usage": _usage(parts.get("usage")),
    }


def _held(said: Json, schema: JsonObject) -> Json:
    data = said
    if isinstance(said, str):
        try:
            data = json.loads(said)
        except (ValueError, RecursionError):
            data = said
    try:
        fit(data, schema)
    except StepFailure as failure:
        told = failure.error.message.replace("the result is", "the answer of the agent is", 1)
        detail: JsonObject = {"data": data}
        raise StepFailure(StepError(failure.error.code, told, ErrorClass.PERMANENT, detail=detail)) from None
    return data


def _usage(said: Json) -> JsonObject:
    counted = said if isinstance(said, dict) else {}
    given = [counted.get(name) for name in ("input_tokens", "output_tokens")]
    tokens = [count if isinstance(count, int) else 0 for count in given]
    return usage_json(*tokens)
