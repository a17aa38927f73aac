"""Conditions of other products: one template, templates between operators, or an expression without braces."""

from __future__ import annotations

from headgate.exchange.foreign_templates import Refused, refusal, renamed, stretches, translate
from headgate.exchange.naming import Naming
from headgate.expressions import ExpressionError, parse
from headgate.expressions.tree import Const, Filter, Path

_QUOTES = ('"', "'")


def translate_condition(text: str, naming: Naming) -> str | Refused:
    """A condition as an expression of the language, or why it is none."""
    text = text.strip()
    pieces = list(stretches(text))
    inside = pieces[0][1]
    if inside is None:
        return translate(text, naming)
    if len(pieces) == 2 and not pieces[0][0] and not pieces[1][0]:
        return translate(inside, naming)
    return _joined(text, pieces, naming)


def negated(expression: str) -> str:
    """The opposite of a condition."""
    return f"not {_operand(expression)}"


def _joined(text: str, pieces: list[tuple[str, str | None]], naming: Naming) -> str | Refused:
    """Templates between operators: each is an operand. Quotes around one go, since its value needs none."""
    found: list[str] = []
    quote = ""
    for literal, inside in pieces:
        rest = literal[1:] if quote and literal.startswith(quote) else literal
        quote = rest[-1:] if inside is not None and rest.endswith(_QUOTES) else ""
        found.append(renamed(rest.removesuffix(quote), naming, hyphens=False))
        if inside is not None:
            operand = translate(inside, naming)
            if isinstance(operand, Refused):
                return Refused(text, operand.reason)
            found.append(_operand(operand))
    whole = "".join(found).strip()
    reason = refusal(whole)
    return whole if reason is None else Refused(text, reason)


def _operand(expression: str) -> str:
    """An expression in parentheses unless nothing can come between its parts."""
    try:
        tight = isinstance(parse(expression).root, Path | Filter | Const)
    except ExpressionError:
        tight = False
    return expression if tight else f"({expression})"
