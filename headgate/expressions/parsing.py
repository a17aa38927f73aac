"""An expression's text to its tree, once for each text."""

from __future__ import annotations

import re
from functools import lru_cache

from headgate.expressions.tree import KEYWORDS, LITERALS, Expression, Path, Reference, Segment, references

_SIMPLE_PATH = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+)\s*")


@lru_cache(maxsize=16_384)
def parse(text: str) -> Expression:
    """The tree of an expression: the text between `{{` and `}}`. Raises ExpressionError; remembers what it read."""
    simple = _SIMPLE_PATH.fullmatch(text)
    if simple is not None:
        start, end = simple.span(1)
        path = _simple_path(simple.group(1), start, end)
        if path is not None:
            return Expression(text, path, (Reference(path.segments, False, start, end),))
    from headgate.expressions.braces import refuse_braces
    from headgate.expressions.reader import Reader

    refuse_braces(text)
    root = Reader(text).expression()
    return Expression(text, root, references(root))


def _simple_path(written: str, start: int, end: int) -> Path | None:
    segments: list[Segment] = []
    at = start
    for name in written.split("."):
        segments.append(Segment(name, at, at + len(name)))
        at += len(name) + 1
    first = segments[0].name
    return None if first in LITERALS or first in KEYWORDS else Path(tuple(segments), start, end)
