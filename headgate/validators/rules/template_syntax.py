"""HG208: a template that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler.places import texts_in
from headgate.compiler.uses import sites, uses
from headgate.diagnostics import Severity
from headgate.expressions import ExpressionError, parse, tree
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule

_STATEMENT = re.compile(r"\{%.*?%\}", re.DOTALL)


def check(context: Context) -> Iterator[Finding]:
    for use in uses(context.graph):
        error = use.error
        if error is not None and error.code == "HG208":
            start = use.template.inner.start
            place = (
                Span(start + error.start, start + error.end) if use.template.expression.strip() else use.template.span
            )
            yield RULE.finding(error.message, place, note="cannot be read")
    for _, value in sites(context.graph):
        for text in texts_in(value):
            yield from _omitted(text)
            found = _statement(context, text)
            if found is not None:
                yield RULE.finding(
                    "a text holds values and no statements: `{% %}` would stay as it is",
                    found,
                    note="a statement",
                    advice="write `{{ a if condition else b }}`, a `when`, a `switch` or an `each`",
                )


def _omitted(text: ast.Text) -> Iterator[Finding]:
    """`omit` inside text: only a whole value can be left out."""
    for part in text.parts if len(text.parts) > 1 else ():
        if isinstance(part, ast.Template) and "omit" in part.expression:
            root = _read(part.expression)
            if isinstance(root, tree.Filter) and root.name == "omit":
                start = part.inner.start + root.name_start
                message = "`omit` leaves a whole value out and cannot stand inside text"
                yield RULE.finding(message, Span(start, start + 4), advice='write `| default("")`')


def _read(expression: str) -> tree.Node | None:
    try:
        return parse(expression).root
    except ExpressionError:
        return None


def _statement(context: Context, text: ast.Text) -> Span | None:
    """The first `{% %}` of a text, outside its templates; one in pieces, around a template, counts too."""
    opened: int | None = None
    for part in text.parts:
        if not isinstance(part, ast.Literal):
            continue
        raw = context.source.text[part.span.start : part.span.end]
        whole = _STATEMENT.search(raw)
        if opened is not None and "%}" in raw:
            return Span(opened, opened + 2)
        if whole is not None:
            return Span(part.span.start + whole.start(), part.span.start + whole.end())
        at = raw.find("{%")
        if at >= 0 and opened is None:
            opened = part.span.start + at
    return None


RULE = Rule(
    code="HG208",
    name="template-syntax",
    severity=Severity.ERROR,
    summary="a template that cannot be read: a statement, an unknown filter or test, a call, a private name",
    explanation="""\
Between `{{` and `}}` stands one expression in Jinja2's syntax. Nothing can be called but filters and tests. Filters:
`abs default first float format int join last length lower map max min omit reject replace round select slice sort split
string sum title tojson trim unique upper`. Tests: `defined none in string number boolean mapping`.""",
    wrong="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name | capitalise }}" }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name | title }}" }
}
""",
    check=check,
)
