"""The tokens of a text that does not parse: every newline kept, and what is no token kept as a `Bad` one."""

from __future__ import annotations

import re
from typing import Any, Final

from headgate.diagnostics import Diagnostic
from headgate.grammar.ast import Comment, Name, Template, Text, Word
from headgate.grammar.ast import Literal as Stretch
from headgate.grammar.strings import Scan
from headgate.grammar.tokens import (
    DOTTED,
    DURATION,
    G_BRACKET,
    G_COMMENT,
    G_DOTTED,
    G_LINE,
    G_NAME,
    G_NUMBER,
    G_PLAIN,
    G_SIGN,
    G_TEMPLATE,
    G_UNIT,
    NAME,
    NL,
    NUMBER,
    PLAIN,
    SIGNS,
    TEMPLATE,
    TOKEN,
    WORDS,
    attached,
    hard,
    is_doc,
    number,
)
from headgate.records import NamedTuple
from headgate.source import Span

BAD: Final = -1
MOST_FOUND: Final = 1000
MOST_TOKENS: Final = 8_000_000

_BAD = re.compile(
    r"""'(?:[^'\\\n]|\\[^\n])*+'
    |\u2018[^\u2019\n]*\u2019|\u201c[^\u201d\n]*\u201d
    |//(?=[ \t])[^\n]*|//[^\s{}\[\]]*
    |-[A-Za-z_][A-Za-z0-9_-]*
    |[-+]?\.?[0-9][A-Za-z0-9_.]*%?
    |&&|\|\||!=|[!+/%|]=?|;+
    |[^\x00-\x7f\u00a0\ufeff]+
    |.
    """,
    re.VERBOSE | re.DOTALL,
)


class Bad(NamedTuple):
    """A stretch of text that is no token. `reported` says that a finding of its own explains it."""

    text: str
    span: Span
    reported: bool = False


class Loose(NamedTuple):
    """The tokens of a text that does not parse, and what the strings in it have wrong.

    `cut` says that there were too many tokens to take them all.
    """

    kinds: list[int]
    values: list[Any]
    comments: tuple[Comment, ...]
    docs: dict[int, str]
    found: list[Diagnostic]
    cut: bool


def read_loosely(text: str) -> Loose:
    """The tokens of any text at all."""
    scan = Scan(text, healing=True)
    kinds: list[int] = []
    values: list[Any] = []
    comments: list[Comment] = []
    docs: list[tuple[int, str]] = []
    at = 1 if text.startswith("\ufeff") else 0
    while at < len(text) and len(kinds) < MOST_TOKENS:
        found = TOKEN.match(text, at)
        if found is None:
            at = blank_end(text, at)
            if at == len(text):
                break
            bad = _BAD.match(text, at)
            assert bad is not None, "any character matches"
            kinds.append(BAD)
            written = bad[0].rstrip(" \t\r") or bad[0]
            values.append(Bad(written, Span(at, at + len(written))))
            at = bad.end()
            continue
        group = found.lastindex
        at = found.end()
        if group == G_COMMENT:
            start = found.start(G_COMMENT)
            comment = found[G_COMMENT].rstrip("\r")
            comments.append(Comment(comment, Span(start, start + len(comment))))
            if is_doc(text, comment, start):
                docs.append((len(kinds), comment))
            continue
        kind, value, at = token(scan, found, at)
        kinds.append(kind)
        values.append(value)
    return Loose(kinds, values, tuple(comments), attached(docs, kinds, values), scan.found[:MOST_FOUND], at < len(text))


def blank_end(text: str, at: int) -> int:
    """The offset behind the spaces and tabs at `at`."""
    while text[at : at + 1] in {" ", "\t"}:
        at += 1
    return at


def token(scan: Scan, found: re.Match[str], end: int) -> tuple[int, Any, int]:
    """The id, value and end of what the regular expression found."""
    group = found.lastindex or 0
    span = Span(found.start(group), end)
    if group == G_NAME:
        return WORDS.get(found[1], NAME), Name(found[1], span), end
    if group in {G_SIGN, G_BRACKET}:
        return SIGNS[found[group]], span.start, end
    if group == G_LINE:
        return NL, span.start, end
    if group == G_PLAIN:
        inner = Span(span.start + 1, end - 1)
        parts = (Stretch(found[G_PLAIN][1:-1], inner),) if inner.end > inner.start else ()
        return PLAIN, Text(parts, span), end
    if group == G_TEMPLATE:
        return TEMPLATE, Template(found[7], Span(*found.span(7)), span), end
    if group == G_DOTTED:
        return DOTTED, Word(tuple(found[G_DOTTED].split(".")), span), end
    before = len(scan.found)
    if group in {G_NUMBER, G_UNIT}:
        value: Any = number(found, scan)
        kind = NUMBER if group == G_NUMBER else DURATION
    else:
        kind, value, end = hard(scan, span.start)
    if value is None or any(finding.code != "HG001" for finding in scan.found[before:]):
        return BAD, Bad(scan.text[span.start : end], Span(span.start, end), reported=True), end
    return kind, value, end
