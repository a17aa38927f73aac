"""HG207: braces that are nested, doubled, unbalanced, or single around a path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler.places import texts_in
from headgate.compiler.uses import Site, sites, uses
from headgate.diagnostics import Fix, Severity, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule

_PATH = re.compile(r"\$?\{\s*(([A-Za-z_]\w*)(?:\.\w+|\[(?:\d+|'[^'{}]*'|\\?\"[^\"{}\\]*\\?\")\])+)\s*\}")
_BRACE = re.compile(r"[{}]")


def check(context: Context) -> Iterator[Finding]:
    for use in uses(context.graph):
        error = use.error
        if error is not None and error.code == "HG207":
            start = use.template.inner.start
            place = Span(start + error.start, start + error.end)
            fixes: tuple[Fix, ...] = ()
            if error.replacement is not None:
                fixes = (replace("write the braces once", place, error.replacement),)
            yield RULE.finding(error.message, place, note="one pair of `{{ }}` is enough", fixes=fixes)
    for site, value in sites(context.graph):
        if site.attribute != "description":
            for text in texts_in(value):
                yield from _Text(context, site).findings(text)


class _Text:
    """Walks the literal stretches of one text; single braces that balance are the text's own."""

    def __init__(self, context: Context, site: Site) -> None:
        self._text = context.source.text
        self._names = site.names
        self._depth = 0

    def findings(self, text: ast.Text) -> Iterator[Finding]:
        for part in text.parts:
            if isinstance(part, ast.Literal):
                yield from self._literal(part, text)

    def _literal(self, literal: ast.Literal, text: ast.Text) -> Iterator[Finding]:
        at, end = literal.span
        while (brace := _BRACE.search(self._text, at, end)) is not None:
            at = brace.start()
            path = self._path(at, literal)
            if path is not None:
                stop = path.end()
                if self._depth == 0 and self._text[stop : stop + 1] == "}" and stop < end:
                    stop += 1
                yield self._single(path, Span(path.start(), stop))
                at = stop
            elif brace.group() == "{":
                if self._text.startswith("{{", at) and at + 1 < end:
                    yield RULE.finding("this `{{` has no `}}`", Span(at, at + 2), note="never closed")
                    return
                self._depth += 1
                at += 1
            elif self._depth:
                self._depth -= 1
                at += 1
            else:
                stray = self._stray(at, end, text)
                if stray is not None:
                    yield stray
                at += 2 if self._text.startswith("}}", at) else 1

    def _path(self, at: int, literal: ast.Literal) -> re.Match[str] | None:
        start = at - 1 if at > literal.span.start and self._text[at - 1] == "$" else at
        path = _PATH.match(self._text, start, literal.span.end)
        return path if path is not None and path.group(2) in self._names else None

    def _single(self, path: re.Match[str], place: Span) -> Finding:
        right = "{{ " + path.group(1).replace('\\"', '"') + " }}"
        return RULE.finding(
            f"`{path.group(1)}` in single braces would stay text; write `{right}`",
            place,
            note="not a template",
            fixes=(replace(f"write `{right}`", place, right),),
        )

    def _stray(self, at: int, end: int, text: ast.Text) -> Finding | None:
        """A closing brace that closes nothing: two of them anywhere, one right behind a template."""
        behind = any(isinstance(part, ast.Template) and part.span.end == at for part in text.parts)
        double = self._text.startswith("}}", at) and at + 1 < end
        if not behind and not double:
            return None
        place = Span(at, at + 2 if double else at + 1)
        if behind:
            return RULE.finding(
                "one closing brace too many: a template ends with `}}`",
                place,
                note="closes nothing",
                fixes=(replace("leave it out", place, ""),),
            )
        advice = 'as text, write `{{ "}}" }}`'
        return RULE.finding("this `}}` has no `{{` before it", place, note="closes nothing", advice=advice)


RULE = Rule(
    code="HG207",
    name="template-braces",
    severity=Severity.ERROR,
    summary="`{{` that is nested, doubled or unbalanced, or a path in single braces",
    explanation="""\
A template is written `{{ expression }}`, its braces once around the whole expression. Anything else would reach its
reader as it stands: `Hello {inputs.name}` is text. Braces that belong to a text, as in JSON, are left alone when they
balance.""",
    wrong="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {inputs.name}" }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    check=check,
)
