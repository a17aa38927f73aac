"""Expressions of the language as templates of other products: what comes back the same when it is imported again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from headgate.compiler.values import stored_template, stored_text
from headgate.exchange.foreign_templates import Refused, translate, translate_text
from headgate.exchange.naming import Naming
from headgate.exchange.paths import written
from headgate.exchange.scripts import translate_script
from headgate.exchange.writing import Hole
from headgate.expressions import ExpressionError, parse, split
from headgate.expressions.tree import Const, Filter, Node, Path, Segment
from headgate.grammar import ast
from headgate.source import Span

NOWHERE: Final = Span(0, 0)

_LUA_INPUTS = re.compile(r"(?<![\w.:])inputs(?=\s*[.\[])")


def export_text(text: str, naming: Naming) -> str | None:
    """A text as the plan stores it, as other products write it; None when no such text would come back the same."""
    if "{{" not in text:
        return text
    for plain_braces in (True, False):
        candidate = _joined(text, naming, plain_braces=plain_braces)
        if candidate is not None and _comes_back(candidate, text, naming):
            return candidate
    return None


def _joined(text: str, naming: Naming, *, plain_braces: bool) -> str | None:
    """The parts of a stored text; with `plain_braces`, templates that only give braces stand as what they give."""
    found: list[str] = []
    for part in split(text):
        if isinstance(part, str):
            found.append(part)
            continue
        braces = _braces(part.text) if plain_braces else None
        if braces is not None:
            found.append(braces)
            continue
        inside = export_expression(part.text, naming)
        if inside is None:
            return None
        found.append(f"{{{{{inside}}}}}")
    return "".join(found)


def _braces(expression: str) -> str | None:
    """The text that an expression is, when it is only a text with braces."""
    try:
        root = parse(expression).root
    except ExpressionError:
        return None
    return root.value if isinstance(root, Const) and isinstance(root.value, str) and "{" in root.value else None


def _comes_back(candidate: str, text: str, naming: Naming) -> bool:
    """Whether a text, imported again, is stored as it was."""
    back = translate_text(candidate, naming)
    parts = tuple(
        ast.Template(part.expression, NOWHERE, NOWHERE) if isinstance(part, Hole) else ast.Literal(part, NOWHERE)
        for part in back.parts
    )
    alone = parts[0] if len(parts) == 1 and isinstance(parts[0], ast.Template) else None
    stored = stored_text(ast.Text(parts, NOWHERE)) if alone is None else stored_template(alone)
    return not back.refused and stored == text


def export_expression(expression: str, naming: Naming) -> str | None:
    """The inside of a template as other products write it; None when nothing comes back the same."""
    meant = _stored(expression)
    for candidate in _candidates(expression, naming):
        back = translate(candidate, naming)
        if not isinstance(back, Refused) and _stored(back) == meant:
            return candidate
    return None


def export_script(script: str, naming: Naming) -> str | None:
    """A script as other products write it; None when nothing comes back the same."""
    for candidate in (_LUA_INPUTS.sub("input", script), script):
        back = translate_script(candidate, naming)
        if back.text == script:
            return candidate
    return None


def _stored(expression: str) -> str:
    return stored_template(ast.Template(expression, NOWHERE, NOWHERE))


def _candidates(expression: str, naming: Naming) -> Iterator[str]:
    """Ways to write an expression, the most foreign one first."""
    try:
        read = parse(expression)
    except ExpressionError:
        return
    chain = _chain(expression, read.root, naming)
    if chain is not None:
        yield chain
    found, at = "", 0
    for reference in read.references:
        found += expression[at : reference.start] + _path(reference.segments, naming)
        at = reference.end
    yield (found + expression[at:]).strip()
    yield expression.strip()


def _chain(expression: str, node: Node, naming: Naming) -> str | None:
    """`a | b | "c"` for nested defaults; None for what is no such chain."""
    match node:
        case Path():
            return _path(node.segments, naming)
        case Const():
            return expression[node.start : node.end]
        case Filter(name="default", arguments=(other,), keywords=()):
            first, second = _chain(expression, node.target, naming), _chain(expression, other, naming)
            return None if first is None or second is None else f"{first} | {second}"
        case Filter(name="omit"):
            inner = _chain(expression, node.target, naming)
            return None if inner is None else f"{inner} | omit"
        case _:
            return None


def _path(segments: tuple[Segment, ...], naming: Naming) -> str:
    """A path as other products write it."""
    links = tuple(segment.key for segment in segments)
    match links:
        case ("inputs", *rest):
            links = ("input", *rest)
        case ("index",) if naming.item is not None:
            links = ("foreach", "index")
        case ("iteration",):
            links = ("while", "index")
        case ("previous", *rest) if rest:
            links = ("while", "prev", *rest)
        case (name, *rest) if name == naming.item:
            links = ("item", *rest)
    return written(links)
