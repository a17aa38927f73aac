"""The filters, each as Jinja2 has it where it makes sense for JSON, each bounded.

A filter gets values that were looked at before: no secret, no missing result. What it makes is JSON again.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from headgate.expressions import limits, operations
from headgate.expressions.catalog import COMPARISONS, FILTERS
from headgate.expressions.limits import check_items, check_number, check_text, spend
from headgate.expressions.operations import binary, compare, format_text, is_number, refuse_unusable, text_of
from headgate.expressions.values import PathMissing, TemplateFailed, describe
from headgate.expressions.walk import lookup

FilterFunction: TypeAlias = Callable[..., object]

_WORD_START = re.compile(r"([-\s({\[<]+)")


def call(name: str, value: object, arguments: tuple[object, ...], keywords: Mapping[str, object]) -> object:
    """`value | name(...)`. Raises TemplateFailed, with a sentence, when it makes no value."""
    for given in (value, *arguments, *keywords.values()):
        refuse_unusable(given)
        spend(limits.WORK_PER_CALL + (len(given) if isinstance(given, (str, list, tuple, dict)) else 0))
    function = FUNCTIONS[name]
    try:
        return function(value, *arguments, **keywords)
    except (TypeError, ValueError, OverflowError, ArithmeticError, AttributeError) as fault:
        raise TemplateFailed(f"`{name}` cannot do this with {describe(value)}: {fault}") from None


def test(name: str, value: object, *arguments: object) -> bool:
    """`value is name`, for every test but `defined`, and for the comparisons that `select` takes."""
    refuse_unusable(value)
    spend(limits.WORK_PER_CALL)
    operator = COMPARISONS.get(name)
    if operator is not None or name == "in":
        if len(arguments) != 1:
            raise TemplateFailed(f"the test `{name}` takes one argument")
        return compare(operator or "in", value, arguments[0])
    if arguments:
        raise TemplateFailed(f"the test `{name}` takes no argument")
    match name:
        case "none":
            return value is None
        case "string":
            return isinstance(value, str)
        case "number":
            return is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "mapping":
            return isinstance(value, Mapping)
        case _:
            assert name == "defined", f"the parser lets no test `{name}` through"
            return True


def _items(name: str, value: object) -> list[object]:
    """What a filter over a list goes through: a list's items, a map's keys, a text's characters."""
    if not isinstance(value, (list, tuple, str, Mapping)):
        raise TemplateFailed(f"`{name}` needs a list, not {describe(value)}")
    check_items(len(value), f"`{name}`")
    return list(value)


def _picker(name: str, attribute: object) -> Callable[[object], object]:
    """The function that follows `attribute`, a dotted path, into an item."""
    if attribute is None:
        return lambda item: item
    if isinstance(attribute, int) and not isinstance(attribute, bool):
        keys: list[str | int] = [attribute]
    elif isinstance(attribute, str):
        keys = [int(key) if key.isdecimal() else key for key in attribute.split(".")]
    else:
        raise TemplateFailed(f"`{name}` needs a path in quotes as `attribute`, not {describe(attribute)}")

    def pick(item: object) -> object:
        spend(limits.WORK_PER_CALL)
        for key in keys:
            item = lookup(item, key)
        refuse_unusable(item)
        return item

    return pick


def _folded(value: object, case_sensitive: object) -> object:
    return value.lower() if isinstance(value, str) and not case_sensitive else value


def _comparable(name: str, values: Iterable[object]) -> None:
    kinds = {"text" if isinstance(value, str) else "numbers" if is_number(value) else "" for value in values}
    if kinds - {"text"} and kinds - {"numbers"}:
        raise TemplateFailed(f"`{name}` compares numbers or texts, all of one kind")


def _abs(value: object) -> object:
    if not is_number(value):
        raise TemplateFailed(f"`abs` needs a number, not {describe(value)}")
    return abs(value)  # type: ignore[arg-type]


def _first(value: object) -> object:
    return _end("first", value, 0)


def _last(value: object) -> object:
    return _end("last", value, -1)


def _end(name: str, value: object, index: int) -> object:
    items = _items(name, value)
    if not items:
        raise PathMissing(f"`{name}` of an empty list is missing")
    return items[index]


def _float(value: object, default: object = 0.0) -> object:
    if isinstance(value, (str, int, float)):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return default
        if math.isfinite(number):
            return number
    return default


def _int(value: object, default: object = 0, base: object = 10) -> object:
    if isinstance(value, str):
        radix = check_number(base, 36, "the `base` of `int`")
        if radix != 0 and radix < 2:
            raise TemplateFailed("the `base` of `int` is 0, or from 2 to 36")
        if len(value.strip()) > limits.INTEGER_BITS // 4:
            raise TemplateFailed(f"`int` reads up to {limits.INTEGER_BITS // 4:,} digits")
        try:
            return int(value, radix)
        except ValueError:
            pass
    elif isinstance(value, int):
        return int(value)
    if isinstance(value, (str, float)):
        try:
            return int(float(value))
        except (ValueError, OverflowError):
            return default
    return default


def _join(value: object, d: object = "", attribute: object = None) -> object:
    pick = _picker("join", attribute)
    separator = text_of(d)
    items = _items("join", value)
    texts: list[str] = []
    length = 0
    for item in items:
        text = text_of(pick(item))
        length += len(text) + len(separator)
        if length > limits.LONGEST_TEXT:
            check_text(length, "`join`")
        texts.append(text)
    check_text(length, "`join`")
    return separator.join(texts)


def _length(value: object) -> object:
    if not isinstance(value, (str, list, tuple, Mapping)):
        raise TemplateFailed(f"`length` needs a list, a map or a text, not {describe(value)}")
    return len(value)


def _map(value: object, *arguments: object, **keywords: object) -> object:
    items = _items("map", value)
    if arguments:
        name, *rest = arguments
        if name not in FILTERS:
            raise TemplateFailed(f"there is no filter `{name}`")
        return _settled_list("map", [call(str(name), item, tuple(rest), keywords) for item in items])
    unknown = next((keyword for keyword in keywords if keyword not in ("attribute", "default")), None)
    if unknown is not None:
        raise TemplateFailed(f"`map` takes no `{unknown}`; it takes `attribute` and `default`")
    pick = _picker("map", keywords.get("attribute"))
    if "default" not in keywords:
        return [pick(item) for item in items]
    return [_picked_or(pick, item, keywords["default"]) for item in items]


def _picked_or(pick: Callable[[object], object], item: object, default: object) -> object:
    try:
        return pick(item)
    except PathMissing:
        return default


def _settled_list(name: str, items: list[object]) -> list[object]:
    limits.weigh(items, f"what `{name}` makes")
    return items


def _best(name: str, choose: Any, value: object, case_sensitive: object, attribute: object) -> object:
    pick = _picker(name, attribute)
    items = _items(name, value)
    if not items:
        raise PathMissing(f"`{name}` of an empty list is missing")
    keys = [_folded(pick(item), case_sensitive) for item in items]
    _comparable(name, keys)
    return items[choose(range(len(items)), key=keys.__getitem__)]


def _max(value: object, case_sensitive: object = None, attribute: object = None) -> object:
    return _best("max", max, value, case_sensitive, attribute)


def _min(value: object, case_sensitive: object = None, attribute: object = None) -> object:
    return _best("min", min, value, case_sensitive, attribute)


def _select(value: object, *arguments: object, **keywords: object) -> object:
    return _chosen("select", value, arguments, keywords, wanted=True)


def _reject(value: object, *arguments: object, **keywords: object) -> object:
    return _chosen("reject", value, arguments, keywords, wanted=False)


def _chosen(
    name: str, value: object, arguments: tuple[object, ...], keywords: Mapping[str, object], *, wanted: bool
) -> object:
    if keywords:
        raise TemplateFailed(f"`{name}` takes a test's name and its argument")
    items = _items(name, value)
    if not arguments:
        return [item for item in items if bool(item) is wanted]
    what, *rest = arguments
    return [item for item in items if test(str(what), item, *rest) is wanted]


def _replace(value: object, old: object, new: object, count: object = None) -> object:
    text, before, after = text_of(value), text_of(old), text_of(new)
    most = -1 if count is None else check_number(count, limits.MOST_ITEMS, "the `count` of `replace`")
    places = text.count(before) if most < 0 else min(text.count(before), most)
    check_text(len(text) + places * (len(after) - len(before)), "`replace`")
    return text.replace(before, after, most)


def _round(value: object, precision: object = 0, method: object = "common") -> object:
    if not is_number(value):
        raise TemplateFailed(f"`round` needs a number, not {describe(value)}")
    digits = check_number(precision, limits.MOST_DIGITS, "the `precision` of `round`")
    if method == "common":
        return round(value, digits)  # type: ignore[call-overload]
    if method not in ("ceil", "floor"):
        raise TemplateFailed("the `method` of `round` is `common`, `ceil` or `floor`")
    towards = math.ceil if method == "ceil" else math.floor
    return towards(value * (10**digits)) / (10**digits)


def _slice(value: object, slices: object, fill_with: object = None) -> object:
    items = _items("slice", value)
    count = check_number(slices, limits.MOST_SLICES, "the number of `slice`")
    if count < 1:
        raise TemplateFailed("`slice` makes at least one list")
    spend(count * limits.WORK_PER_CALL)
    each, longer = divmod(len(items), count)
    made: list[list[object]] = []
    at = 0
    for number in range(count):
        size = each + (1 if number < longer else 0)
        part = items[at : at + size]
        at += size
        if fill_with is not None and number >= longer:
            part.append(fill_with)
        made.append(part)
    return _settled_list("slice", list(made))


def _sort(value: object, reverse: object = None, case_sensitive: object = None, attribute: object = None) -> object:
    items = _items("sort", value)
    if isinstance(attribute, str) and "," in attribute:
        picks = [_picker("sort", part.strip()) for part in attribute.split(",")]
    else:
        picks = [_picker("sort", attribute)]
    columns = [[_folded(pick(item), case_sensitive) for item in items] for pick in picks]
    for column in columns:
        _comparable("sort", column)
    spend(limits.WORK_PER_CALL * len(items))
    keys: list[Any] = list(zip(*columns, strict=True))
    return [items[at] for at in sorted(range(len(items)), key=keys.__getitem__, reverse=bool(reverse))]


def _split(value: object, separator: object = None) -> object:
    text = text_of(value)
    if separator is None:
        check_items(len(text) // 2 + 1, "`split`")
        return text.split()
    between = text_of(separator)
    if not between:
        raise TemplateFailed("`split` needs a separator that is not empty")
    check_items(text.count(between) + 1, "`split`")
    return text.split(between)


def _sum(value: object, attribute: object = None, start: object = 0) -> object:
    pick = _picker("sum", attribute)
    total = start
    for item in _items("sum", value):
        number = pick(item)
        if not is_number(number):
            raise TemplateFailed(f"`sum` adds numbers, not {describe(number)}")
        total = binary("+", total, number)
    return total


def _title(value: object) -> object:
    parts = _WORD_START.split(text_of(value))
    return "".join(part[0].upper() + part[1:].lower() for part in parts if part)


def _tojson(value: object, indent: object = None) -> object:
    import json

    if indent is None:
        return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text_of(value)
    width = check_number(indent, limits.WIDEST_INDENT, "the `indent` of `tojson`")
    check_text(len(text_of(value)) * (width + 1), "`tojson`")
    return json.dumps(value, ensure_ascii=False, indent=max(width, 0), allow_nan=False)


def _trim(value: object, chars: object = None) -> object:
    return text_of(value).strip(None if chars is None else text_of(chars))


def _unique(value: object, case_sensitive: object = None, attribute: object = None) -> object:
    pick = _picker("unique", attribute)
    found: dict[object, object] = {}
    for item in _items("unique", value):
        key = _folded(pick(item), case_sensitive)
        if isinstance(key, (list, tuple, Mapping)):
            key = ("json", text_of(key))
        found.setdefault((isinstance(key, bool), key), item)
    return list(found.values())


FUNCTIONS: Mapping[str, FilterFunction] = MappingProxyType(
    {
        "abs": _abs,
        "first": _first,
        "float": _float,
        "format": lambda value, *given, **named: format_text(text_of(value), named or given),
        "int": _int,
        "join": _join,
        "last": _last,
        "length": _length,
        "lower": lambda value: text_of(value).lower(),
        "map": _map,
        "max": _max,
        "min": _min,
        "reject": _reject,
        "replace": _replace,
        "round": _round,
        "select": _select,
        "slice": _slice,
        "sort": _sort,
        "split": _split,
        "string": operations.text_of,
        "sum": _sum,
        "title": _title,
        "tojson": _tojson,
        "trim": _trim,
        "unique": _unique,
        "upper": lambda value: text_of(value).upper(),
    }
)
"""Every filter but `default` and `omit`, which the evaluator knows itself."""
