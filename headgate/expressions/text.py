"""Texts that hold templates: where each `{{ }}` begins and ends."""

from __future__ import annotations

import re

from headgate.records import NamedTuple

OPENER = "{{"

_INSIDE = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*'|[{}]", re.DOTALL)


class Hole(NamedTuple):
    """One template in a text: the expression between its braces, and its offset in the text."""

    text: str
    start: int


def split(text: str) -> tuple[str | Hole, ...]:
    """A text as literal stretches and templates, in order; an empty text has none.

    A template ends at the first `}}` outside its own quotes and braces. A `{{` that has no end is literal text.
    """
    parts: list[str | Hole] = []
    at = 0
    while (opener := text.find(OPENER, at)) >= 0:
        end = template_end(text, opener)
        if end is None:
            break
        if opener > at:
            parts.append(text[at:opener])
        parts.append(Hole(text[opener + 2 : end - 2], opener + 2))
        at = end
    if at < len(text):
        parts.append(text[at:])
    return tuple(parts)


def template_end(text: str, opener: int) -> int | None:
    """The offset after the `}}` that ends the template whose `{{` is at `opener`; None when it has no end."""
    depth = 0
    at = opener + 2
    while (found := _INSIDE.search(text, at)) is not None:
        mark = found.group()
        at = found.end()
        if mark == "{":
            depth += 1
        elif mark == "}":
            if depth:
                depth -= 1
            elif text.startswith("}", at):
                return at + 1
    return None


def literal(text: str) -> str:
    """A text written so that rendering gives it back as it is: `{{` in it is no template."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r")
    return '{{ "' + quoted + '" }}' if OPENER in text else text
