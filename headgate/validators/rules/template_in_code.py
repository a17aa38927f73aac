"""HG704: code or a query that is put together from a template, or a template in a fence, where it is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler.carrying import is_narrow
from headgate.compiler.places import script_span, templates_in
from headgate.compiler.uses import Site
from headgate.diagnostics import Diagnostic, Edit, Fix, Label, Safety, Severity
from headgate.expressions import ExpressionError, Segment, parse
from headgate.expressions.tree import Path, nodes
from headgate.grammar import ast
from headgate.source import Source, Span
from headgate.validators.flows import Given, given
from headgate.validators.lua_code import joined, open_quote, path_of, put_in, templates_meant
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import inference_of

_GIVEN = frozenset({"inputs", "steps", "vars"})
_QUERY = re.compile(
    r"^\s*(?:select\b.+\bfrom\b|insert\s+into\b|update\b.+\bset\b|delete\s+from\b|with\b.+\bas\s*\(|merge\s+into\b|"
    r"(?:create|drop|alter|truncate)\s+(?:table|index|view|database|schema|user)\b|(?:query|mutation)\b[^{]*\{|\{\s*\w+\s*[({]|"
    r"(?:optional\s+)?match\s*\()",
    re.IGNORECASE | re.DOTALL,
)
_CODE = re.compile(r"[;=(){}\n]|\b(?:return|import|function|def|local|const|let|var)\b")
_QUERIES = frozenset({"sql", "query", "statement", "graphql", "cypher", "soql", "gql"})
_CODES = frozenset({"script", "code", "javascript", "js", "python", "lua", "expression", "source_code"})
_SENDERS = frozenset({"mcp", "http"})
_SHAPES = frozenset({"schema", "result"})
_FENCES = frozenset({"sql", "graphql", "cypher", "js", "javascript", "python", "lua"})


def check(context: Context) -> Iterator[Finding]:
    for node, values in given(context).items():
        if node.step.broken:
            continue
        for one in values:
            if node.kind == "lua" and one.name == "script":
                yield from _script(context, one)
            elif node.kind in _SENDERS and one.entry:
                yield from _sent(context, one.entry, one.value, one.site)
            elif node.kind not in ("lua", "set") and one.name not in _SHAPES:
                yield from _kept(context, one.value, one.site)


def _script(context: Context, one: Given) -> Iterator[Finding]:
    """The script of a `lua` step."""
    match one.value:
        case ast.Fence():
            yield from _in_fence(context, one.value, one.site)
        case ast.Text() if one.value.plain is None:
            yield _in_text(context.source, one.value, one.site)
        case ast.Template():
            yield RULE.finding(
                "the script comes from a template; expected its text, in a fence",
                one.value.span,
                note="code that only a run knows cannot be checked",
                advice="write the script into a fence, and give it values by `steps.x`, `inputs.x` or `args`",
            )


def _in_text(source: Source, text: ast.Text, site: Site) -> Diagnostic:
    template = next(templates_in(text))
    return RULE.finding(
        "the script is put together from a template, so that a value becomes code; expected a fence",
        template.span,
        note="whatever the value holds is run",
        advice="a script in a fence reads `steps.x`, `inputs.x` and `vars.x` itself; anything else goes in by `args`",
        fixes=_fenced(source, text, site),
    )


def _fenced(source: Source, text: ast.Text, site: Site) -> tuple[Fix, ...]:
    """The script in a fence, where each of its templates is a path that a script can read."""
    script = ""
    for part in text.parts:
        if isinstance(part, ast.Literal):
            script = joined(script, part.text)
            continue
        path = path_of(part.expression)
        written = put_in(path, open_quote(script)) if path is not None and _readable(path, site) else None
        if written is None:
            return ()
        script = joined(script, written)
    if any(line.lstrip().startswith("```") for line in script.split("\n")):
        return ()
    line = source.line_text(source.position(text.span.start).line)
    indent = line[: len(line) - len(line.lstrip())]
    body = "\n".join(f"{indent}  {one}" if one.strip() else "" for one in script.split("\n"))
    edit = Edit(text.span, f"```lua\n{body}\n{indent}```")
    return (Fix("put the script into a fence", Safety.SAFE, (edit,)),)


def _readable(path: tuple[Segment, ...], site: Site) -> bool:
    """Whether a script can read a path: what a step was given, and what a loop names."""
    names = site.names - {"trigger", "run", "secrets", "failure"}
    negative = any(segment.number is not None and segment.number < 0 for segment in path)
    return path[0].name in names and len(path) > (path[0].name in _GIVEN) and not negative


def _in_fence(context: Context, fence: ast.Fence, site: Site) -> Iterator[Finding]:
    """What reads as a template in a Lua script: two braces are two tables there, and nothing in a text."""
    for meant in templates_meant(fence.text):
        path = meant.path
        known = path is not None and _names_something(context, path, site)
        if path is None and not (meant.quote and _mentions(context, meant.expression, site)):
            continue
        if path is not None and not known:
            continue
        place = script_span(fence, meant.start, meant.end)
        written = put_in(path, meant.quote) if path is not None and _readable(path, site) else None
        fixes: tuple[Fix, ...] = ()
        if written is not None and place != fence.span:
            safety = Safety.SAFE if meant.quote else Safety.UNSAFE
            fixes = (Fix("read it in Lua", safety, (Edit(place, written),)),)
        shown = f"`{{{{{meant.expression}}}}}`"
        yield RULE.finding(
            f"{shown if len(shown) < 80 else 'this'} is no template in a fence: it stays as it is written",
            place,
            note="text to Lua" if meant.quote else "a table in a table to Lua",
            advice="a script reads `steps.x`, `inputs.x` and `vars.x` itself, without braces",
            fixes=fixes,
        )


def _sent(context: Context, name: str, value: ast.Value, site: Site) -> Iterator[Finding]:
    """A query or code that a step sends."""
    match value:
        case ast.Map():
            for entry in value.entries:
                yield from _sent(context, entry.key.text, entry.value, site)
        case ast.List():
            for item in value.items:
                yield from _sent(context, name, item, site)
        case ast.Fence() if name.lower() in _QUERIES | _CODES or (value.word or "").lower() in _FENCES:
            yield from _literal(context, value, site)
        case ast.Fence():
            yield from _kept(context, value, site)
        case ast.Text() if value.plain is None and _is_code(name, value):
            free = [one for one in templates_in(value) if _is_free(context, one, site)]
            if free:
                yield RULE.finding(
                    f"`{name}` is put together from a template, so that a value becomes part of the code",
                    free[0].span,
                    note="whatever the value holds is run",
                    advice="write it into a fence with the server's own parameters, and send the values beside it",
                )


def _is_code(name: str, value: ast.Text) -> bool:
    """Whether a text is a query or code, by its name and what is written out of it."""
    written = "x".join(part.text for part in value.parts if isinstance(part, ast.Literal))
    start = value.parts[0].text if isinstance(value.parts[0], ast.Literal) else ""
    if name.lower() in _QUERIES:
        return _QUERY.match(written if start.strip() else f"x {written}") is not None
    return name.lower() in _CODES and _CODE.search(written) is not None


def _is_free(context: Context, template: ast.Template, site: Site) -> bool:
    """Whether a template may put in any text: no constant of the workflow, no number, no choice."""
    try:
        root = parse(template.expression).root
    except ExpressionError:
        return False
    paths = [node for node in nodes(root) if isinstance(node, Path)]
    if all(path.segments[0].name in ("vars", "run") for path in paths):
        return False
    return not is_narrow(inference_of(context).type_of(root, site))


def _literal(context: Context, fence: ast.Fence, site: Site) -> Iterator[Finding]:
    for match in _meant(context, fence, site):
        yield RULE.finding(
            f"{_shown(match)} is no template in a fence: it is sent as it is written",
            script_span(fence, *match.span()),
            note="the server sees the braces",
            advice="use the server's own parameters, and send the value beside the text",
        )


def _kept(context: Context, value: ast.Value, site: Site) -> Iterator[Finding]:
    """Any other text in a fence, such as a prompt, that is written as if it had templates."""
    match value:
        case ast.Map():
            for entry in value.entries:
                yield from _kept(context, entry.value, site)
        case ast.List():
            for item in value.items:
                yield from _kept(context, item, site)
        case ast.Fence():
            meant = list(_meant(context, value, site))
            if meant:
                places = [script_span(value, *one.span()) for one in meant]
                yield RULE.finding(
                    f"{_shown(meant[0])} is no template in a fence: it stays as it is written",
                    places[0],
                    note="text, with its braces",
                    labels=tuple(Label(place, "and here") for place in places[1:]),
                    advice='write a text with templates between `"""`',
                    fixes=_as_text(context.source.text, value, templates=len(meant)),
                    severity=Severity.WARNING,
                )


def _as_text(text: str, fence: ast.Fence, *, templates: int) -> tuple[Fix, ...]:
    """The same text between quotes, where that changes nothing but the templates."""
    if fence.text.count("{{") > templates or fence.text.count("}}") > templates:
        return ()
    written = text[fence.span.start : fence.span.end]
    opener = written.partition("\n")[0].rstrip("\r")
    if fence.word == "json" or "\\" in written or '"""' in written or "{%" in written or not written.endswith("```"):
        return ()
    start, end = fence.span
    edits = (Edit(Span(start, start + len(opener)), '"""'), Edit(Span(end - 3, end), '"""'))
    return (Fix('write the text between `"""`', Safety.SAFE, edits),)


def _meant(context: Context, fence: ast.Fence, site: Site) -> Iterator[re.Match[str]]:
    """What reads as a template in a fence, and names something that is there."""
    for match in re.finditer(r"(?<![$\w])\{\{(?P<inner>[^{}\n]{1,400})\}\}", fence.text):
        if _mentions(context, match["inner"], site):
            yield match


def _shown(match: re.Match[str]) -> str:
    shown = f"`{match[0]}`"
    return shown if len(shown) < 80 else "this"


def _mentions(context: Context, expression: str, site: Site) -> bool:
    """Whether an expression can be read, and reads something that is there."""
    try:
        found = parse(expression).references
    except ExpressionError:
        return False
    return any(_names_something(context, one.segments, site) for one in found)


def _names_something(context: Context, path: tuple[Segment, ...], site: Site) -> bool:
    """Whether a path begins with a step, an input or a constant that there is."""
    if len(path) < 2:
        return False
    match path[0].name:
        case "steps":
            return site.scope is not None and site.scope.find(path[1].name) is not None
        case "inputs":
            return any(one.name.text == path[1].name for one in context.workflow.inputs)
        case "vars":
            return any(one.name.text == path[1].name for one in context.workflow.lets)
        case "secrets" | "trigger":
            return True
        case _:
            return False


RULE = Rule(
    code="HG704",
    name="template-in-code",
    severity=Severity.ERROR,
    summary="a template inside a script or a query, which belong into a fence",
    explanation="""\
A value that a template puts into code is run as code: a quote in a name ends the text it was put into, and what follows
is executed. A Lua script stands in a fence and reads `steps.x`, `inputs.x`, `vars.x` and `args` as values. A query goes
out as it is written, with the server's own parameters, and the values beside it. Numbers, choices of an enum and
constants of the workflow may stand in a query.

In a fence nothing is a template: `{{ inputs.x }}` would stay two braces, which in Lua are a table in a table, and in a
prompt or a body just text: that is a warning. A text with templates stands between quotes, three of them for several
lines.""",
    wrong="""\
workflow greet {
  input name: string
  step hello = lua {
    script = "return { text = 'Hello {{ inputs.name }}' }"
  }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = lua {
    script = ```lua
      return { text = 'Hello ' .. tostring(inputs.name) }
    ```
  }
}
""",
    check=check,
)
