"""Templates of other products as expressions of the language: paths renamed, `a | b | "c"` as `default`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from headgate.exchange.naming import Naming
from headgate.exchange.paths import ROOTS, read_path, translated
from headgate.exchange.writing import Hole, Part, can_be_template
from headgate.expressions import ExpressionError, parse
from headgate.expressions.catalog import FILTERS
from headgate.expressions.lexer import LONGEST_EXPRESSION
from headgate.expressions.text import template_end
from headgate.expressions.tree import KEYWORDS, LITERALS, Binary, Compare, Conditional, Logic, Unary
from headgate.records import NamedTuple

OPENER: Final = "{{"

_TOKEN = re.compile(
    r"(?P<quoted>\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*')"
    r"|(?P<number>[0-9][\w.]*)|(?P<name>[^\W\d]\w*)|(?P<sign>===|!==|&&|\|\||!=|!|[()\[\]{}]|\||.)",
    re.DOTALL,
)
_SIGNS: Final = {"===": "==", "!==": "!=", "&&": " and ", "||": " or ", "!": " not "}
_OPERATOR = re.compile(r"[+*/%~<>=!&?()]|\|\||\s-|-\s|\b(?:and|or|not|in|is|if|else)\b")
_QUOTED = re.compile(r"\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*'", re.DOTALL)
_FILTER = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:\(.*\))?\s*", re.DOTALL)
_LITERAL = re.compile(
    r"\s*(?:\"[^\"\\]*(?:\\.[^\"\\]*)*\"|'[^'\\]*(?:\\.[^'\\]*)*'|-?[0-9][0-9.eE+-]*|\w+)\s*", re.DOTALL
)


class Refused(NamedTuple):
    """A template that is no expression of the language: as it was written, and why."""

    written: str
    reason: str


class Translated(NamedTuple):
    """A text in parts of the language, and the templates of it that were refused (they stay visible in it).

    `open` says whether a `{{` of it has no end and so is only text.
    """

    parts: tuple[Part, ...]
    refused: tuple[Refused, ...]
    open: bool


def translate_text(text: str, naming: Naming) -> Translated:
    """A text of another product with its templates."""
    parts: list[Part] = []
    refused: list[Refused] = []
    literal, inside = "", None
    for literal, inside in stretches(text):
        if literal:
            parts.append(literal)
        if inside is None:
            continue
        found = translate(inside, naming)
        if isinstance(found, Refused):
            refused.append(found)
            visible = can_be_template(inside)
            parts.append(Hole(inside.strip()) if visible else OPENER + inside + "}}")
        else:
            parts.append(Hole(found))
    return Translated(_merged(parts), tuple(refused), open=inside is None and OPENER in literal)


def stretches(text: str) -> Iterator[tuple[str, str | None]]:
    """Each literal stretch and the inside of the template behind it, None at the end."""
    at = 0
    while (opener := text.find(OPENER, at)) >= 0:
        end = template_end(text, opener)
        first = text.find("}}", opener)
        if first < 0:
            break
        if end is None or (OPENER in text[opener + 2 : first] and text.find("}}", first + 2) < 0):
            end = first + 2
        yield text[at:opener], text[opener + 2 : end - 2]
        at = end
    yield text[at:], None


def translate(inside: str, naming: Naming) -> str | Refused:
    """The inside of a template as an expression of the language, or why it is none."""
    if len(inside) > LONGEST_EXPRESSION:
        return Refused(inside, f"an expression may have {LONGEST_EXPRESSION:,} characters")
    pieces = _alternatives(inside)
    chain = _OPERATOR.search(_QUOTED.sub("", inside)) is None
    expression = _folded([renamed(piece, naming, hyphens=chain).strip() for piece in pieces], naming.inputs.nullable)
    reason = refusal(expression)
    return expression if reason is None else Refused(inside, reason)


def refusal(expression: str) -> str | None:
    """Why the language does not take an expression, None when it does."""
    try:
        parse(expression)
    except ExpressionError as error:
        return error.message
    return None if can_be_template(expression) else "its braces or line ends would hide where the template ends"


def _merged(parts: list[Part]) -> tuple[Part, ...]:
    """The parts with neighbouring literal stretches joined."""
    found: list[Part] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def _alternatives(inside: str) -> list[str]:
    """What stands between the `|` of the outermost level."""
    pieces, start, depth = list[str](), 0, 0
    for token in _TOKEN.finditer(inside):
        sign = token["sign"]
        if sign in ("(", "[", "{"):
            depth += 1
        elif sign in (")", "]", "}"):
            depth -= 1
        elif sign == "|" and depth == 0:
            pieces.append(inside[start : token.start()])
            start = token.end()
    return [*pieces, inside[start:]]


def renamed(piece: str, naming: Naming, *, hyphens: bool) -> str:
    """A stretch of an expression with its paths and foreign operators as the language writes them.

    `hyphens` says whether links may hold some, as where nothing is subtracted.
    """
    found: list[str] = []
    at = 0
    while (token := _TOKEN.match(piece, at)) is not None:
        at = token.end()
        if token["quoted"] is not None:
            found.append(token["quoted"].replace("\r", "\\r").replace("\n", "\\n"))
        elif token["name"] is not None and not _is_link(piece, token.start()):
            path = read_path(piece, token.start(), naming, hyphens=hyphens)
            assert path is not None, "a name stands here"
            plain = len(path.links) == 1 and (piece[path.end :].lstrip()[:1] == "(" or path.links[0] in KEYWORDS)
            found.append(str(path.links[0]) if plain else translated(path.links, naming))
            at = path.end
        else:
            written = " " if token.group().isspace() else _SIGNS.get(token.group(), token.group())
            apart = bool(found) and found[-1].endswith(" ")
            written = written.removeprefix(" ") if apart else written
            found += [written] if written else []
    return "".join(found)


def _is_link(piece: str, at: int) -> bool:
    """Whether what stands at an offset goes on with something, as behind a dot, or names a filter."""
    before = piece[:at].rstrip()
    return before.endswith((".", "|"))


def _folded(pieces: list[str], nullable: Collection[str]) -> str:
    """Alternatives as nested defaults; filters of the language stay, and `omit` comes last.

    An input that is null when nobody gives it counts as missing, as it does where the template comes from.
    """
    waiting = [pieces[0]]
    omitted = False
    for piece in pieces[1:]:
        name = _FILTER.fullmatch(piece)
        if piece == "omit":
            omitted = True
        elif name is not None and name[1] in FILTERS:
            waiting = [f"{_operand(_nested(waiting, nullable))} | {piece}"]
        elif _is_alternative(piece):
            waiting.append(piece)
        else:
            waiting = [f"{_nested(waiting, nullable)} | {piece}"]
    whole = _nested(waiting, nullable)
    return f"{_operand(whole)} | omit" if omitted else whole


def _is_alternative(piece: str) -> bool:
    literal = _LITERAL.fullmatch(piece) is not None and (not piece.isidentifier() or piece in LITERALS)
    return (
        literal or piece.startswith(("[", "{", "(")) or "." in piece or piece.partition("[")[0] in (ROOTS | {"index"})
    )


def _nested(pieces: list[str], nullable: Collection[str]) -> str:
    whole = pieces[-1]
    for piece in reversed(pieces[:-1]):
        if piece.removeprefix("inputs.") in nullable:
            whole = f"{piece} if {piece} is not none else {whole}"
        else:
            whole = f"{_operand(piece)} | default({whole})"
    return whole


def _operand(piece: str) -> str:
    """An expression in parentheses where a filter would take only its last part."""
    try:
        root = parse(piece).root
    except ExpressionError:
        return piece
    loose = isinstance(root, Binary | Compare | Conditional | Logic | Unary)
    return f"({piece})" if loose else piece
