"""How much work and memory one expression may take, whatever it computes from whatever data.

Sizes count characters of text and items of lists and maps. Every limit is checked before the work is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

from headgate.expressions.values import TemplateFailed

LONGEST_TEXT = 10_000_000
MOST_ITEMS = 1_000_000
DEEPEST_VALUE = 200
MOST_WORK = 20_000_000
INTEGER_BITS = 4_096
WIDEST_FORMAT = 1_000
MOST_DIGITS = 100
MOST_SLICES = 100_000
WIDEST_INDENT = 8

WORK_PER_CALL = 20
"""What one call for one item counts, in characters."""

_left: ContextVar[list[int]] = ContextVar("headgate_template_work_left")


def start_counting() -> None:
    """One evaluation begins: it may do MOST_WORK."""
    _left.set([MOST_WORK])


def spend(work: int) -> None:
    """Counts work that is about to be done; raises TemplateFailed when it is more than one evaluation may do."""
    left = _left.get()
    left[0] -= work
    if left[0] < 0:
        raise TemplateFailed(f"the expression takes too much work: it may touch {MOST_WORK:,} characters and items")


def check_text(length: int, what: str) -> None:
    """Raises TemplateFailed when a text that is about to be made is longer than LONGEST_TEXT."""
    if length > LONGEST_TEXT:
        message = f"{what} would make {length:,} characters; a text in a template may have {LONGEST_TEXT:,}"
        raise TemplateFailed(message)
    spend(length)


def check_items(count: int, what: str) -> None:
    """Raises TemplateFailed when a list that is about to be made is longer than MOST_ITEMS."""
    if count > MOST_ITEMS:
        raise TemplateFailed(f"{what} would make {count:,} items; a list in a template may have {MOST_ITEMS:,}")
    spend(count)


def check_bits(bits: int, what: str) -> None:
    """Raises TemplateFailed when a whole number that is about to be made has more than INTEGER_BITS."""
    if bits > INTEGER_BITS:
        message = f"{what} would make a number of {bits:,} bits; a whole number in a template may have {INTEGER_BITS:,}"
        raise TemplateFailed(message)


def check_number(value: object, limit: int, what: str) -> int:
    """The argument as a whole number between -limit and limit. Raises TemplateFailed when it is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TemplateFailed(f"{what} needs a whole number")
    if abs(value) > limit:
        shown = f"{value:,}" if value.bit_length() < 64 else "a larger number"
        raise TemplateFailed(f"{what} may be at most {limit:,}; it is {shown}")
    return value


def weigh(value: object, what: str) -> None:
    """Raises TemplateFailed when a whole value is too large; a part of it counts as often as it stands there."""
    items = characters = 0
    open_values: list[tuple[object, int]] = [(value, 0)]
    while open_values:
        part, depth = open_values.pop()
        if isinstance(part, str):
            characters += len(part)
            if characters > LONGEST_TEXT:
                raise TemplateFailed(f"{what} has more than {LONGEST_TEXT:,} characters, the most a value may have")
            continue
        if not isinstance(part, (dict, list, tuple, Mapping)):
            continue
        items += len(part)
        if items > MOST_ITEMS:
            raise TemplateFailed(f"{what} has more than {MOST_ITEMS:,} items, the most a value may have")
        if depth >= DEEPEST_VALUE:
            raise TemplateFailed(f"{what} nests more than {DEEPEST_VALUE} deep, the most a value may")
        if not isinstance(part, (list, tuple)):
            characters += sum(map(len, part))
            part = part.values()
        open_values.extend([(item, depth + 1) for item in part if type(item) not in _SMALL])


_SMALL = frozenset({int, float, bool, type(None)})
