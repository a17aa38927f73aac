"""An expression's text as tokens: the ones Jinja2 has, with their offsets."""

from __future__ import annotations

import re

from headgate.expressions.tree import ExpressionError
from headgate.records import NamedTuple

LONGEST_EXPRESSION = 10_000
LONGEST_INTEGER = 1_000

NAME, INTEGER, FLOAT, STRING, OPERATOR, END = "name", "integer", "float", "string", "operator", "end"

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<float>(?<!\.)(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?[eE][+\-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+))
  | (?P<integer>0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*)
  | (?P<name>[^\W\d]\w*)
  | (?P<string>'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")
  | (?P<operator>\*\*|//|==|!=|>=|<=|[+\-/*%~\[\](){}><.:|,=])
    """,
    re.VERBOSE | re.DOTALL,
)

_ESCAPE = re.compile(
    r"""\\(?:[\\'"abfnrtv\n]|[0-7]{1,3}|x[0-9a-fA-F]{0,2}|u[0-9a-fA-F]{0,4}|U[0-9a-fA-F]{0,8}|N(?:\{[^}]*\}?)?)"""
)
"""What a backslash starts; before anything else it stands for itself."""

_FOREIGN = (
    ("===", "`===` is written `==`", "=="),
    ("!==", "`!==` is written `!=`", "!="),
    ("&&", "`&&` is written `and`", "and"),
    ("||", "`||` is written `or`", "or"),
    ("??", "`??` is written `| default(...)`", None),
    ("=>", "`=>` is no operator here; greater or equal is `>=`", None),
    ("!", "`!` is written `not`", "not "),
    ("?", "`a ? b : c` is written `b if a else c`", None),
    ("&", "`&` is no operator here; write `and`, or `~` to join texts", None),
    ("$", "`$` does not mark a name here: write the name alone", ""),
    (";", "an expression is one value: nothing may be set or done in it", None),
    ("@", "`@` has no meaning in an expression", None),
    ("`", "text stands in `'...'` or `\"...\"`, not in back-ticks", None),
)
"""What other languages write, what to say about it, and the text that would be right."""

_JOINED = frozenset({"==", "!=", "|", "="})


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """The tokens of an expression's text, the last one of kind `end`. Raises ExpressionError on what is none."""
    if len(text) > LONGEST_EXPRESSION:
        message = f"an expression may have {LONGEST_EXPRESSION:,} characters; this one has {len(text):,}"
        raise ExpressionError(message, 0, len(text))
    found: list[Token] = []
    at = 0
    match = _TOKEN.match
    while at < len(text):
        here = match(text, at)
        if here is None:
            raise _unknown(text, at)
        kind = here.lastgroup
        assert kind is not None, "every alternative of the token pattern has a name"
        end = here.end()
        if kind != "space":
            word = here.group()
            if kind == "operator":
                _refuse_joined(text, word, at, end)
            found.append(Token(kind, word, at, end))
        at = end
    found.append(Token(END, "", len(text), len(text)))
    return found


def string_value(token: Token) -> str:
    """The text that a quoted token stands for. Raises ExpressionError on an escape that Jinja2 refuses."""
    inner = token.text[1:-1].replace("\r\n", "\n").replace("\r", "\n")
    if "\\" not in inner:
        return inner
    try:
        value = _ESCAPE.sub(lambda escape: escape.group().encode("ascii").decode("unicode-escape"), inner)
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeError:
        message = "an escape in this text is not valid; a backslash itself is written `\\\\`"
        raise ExpressionError(message, token.start, token.end) from None


def number_value(token: Token) -> int | float:
    """The number that a token stands for. Raises ExpressionError when it is too large to hold."""
    digits = token.text.replace("_", "")
    if token.kind == INTEGER:
        if len(digits) > LONGEST_INTEGER:
            message = f"a whole number may have {LONGEST_INTEGER:,} digits; this one has {len(digits):,}"
            raise ExpressionError(message, token.start, token.end)
        return int(digits, 0)
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ExpressionError(f"`{token.text}` is too large a number", token.start, token.end)
    return value


def _refuse_joined(text: str, word: str, start: int, end: int) -> None:
    if word in _JOINED and end < len(text):
        for foreign, message, right in _FOREIGN:
            if text.startswith(foreign, start) and len(foreign) > len(word):
                raise ExpressionError(message, start, start + len(foreign), replacement=right)


def _unknown(text: str, at: int) -> ExpressionError:
    for foreign, message, right in _FOREIGN:
        if text.startswith(foreign, at):
            return ExpressionError(message, at, at + len(foreign), replacement=right)
    character = text[at]
    if character in "\"'":
        return ExpressionError(f"this text has no closing `{character}`", at, len(text))
    return ExpressionError(f"`{character}` has no meaning in an expression", at, at + 1)
