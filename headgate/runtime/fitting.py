"""Whether a result is what its step, or the lock, says it is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from headgate.runtime.errors import ErrorClass, StepError, StepFailure

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject

_KEPT = 256
_check = json.JSONEncoder(allow_nan=False).encode
_checkers: dict[int, tuple[JsonObject, Any]] = {}


def fit(result: Json, *schemas: JsonObject | None) -> None:
    """Raises `StepFailure` (RESULT_INVALID) when the result breaks one of the JSON Schemas; None is no schema."""
    for schema in schemas:
        if schema:
            _fit_one(result, schema)


def storable(result: Json) -> Json:
    """The result itself; raises `StepFailure` (RESULT_INVALID) when it is no JSON that an event can hold."""
    try:
        _check(result)
    except (ValueError, TypeError, RecursionError) as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise _invalid("RESULT_INVALID", f"the result is no JSON that can be kept: {_short(why)}", ()) from None
    return result


def _fit_one(result: Json, schema: JsonObject) -> None:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    from headgate.kinds.mismatch import mismatch

    try:
        fault = best_match(_checker(schema).iter_errors(result))
    except (Unresolvable, re.error, RecursionError) as error:
        raise _invalid("CONFIG_INVALID", f"the declared result cannot be applied: {_short(str(error))}", ()) from None
    if fault is not None:
        path = tuple(str(part) for part in fault.absolute_path)
        place = f"at `{'.'.join(path)}`: " if path else ""
        raise _invalid("RESULT_INVALID", f"the result is not what was declared: {place}{mismatch(fault)}", path)


def _checker(schema: JsonObject) -> Any:
    """A validator that fetches nothing; kept as long as the plan that holds the schema is the same object."""
    from jsonschema.exceptions import SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry

    from headgate.kinds.mismatch import mismatch

    known = _checkers.get(id(schema))
    if known is not None and known[0] is schema:
        return known[1]
    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise _invalid(
            "CONFIG_INVALID", f"the declared result is no JSON Schema: {_schema_place(error)}{mismatch(error)}", ()
        ) from None
    if len(_checkers) >= _KEPT:
        _checkers.clear()
    checker = kind(schema, registry=Registry())
    _checkers[id(schema)] = (schema, checker)
    return checker


def _schema_place(error: Any) -> str:
    path = ".".join(str(part) for part in error.absolute_path)
    return f"at `{path}`: " if path else ""


def _short(message: str, limit: int = 300) -> str:
    return message if len(message) <= limit else message[:limit] + "..."


def _invalid(code: str, message: str, path: tuple[str, ...]) -> StepFailure:
    detail: JsonObject | None = {"path": list(path)} if path else None
    return StepFailure(StepError(code, message, ErrorClass.PERMANENT, None, detail))
