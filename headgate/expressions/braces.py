"""Braces that were written too often."""

from __future__ import annotations

import re

from headgate.expressions import lexer
from headgate.expressions.checks import one_line
from headgate.expressions.lexer import Token
from headgate.expressions.reader import Reader
from headgate.expressions.tree import ExpressionError, Path

_INNER_TEMPLATE = r"\{\{\s*([^{}]*?)\s*\}\}"


def refuse_braces(text: str) -> None:
    """Raises ExpressionError for the inside of `{{ {{ x }} }}`, `{{{{ x }}}}` and `{{{ x }}}`."""
    stripped = text.strip()
    start = text.find(stripped) if stripped else 0
    end = start + len(stripped)
    if stripped.startswith("{{") and stripped.endswith("}}"):
        inner = stripped[2:-2].strip()
        shown = one_line(inner, 60)
        message = f"`{{{{ {shown} }}}}` stands in braces already: they are written once around the whole expression"
        raise ExpressionError(message, start, end, "HG207", inner or None)
    if "{{" in text:
        for token in _tokens_or_nothing(text):
            if token.text == "{" and text.startswith("{{", token.start):
                whole = re.compile(_INNER_TEMPLATE).match(text, token.start)
                shown = f"`{one_line(whole.group(), 60)}`" if whole else "`{{`"
                message = f"{shown} stands inside `{{{{ }}}}`, where names need no braces of their own"
                end = whole.end() if whole else token.start + 2
                raise ExpressionError(message, token.start, end, "HG207", whole.group(1) if whole else None)
    if text.startswith("{") and text.endswith("}"):
        inner = text[1:-1].strip()
        try:
            Reader(text).expression()
        except ExpressionError:
            if _is_path(inner):
                message = f"`{one_line(inner, 60)}` stands between three braces: a template has two"
                raise ExpressionError(message, 0, len(text), "HG207", f" {inner} ") from None


def _tokens_or_nothing(text: str) -> list[Token]:
    try:
        return lexer.tokens(text)
    except ExpressionError:
        return []


def _is_path(text: str) -> bool:
    try:
        return isinstance(Reader(text).expression(), Path)
    except ExpressionError:
        return False
