"""HG901: a script that Lua does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.scripts import LuaFault, lua_fault

_NEAR = re.compile(r"near (?P<token>'.*'|<eof>)\s*$", re.DOTALL)


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        kind, script = block.written.kind, block.written.get("script")
        if kind is None or kind.name != "lua":
            continue
        if isinstance(script, ast.Fence):
            yield from _fence(context, script)
        elif isinstance(script, ast.Text) and script.plain is not None:
            wrong = lua_fault(script.plain)
            if wrong is not None:
                yield RULE.finding(
                    f"{wrong.says} (line {wrong.line} of the script)", script.span, note="expected a Lua script"
                )


def _fence(context: Context, fence: ast.Fence) -> Iterator[Finding]:
    wrong = lua_fault(fence.text)
    if wrong is not None:
        place = _place(context.source.text, fence, wrong)
        yield RULE.finding(wrong.says, place, note="says Lua 5.4")


def _place(text: str, fence: ast.Fence, wrong: LuaFault) -> Span:
    """The token that Lua names, on the line that Lua names, else that line without its margins."""
    start = fence.raw.start
    for _ in range(wrong.line - 1):
        following = text.find("\n", start, fence.raw.end)
        if following < 0:
            break
        start = following + 1
    end = text.find("\n", start, fence.raw.end)
    end = fence.raw.end if end < 0 else end
    written = text[start:end]
    near = _NEAR.search(wrong.says)
    if near is not None and near["token"].startswith("'"):
        token = near["token"][1:-1]
        found = written.rfind(token)
        if token and found >= 0:
            return Span(start + found, start + found + len(token))
    stripped = written.strip()
    first = start + (len(written) - len(written.lstrip()) if stripped else 0)
    return Span(first, first + max(1, len(stripped))) if first < fence.span.end else Span(first - 1, first)


RULE = Rule(
    code="HG901",
    name="lua-syntax",
    severity=Severity.ERROR,
    summary="a script that Lua does not read, with Lua's own message",
    explanation="""\
A `lua` step is compiled, and not run, by the same Lua that runs it later (5.4). The message is Lua's; its line is that
of this file.""",
    wrong="""\
workflow order {
  step total = lua ```lua
    local sum = = 1
    return { sum = sum }
  ```
}
""",
    right="""\
workflow order {
  step total = lua ```lua
    local sum = 1
    return { sum = sum }
  ```
}
""",
    check=check,
)
