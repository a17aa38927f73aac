"""What operators do with JSON values: exact, without conversions nobody asked for, and bounded."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from headgate.expressions.limits import (
    WIDEST_FORMAT,
    check_bits,
    check_items,
    check_text,
    spend,
    weigh,
)
from headgate.expressions.values import Absent, Omitted, ResultMissing, Secret, Secrets, TemplateFailed, describe

Number: TypeAlias = int | float

_CONVERSION = re.compile(
    r"%(?:\((?P<key>[^)]*)\))?[#0\- +]*(?P<width>\*|\d*)(?:\.(?P<precision>\*|\d*))?[hlL]?(?P<kind>.?)", re.DOTALL
)
_NUMERIC = frozenset("dioxXeEfFgG")


def text_of(value: object) -> str:
    """A value as it stands inside text: text as it is, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return _integer_text(value)
    refuse_unusable(value)
    weigh(value, "a value")
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_refuse)
    except ValueError as fault:
        raise TemplateFailed(f"a value cannot be written as JSON: {fault}") from None
    check_text(len(text), "a value as JSON")
    return text


def _integer_text(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise TemplateFailed("a whole number has too many digits to be written") from None


def _refuse(value: object) -> object:
    refuse_unusable(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TemplateFailed(f"a value cannot be written as JSON: it is {describe(value)}")


def refuse_unusable(value: object) -> None:
    """Raises when a value may not be computed with: a secret, a missing result, or what `omit` left out."""
    if isinstance(value, Secret):
        raise value.refusal()
    if isinstance(value, Secrets):
        raise TemplateFailed("`secrets` is no value: name one of them, as `secrets.NAME`")
    if isinstance(value, Absent):
        raise ResultMissing(value.step)
    if isinstance(value, Omitted):
        raise TemplateFailed("`omit` leaves a whole value out and must come last: nothing can be computed from it")


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def concatenate(left: object, right: object) -> str:
    """`left ~ right`: both as text."""
    first, second = text_of(left), text_of(right)
    check_text(len(first) + len(second), "`~`")
    return first + second


def add(left: object, right: object) -> object:
    if is_number(left) and is_number(right):
        return left + right  # type: ignore[operator]
    if isinstance(left, str) and isinstance(right, str):
        check_text(len(left) + len(right), "`+`")
        return left + right
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        check_items(len(left) + len(right), "`+`")
        joined = [*left, *right]
        weigh(joined, "what `+` makes")
        return joined
    raise _mismatch("+", left, right, "numbers, two texts or two lists")


def subtract(left: object, right: object) -> object:
    first, second = _numbers("-", left, right)
    return first - second


def multiply(left: object, right: object) -> object:
    if is_number(left) and is_number(right):
        if isinstance(left, int) and isinstance(right, int):
            check_bits(left.bit_length() + right.bit_length(), "`*`")
        return left * right  # type: ignore[operator]
    repeated, times = (left, right) if isinstance(left, (str, list, tuple)) else (right, left)
    if isinstance(repeated, (str, list, tuple)) and isinstance(times, int) and not isinstance(times, bool):
        length = len(repeated) * max(times, 0)
        if isinstance(repeated, str):
            check_text(length, "`*`")
            return repeated * times
        check_items(length, "`*`")
        copies = list(repeated) * times
        weigh(copies, "what `*` makes")
        return copies
    raise _mismatch("*", left, right, "numbers, or a text or list and a whole number")


def divide(left: object, right: object) -> object:
    first, second = _numbers("/", left, right)
    return first / second


def divide_whole(left: object, right: object) -> object:
    first, second = _numbers("//", left, right)
    return first // second


def remainder(left: object, right: object) -> object:
    """`left % right`: the remainder of numbers, or a text with `%` conversions filled in."""
    if isinstance(left, str):
        return format_text(left, tuple(right) if isinstance(right, (list, tuple)) else right)
    first, second = _numbers("%", left, right)
    return first % second


def power(left: object, right: object) -> object:
    base, exponent = _numbers("**", left, right)
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1:
        check_bits(base.bit_length() * exponent, "`**`")
    result = base**exponent
    if isinstance(result, complex):
        raise TemplateFailed("`**` of a negative number needs a whole exponent")
    return result


def format_text(template: str, arguments: object) -> str:
    """`template % arguments`: what is no text goes into `%s` as compact JSON. Raises TemplateFailed."""
    spend(len(template))
    given = arguments if isinstance(arguments, (tuple, Mapping)) else (arguments,)
    for value in given.values() if isinstance(given, Mapping) else given:
        refuse_unusable(value)
    at = 0
    expected = 0
    readable: list[object] = [] if isinstance(given, Mapping) else list(given)
    keyed = dict(given) if isinstance(given, Mapping) else {}
    for conversion in _CONVERSION.finditer(template):
        kind = conversion["kind"]
        if kind == "%":
            continue
        expected += _width(conversion["width"]) + _width(conversion["precision"])
        if kind == "s" and conversion["key"] is not None:
            name = conversion["key"]
            if name in keyed:
                keyed[name] = text_of(keyed[name])
                expected += len(str(keyed[name]))
        elif kind == "s" and at < len(readable):
            readable[at] = text_of(readable[at])
            expected += len(str(readable[at]))
        elif kind not in _NUMERIC and kind != "s":
            raise TemplateFailed(f"`%{kind}` is no conversion here; there are %s, %d, %f, %e, %g, %x and %o")
        expected += 400 if kind in "fF" else 40
        at += 1
        check_text(len(template) + expected, "`%`")
    try:
        return template % (keyed if isinstance(given, Mapping) else tuple(readable))
    except (TypeError, ValueError, KeyError, OverflowError) as fault:
        raise TemplateFailed(f"`%` cannot fill in the text: {_reason(fault)}") from None


def _width(written: str | None) -> int:
    if not written:
        return 0
    if written == "*":
        raise TemplateFailed("a `%` conversion takes its width from the text, not from `*`")
    if len(written) > 9 or int(written) > WIDEST_FORMAT:
        raise TemplateFailed(f"a `%` conversion may be {WIDEST_FORMAT:,} characters wide; `%{written}` is wider")
    return int(written)


def _reason(fault: Exception) -> str:
    if isinstance(fault, KeyError):
        return f"there is no `{fault.args[0]}`"
    return str(fault).replace("format string", "the text")


def same(left: object, right: object) -> bool:
    """JSON equality: `true` is not 1."""
    refuse_unusable(left)
    refuse_unusable(right)
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    if isinstance(left, (dict, list, tuple, str)):
        spend(len(left))
    if isinstance(left, tuple) or isinstance(right, tuple):
        left, right = _listed(left), _listed(right)
    return left == right


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def is_member(item: object, container: object) -> bool:
    """`item in container`: a part of a text, an item of a list, a key of a map."""
    refuse_unusable(item)
    refuse_unusable(container)
    if isinstance(container, str):
        if not isinstance(item, str):
            raise TemplateFailed(f"`in` looks for text in a text, not for {describe(item)}")
        spend(len(container) + len(item))
        return item in container
    if isinstance(container, (list, tuple)):
        spend(len(container))
        return any(same(item, other) for other in container)
    if isinstance(container, Mapping):
        return isinstance(item, str) and item in container
    raise TemplateFailed(f"`in` looks in a list, a map or a text, not in {describe(container)}")


def ordered(operator: str, left: object, right: object) -> bool:
    """`left < right` and its kin: two numbers or two texts."""
    refuse_unusable(left)
    refuse_unusable(right)
    both_texts = isinstance(left, str) and isinstance(right, str)
    if not both_texts and not (is_number(left) and is_number(right)):
        message = f"`{operator}` compares two numbers or two texts, not {describe(left)} with {describe(right)}"
        raise TemplateFailed(message)
    if operator == "<":
        return left < right  # type: ignore[operator, no-any-return]
    if operator == "<=":
        return left <= right  # type: ignore[operator, no-any-return]
    if operator == ">":
        return left > right  # type: ignore[operator, no-any-return]
    return left >= right  # type: ignore[operator, no-any-return]


def compare(operator: str, left: object, right: object) -> bool:
    """One comparison: `==`, `!=`, `<`, `<=`, `>`, `>=`, `in` or `not in`."""
    if operator == "==":
        return same(left, right)
    if operator == "!=":
        return not same(left, right)
    if operator == "in":
        return is_member(left, right)
    if operator == "not in":
        return not is_member(left, right)
    return ordered(operator, left, right)


_BINARY: Mapping[str, Callable[[object, object], object]] = MappingProxyType(
    {
        "+": add,
        "-": subtract,
        "*": multiply,
        "/": divide,
        "//": divide_whole,
        "%": remainder,
        "**": power,
        "~": concatenate,
    }
)


def binary(operator: str, left: object, right: object) -> object:
    """`left operator right`. Raises TemplateFailed, with a sentence, when it makes no value."""
    refuse_unusable(left)
    refuse_unusable(right)
    try:
        result = _BINARY[operator](left, right)
    except ZeroDivisionError:
        raise TemplateFailed(f"`{operator}` divides by zero") from None
    except OverflowError:
        raise TemplateFailed(f"`{operator}` makes a number that is too large") from None
    if isinstance(result, float) and not math.isfinite(result):
        raise TemplateFailed(f"`{operator}` makes a number that is too large")
    if isinstance(result, int):
        check_bits(result.bit_length(), f"`{operator}`")
    return result


def unary(operator: str, operand: object) -> object:
    """`-x` or `+x`, of a number."""
    refuse_unusable(operand)
    if not is_number(operand):
        raise TemplateFailed(f"`{operator}` needs a number, not {describe(operand)}")
    return -operand if operator == "-" else operand  # type: ignore[operator]


def _numbers(operator: str, left: object, right: object) -> tuple[Number, Number]:
    if is_number(left) and is_number(right):
        return left, right  # type: ignore[return-value]
    raise _mismatch(operator, left, right, "two numbers")


def _mismatch(operator: str, left: object, right: object, wanted: str) -> TemplateFailed:
    hint = (
        "; to join texts, write `~`" if operator == "+" and isinstance(left, str) is not isinstance(right, str) else ""
    )
    return TemplateFailed(f"`{operator}` takes {wanted}, not {describe(left)} and {describe(right)}{hint}")
