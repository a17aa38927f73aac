"""The fast lexer: one regular expression for what is simple, a scanner for what holds other things."""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from headgate.grammar.ast import Comment, Duration, Name, Number, Template, Text, Word
from headgate.grammar.ast import Literal as Stretch
from headgate.grammar.strings import Scan
from headgate.grammar.tables_data import TERMINALS
from headgate.records import NamedTuple
from headgate.source import Span

Value: TypeAlias = "int | Name | Word | Text | Template | Number | Duration | object"
"""What a token holds: a node, or the offset of a sign."""

ID: Final = {name: index for index, name in enumerate(TERMINALS)}
END, NL, COMMA, LBRACE, RBRACE = ID["$END"], ID["NL"], ID["COMMA"], ID["LBRACE"], ID["RBRACE"]
NAME, DOTTED, PLAIN, TEXT, BLOCK = ID["NAME"], ID["DOTTED"], ID["PLAIN"], ID["TEXT"], ID["BLOCK"]
TEMPLATE, NUMBER, DURATION, FENCE = ID["TEMPLATE"], ID["NUMBER"], ID["DURATION"], ID["FENCE"]

WORDS: Final = {
    word: ID[word.upper()]
    for word in (
        *("workflow", "input", "let", "trigger", "step", "output", "case", "else", "gate", "after", "as"),
        *("true", "false", "null", "failed", "denied", "finished", "before"),
    )
}
SIGNS: Final = {
    sign: ID[name]
    for sign, name in zip(
        ("{", "}", "[", "]", "(", ")", "<", ">", "=", ",", ":", "?", "*", "->"),
        [
            "LBRACE",
            "RBRACE",
            "LSQB",
            "RSQB",
            "LPAR",
            "RPAR",
            "LESS",
            "MORE",
            "EQUAL",
            "COMMA",
            "COLON",
            "QUESTION",
            "STAR",
            "ARROW",
        ],
        strict=True,
    )
}
UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_NESTED: Final = 64
MOST_DIGITS: Final = 300
MOST_MILLISECONDS: Final = 2**53

TOKEN: Final = re.compile(
    r"""[ \t]*(?:
    ([A-Za-z_][A-Za-z0-9_]*+)(?!\.)
    |([=,:?*]|->)
    |((?:\r?\n[ \t]*)++)
    |("(?!"")[^"\\\n\r{]*")
    |([}\[\]()<>]|\{(?!\{))
    |(\{\{([^{}"']*)\}\})
    |(?<![A-Za-z0-9_])(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(ms|[smhd])?(?![A-Za-z0-9_.])
    |(\#[^\n]*)
    |((?:[A-Za-z_][A-Za-z0-9_]*\.)+[A-Za-z_][A-Za-z0-9_]*+)(?!\.)
    |(["`]|\{\{|[A-Za-z_][A-Za-z0-9_]*)
    )""",
    re.VERBOSE,
)
G_NAME, G_SIGN, G_LINE, G_PLAIN, G_BRACKET, G_TEMPLATE, G_NUMBER, G_UNIT = 1, 2, 3, 4, 5, 6, 8, 9
G_COMMENT, G_DOTTED, G_HARD = 10, 11, 12

_NAME_PART = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Tokens(NamedTuple):
    """The tokens of a text: ids and values side by side, without the newlines that mean nothing.

    `docs` maps the offset of an item to its doc comment.
    """

    kinds: list[int]
    values: list[Value]
    comments: tuple[Comment, ...]
    docs: dict[int, str]


def read(text: str) -> Tokens | None:  # noqa: PLR0915 - one loop without calls is three times as fast
    """The tokens of a text, or None when it holds something that is no token."""
    scan = Scan(text)
    kinds: list[int] = []
    values: list[Value] = []
    comments: list[Comment] = []
    docs: list[tuple[int, str]] = []
    opened: list[str] = []
    angles = 0
    signs, new, get = SIGNS, tuple.__new__, WORDS.get
    add_kind, add_value = kinds.append, values.append
    at = 1 if text.startswith("\ufeff") else 0
    size = len(text)
    while at < size:
        found = None
        for found in iter(TOKEN.scanner(text, at).match, None):  # type: ignore[attr-defined]
            group = found.lastindex
            if group == G_NAME:
                word = found[1]
                add_kind(get(word, NAME))
                add_value(new(Name, (word, new(Span, found.span(1)))))
            elif group == G_SIGN:
                add_kind(signs[found[2]])
                add_value(found.start(2))
            elif group == G_LINE:
                if (not opened or opened[-1] == "{") and kinds and kinds[-1] != NL and kinds[-1] != LBRACE:
                    add_kind(NL)
                    add_value(found.start(3))
            elif group == G_PLAIN:
                start, end = found.span(4)
                add_kind(PLAIN)
                parts = (
                    (new(Stretch, (text[start + 1 : end - 1], new(Span, (start + 1, end - 1)))),)
                    if end - start > 2
                    else ()
                )
                add_value(new(Text, (parts, new(Span, (start, end)), False)))
            elif group == G_TEMPLATE:
                add_kind(TEMPLATE)
                add_value(new(Template, (found[7], new(Span, found.span(7)), new(Span, found.span(6)))))
            elif group == G_BRACKET:
                sign = found[group]
                if sign in "{[(":
                    opened.append(sign)
                elif sign == "<":
                    angles += 1
                elif sign == ">":
                    angles -= 1
                else:
                    if sign == "}" and kinds and kinds[-1] == NL:
                        kinds.pop()
                        values.pop()
                    if not opened:
                        return None
                    del opened[-1:]
                if len(opened) + angles > MOST_NESTED:
                    return None
                add_kind(signs[sign])
                add_value(found.start(group))
            elif group in (G_NUMBER, G_UNIT):
                value = number(found, scan)
                add_kind(NUMBER if group == G_NUMBER else DURATION)
                add_value(value)
            elif group == G_COMMENT:
                comment = found[G_COMMENT].rstrip("\r")
                start = found.start(G_COMMENT)
                comments.append(Comment(comment, Span(start, start + len(comment))))
                if is_doc(text, comment, start):
                    docs.append((len(kinds), comment))
            elif group == G_DOTTED:
                add_kind(DOTTED)
                add_value(new(Word, (tuple(found[G_DOTTED].split(".")), new(Span, found.span(G_DOTTED)))))
            else:
                break
        else:
            at = found.end() if found else at
            break
        kind, node, at = hard(scan, found.start(G_HARD))
        if scan.found:
            return None
        add_kind(kind)
        add_value(node)
    if scan.found or text[at:].strip(" \t"):
        return None
    return Tokens(kinds, values, tuple(comments), attached(docs, kinds, values))


def is_doc(text: str, comment: str, start: int) -> bool:
    """Whether a comment is a doc comment: two signs, no more, alone on its line."""
    if not comment.startswith("##") or comment.startswith("###"):
        return False
    begin = text.rfind("\n", 0, start) + 1
    return not text[begin:start].strip(" \t\ufeff")


def attached(docs: list[tuple[int, str]], kinds: list[int], values: list[Value]) -> dict[int, str]:
    """Doc comments by the offset of the token they stand before; lines without their signs."""
    grouped: dict[int, list[str]] = {}
    index = 0
    for at, comment in docs:
        if at and kinds[at - 1] == RBRACE:
            continue  # the newline between was dropped: the comment ends its block
        index = max(index, at)
        while index < len(kinds) and kinds[index] in {NL, COMMA}:
            index += 1
        if index < len(kinds) and kinds[index] != RBRACE:
            grouped.setdefault(begins(values[index]), []).append(comment[2:].removeprefix(" ").rstrip())
    return {start: "\n".join(lines) for start, lines in grouped.items()}


def begins(value: Value) -> int:
    """The offset at which a token starts."""
    return value if isinstance(value, int) else value.span.start  # type: ignore[attr-defined]


def number(found: re.Match[str], scan: Scan) -> Number | Duration:
    """A number, or a duration in whole milliseconds."""
    digits, unit = found[G_NUMBER], found[G_UNIT]
    span = Span(found.start(G_NUMBER), found.end())
    whole = not ("." in digits or "e" in digits or "E" in digits)
    value = 0 if len(digits) > MOST_DIGITS else int(digits) if whole else float(digits)
    if len(digits) > MOST_DIGITS or value in {float("inf"), float("-inf")}:
        scan.wrong("HG001", "this number is beyond what a number can hold: quote it", span)
        value = 0
    if not unit:
        return Number(value, span)
    milliseconds = value * UNITS[unit]
    if abs(milliseconds) > MOST_MILLISECONDS:
        scan.wrong("HG001", f"this duration is too long: expected at most {MOST_MILLISECONDS // UNITS['d']}d", span)
        milliseconds = 0
    return Duration(round(milliseconds), digits + unit, span)


def hard(scan: Scan, start: int) -> tuple[int, Value, int]:
    """A token that needs more than the regular expression: its id, value and end. What is wrong goes to the scan.

    The value is None when there is no token to be had.
    """
    text = scan.text
    if text.startswith('"""', start):
        block, end = scan.block(start)
        return BLOCK, block, end
    if text[start] == '"':
        line, end = scan.line_text(start)
        return PLAIN if line.plain is not None else TEXT, line, end
    if text.startswith("```", start):
        fence, end = scan.fence(start)
        return FENCE, fence, end
    if text.startswith("{{", start):
        template, end = scan.template(start)
        return TEMPLATE, template, end
    if text[start] == "`":
        line_end = scan.line_end(start)
        closing = text.find("`", start + 1, line_end)
        end = closing + 1 if closing >= 0 else line_end
        scan.wrong("HG001", 'a back-tick is no quote: text stands in double quotes, `"..."`', Span(start, end))
        return FENCE, None, end
    return dotted(scan, start)


def dotted(scan: Scan, start: int) -> tuple[int, Value, int]:
    """A name with dots, whose parts may be quoted: `everything."get-sum"`."""
    text = scan.text
    first = _NAME_PART.match(text, start)
    assert first is not None, "a dotted word starts with a name"
    parts = [first[0]]
    at = first.end()
    while text.startswith(".", at):
        if part := _NAME_PART.match(text, at + 1):
            parts.append(part[0])
            at = part.end()
        elif text.startswith('"', at + 1) and not text.startswith('"""', at + 1):
            quoted, end = scan.line_text(at + 1)
            if not quoted.plain:
                scan.wrong("HG001", "a quoted part of a name is not empty and holds no template", quoted.span)
            parts.append(quoted.plain or "_")
            at = end
        else:
            break
    if len(parts) > 1:
        return DOTTED, Word(tuple(parts), Span(start, at)), at
    return WORDS.get(first[0], NAME), Name(first[0], Span(start, at)), at
