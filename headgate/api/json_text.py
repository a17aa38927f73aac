"""JSON that people write, read strictly: what cannot be stored is refused where it is written."""

from __future__ import annotations

import json
import math

from headgate.plan import Json

DEEPEST = 64


def read_json(text: str) -> Json:
    """The value that `text` stands for; raises `ValueError`, which says what is wrong and where."""
    try:
        value: Json = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise ValueError(f"it is nested more than {DEEPEST} deep") from None
    if _is_deep(value):
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    return value


def _refuse(name: str) -> Json:
    raise ValueError(f"`{name}` is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number `{text}` is too large")
    return number


def _is_deep(value: Json) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True
