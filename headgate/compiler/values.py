"""Values of the tree as the kinds' checker and the plan see them, and the way back from a path to its place."""

from __future__ import annotations

from headgate.compiler.schemas import schema_of
from headgate.expressions import literal
from headgate.grammar import ast
from headgate.kinds.values import EMPTY, Duration, Fenced, Mixed, Neutral, Template, TypeName, Word
from headgate.source import Span


def neutral(value: ast.Value) -> Neutral:
    """A value without its spans. Of two entries with one key the first counts."""
    match value:
        case ast.Text():
            return value.plain if value.plain is not None else Mixed(stored_text(value))
        case ast.Template():
            return Template(value.expression)
        case ast.Number() | ast.Boolean():
            return value.value
        case ast.Null():
            return None
        case ast.Duration():
            return Duration(value.milliseconds, value.text)
        case ast.Word():
            return Word(value.parts)
        case ast.TypeRef():
            return TypeName(dict(schema_of(value)), type_names(value))
        case ast.Fence():
            return Fenced(value.word, value.text)
        case ast.List():
            return [neutral(item) for item in value.items]
        case ast.Map():
            found: dict[str, Neutral] = {}
            for entry in value.entries:
                if entry.key.text not in found:
                    found[entry.key.text] = neutral(entry.value)
            return found


def locate(value: ast.Value, path: tuple[str | int, ...]) -> Span:
    """The place of a path inside a value: of what it leads to, or as near as the text has it."""
    place = descend(value, path)
    return value.span if place is None else place.span


def key_span(value: ast.Value, path: tuple[str | int, ...]) -> Span:
    """The place of the key that a path ends with."""
    outer = descend(value, path[:-1])
    if isinstance(outer, ast.Map):
        for entry in outer.entries:
            if entry.key.text == path[-1]:
                return entry.key.span
    return value.span if outer is None else outer.span


def descend(value: ast.Value, path: tuple[str | int, ...]) -> ast.Value | None:
    """The value that a path leads to, None when there is none."""
    for part in path:
        found: ast.Value | None = None
        if isinstance(value, ast.Map):
            found = next((entry.value for entry in value.entries if entry.key.text == part), None)
        elif isinstance(value, ast.List) and isinstance(part, int) and part < len(value.items):
            found = value.items[part]
        if found is None:
            return None
        value = found
    return value


def type_names(type_: ast.TypeRef) -> tuple[str, ...]:
    """Every name in a type, its arguments' included."""
    names = [type_.name.text]
    for argument in type_.arguments:
        names.extend(type_names(argument))
    return tuple(names)


def stored_text(text: ast.Text) -> str:
    """A text with templates as the plan stores it: braces that are no template become a template of themselves."""
    parts = []
    for part in text.parts:
        if isinstance(part, ast.Template):
            parts.append(stored_template(part))
        else:
            parts.append(_quoted(part.text) if part.text.endswith("{") else literal(part.text))
    if len(parts) == 1:
        parts.append(EMPTY)
    return "".join(parts)


def _quoted(text: str) -> str:
    """A stretch that ends in a brace, which must not meet the braces of the template behind it."""
    return literal(text[:-1]) + '{{ "{" }}'


def stored_template(template: ast.Template) -> str:
    """A template as the plan stores it: white space outside its quotes is one blank, so that layout does not count."""
    expression = template.expression
    if "  " not in expression and not any(blank in expression for blank in "\n\r\t"):
        return "{{ " + expression.strip(" ") + " }}"
    return "{{ " + _folded(expression) + " }}"


def _folded(expression: str) -> str:
    """White space runs outside quotes as single blanks, none at the ends."""
    found: list[str] = []
    quote = ""
    escaped = False
    for character in expression:
        if quote:
            found.append(character)
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == quote:
                quote = ""
        elif character.isspace():
            if found and found[-1] != " ":
                found.append(" ")
        else:
            if character in "\"'":
                quote = character
            found.append(character)
    if found and found[-1] == " ":
        found.pop()
    return "".join(found)
