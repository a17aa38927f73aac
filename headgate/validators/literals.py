"""What a written value lacks to fit the keywords of JSON Schema that speak of its size and form."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from headgate.kinds.checker import same
from headgate.plan import Json, JsonObject
from headgate.validators.words import one_of, spelt

_LONGEST_TEXT: Final = 64
_LONGEST_RISK: Final = 16
_RISKY: Final = re.compile(r"\)[*+{]")
_DATE: Final = r"\d{4}-(?:(?:0[13578]|1[02])-31|(?:0[13-9]|1[0-2])-30|(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2\d))"
_TIME: Final = r"(?:[01]\d|2[0-3]):[0-5]\d(?::(?:[0-5]\d|60)(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)?"
_FORMATS: Final = {
    "date": (_DATE, "a date such as `2026-11-20`"),
    "date-time": (rf"{_DATE}[Tt ]{_TIME}", "a time such as `2026-11-20T10:00:00Z`"),
    "time": (_TIME, "a time such as `10:00:00Z`"),
    "email": (r"[^@\s]+@[^@\s]+", "an e-mail address"),
    "uri": (r"[A-Za-z][A-Za-z0-9+.-]*:\S+", "a URL such as `https://example.com`"),
    "uuid": (r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "a UUID"),
    "ipv4": (r"\d{1,3}(?:\.\d{1,3}){3}", "an IPv4 address"),
}

_BOUNDS: Final[tuple[tuple[str, Callable[[float, float], bool], str], ...]] = (
    ("minimum", operator.ge, "`{}` or more"),
    ("maximum", operator.le, "`{}` or less"),
    ("exclusiveMinimum", operator.gt, "more than `{}`"),
    ("exclusiveMaximum", operator.lt, "less than `{}`"),
)


def literal_fault(value: Json, schema: JsonObject) -> str | None:
    """What is wrong with a value whose type fits: "expects `1` or more, not `0`"; None when nothing is."""
    members = schema.get("enum")
    if isinstance(members, list) and not any(same(value, member) for member in members):
        return f"expects {one_of(members)}, not {spelt(value)}"
    if "const" in schema and not same(value, schema["const"]):
        return f"expects {spelt(schema['const'])}, not {spelt(value)}"
    if isinstance(value, str):
        return _of_text(value, schema)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(value, schema)
    return None


def count_fault(count: int, schema: JsonObject, least: str, most: str, noun: str) -> str | None:
    """What is wrong with a number of items, characters or keys, by the keywords `least` and `most`."""
    low, high = schema.get(least), schema.get(most)
    if isinstance(low, int | float) and count < low:
        return f"expects at least {_amount(low, noun)}, not {count}"
    if isinstance(high, int | float) and count > high:
        return f"expects at most {_amount(high, noun)}, not {count}"
    return None


def _amount(number: float, noun: str) -> str:
    return f"{int(number)} {noun}" if number == 1 else f"{int(number)} {noun}s"


def _of_number(value: float, schema: JsonObject) -> str | None:
    for key, holds, words in _BOUNDS:
        bound = schema.get(key)
        if isinstance(bound, int | float) and not isinstance(bound, bool) and not holds(value, bound):
            return f"expects {words.format(bound)}, not `{value}`"
    step = schema.get("multipleOf")
    if isinstance(step, int) and not isinstance(step, bool) and isinstance(value, int) and step > 0 and value % step:
        return f"expects a multiple of `{step}`, not `{value}`"
    return None


def _of_text(value: str, schema: JsonObject) -> str | None:
    wrong = count_fault(len(value), schema, "minLength", "maxLength", "character")
    if wrong is not None:
        return wrong
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and _misses(pattern, value):
        shown = f"text that matches `{pattern}`" if len(pattern) <= 60 and "`" not in pattern else "other text"
        return f"expects {shown}, not {spelt(value)}"
    known = _FORMATS.get(str(schema.get("format")))
    if known is not None and re.fullmatch(known[0], value) is None:
        return f"expects {known[1]}, not {spelt(value)}"
    return None


def _misses(pattern: str, value: str) -> bool:
    """Whether a text surely does not match. A pattern that might take for ever or cannot be read is not tried."""
    if len(value) > (_LONGEST_RISK if _RISKY.search(pattern) else _LONGEST_TEXT):
        return False
    compiled = _compiled(pattern)
    return compiled is not None and compiled.search(value) is None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return None
