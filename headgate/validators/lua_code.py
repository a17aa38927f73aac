"""Templates that were meant inside Lua: where they stand in a script, and the Lua that says the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.expressions import ExpressionError, Segment, parse
from headgate.expressions.tree import Path
from headgate.records import NamedTuple

_TEXTS = re.compile(
    r"--\[(?P<comment>=*)\[.*?(?:\](?P=comment)\]|\Z)|--[^\n]*|"
    r"\[(?P<level>=*)\[.*?(?:\](?P=level)\]|\Z)|\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?",
    re.DOTALL,
)
_BRACES = re.compile(r"(?<![$\w])\{\{(?P<inner>[^{}\n]{1,400})\}\}")
_WORDS = frozenset(
    {
        *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in", "local"),
        *("nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
    }
)


class Meant(NamedTuple):
    """`{{ expression }}` in a script, at `start`.

    `quote` opens the text it stands in: `""` for none, `[` for a long one. `path` is the path that it is, None for a
    longer expression.
    """

    expression: str
    start: int
    end: int
    quote: str
    path: tuple[Segment, ...] | None


def templates_meant(script: str) -> Iterator[Meant]:
    """Everything in a script that reads as a template, outside its comments."""
    if "{{" not in script:
        return
    texts = list(_TEXTS.finditer(script))
    at = 0
    for match in _BRACES.finditer(script):
        while at < len(texts) and texts[at].end() <= match.start():
            at += 1
        around = texts[at][0] if at < len(texts) and texts[at].start() <= match.start() else ""
        if around.startswith("--"):
            continue
        yield Meant(match["inner"], match.start(), match.end(), around[:1], path_of(match["inner"]))


def path_of(expression: str) -> tuple[Segment, ...] | None:
    """The links of an expression that is nothing but a path."""
    try:
        root = parse(expression).root
    except ExpressionError:
        return None
    return root.segments if isinstance(root, Path) else None


def in_lua(path: tuple[Segment, ...]) -> str:
    """A path as Lua writes it; its lists count from 1."""
    return path[0].name + "".join(_link(segment) for segment in path[1:])


def put_in(path: tuple[Segment, ...], quote: str) -> str | None:
    """What to write for a path: itself in code, between the quotes of a text, None in a long one."""
    if quote == "[":
        return None
    return f"{quote} .. tostring({in_lua(path)}) .. {quote}" if quote else in_lua(path)


def joined(script: str, more: str) -> str:
    """A script with what follows, without the empty texts that values put into texts leave at their ends."""
    for quote in ("'", '"'):
        if more.startswith(f"{quote} .. tostring(") and script.endswith(quote) and not open_quote(script[:-1]):
            return script[:-1] + more.removeprefix(f"{quote} .. ")
        if more.startswith(quote) and script.endswith(f") .. {quote}") and open_quote(script) == quote:
            return script.removesuffix(f" .. {quote}") + more[1:]
    return script + more


def open_quote(script: str) -> str:
    """The quote of the text in which a script breaks off, `""` for none, `[` for a long text or a comment."""
    for match in _TEXTS.finditer(script):
        if match.end() == len(script) and match[0]:
            text = match[0]
            if text.startswith(("--", "[")):
                closed = text.startswith("[") and len(text) > 3 and text.endswith("]")
                return "" if closed or (text.startswith("--") and text.endswith("\n")) else "["
            body = re.sub(r"\\.", "", text[1:], flags=re.DOTALL)
            return "" if body.endswith(text[0]) else text[0]
    return ""


def _link(segment: Segment) -> str:
    if segment.number is not None:
        return f"[{segment.number + 1}]" if segment.number >= 0 else f"[{segment.number}]"
    plain = segment.name.isidentifier() and segment.name.isascii() and segment.name not in _WORDS
    quoted = segment.name.replace("\\", "\\\\").replace('"', '\\"')
    return f".{segment.name}" if plain else f'["{quoted}"]'
