"""HG901: a script that Lua does not read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule

_MESSAGE = re.compile(r"\[string \"[^\n]*?\"\]:(?P<line>\d+): (?P<says>.*)", re.DOTALL)
_BYTECODE = "\x1b"
_NEAR = re.compile(r"near (?P<token>'.*'|<eof>)\s*$", re.DOTALL)


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        kind, script = block.written.kind, block.written.get("script")
        if kind is None or kind.name != "lua":
            continue
        if isinstance(script, ast.Fence):
            yield from _fence(context, script)
        elif isinstance(script, ast.Text) and script.plain is not None:
            wrong = _fault(script.plain)
            if wrong is not None:
                line, says = wrong
                yield RULE.finding(f"{says} (line {line} of the script)", script.span, note="expected a Lua script")


def _fence(context: Context, fence: ast.Fence) -> Iterator[Finding]:
    wrong = _fault(fence.text)
    if wrong is None:
        return
    line, says = wrong
    yield RULE.finding(says, _place(context.source.text, fence, line, says), note="says Lua 5.4")


def _fault(script: str) -> tuple[int, str] | None:
    """Lua's line and message for a script that it does not read; nothing is run."""
    from lupa import lua54

    if script.startswith(_BYTECODE):
        return 1, "a script is text; compiled Lua is refused"
    runtime = lua54.LuaRuntime(unpack_returned_tuples=True, register_eval=False, register_builtins=False)
    try:
        runtime.compile(script)
    except lua54.LuaSyntaxError as error:
        says = str(error).removeprefix("error loading code: ")
        match = _MESSAGE.match(says)
        if match is None:
            return 1, _one_line(says)
        return int(match["line"]), _one_line(match["says"])
    return None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _place(text: str, fence: ast.Fence, line: int, says: str) -> Span:
    """The token that Lua names, on the line that Lua names, else that line without its margins."""
    start = fence.raw.start
    for _ in range(line - 1):
        following = text.find("\n", start, fence.raw.end)
        if following < 0:
            break
        start = following + 1
    end = text.find("\n", start, fence.raw.end)
    end = fence.raw.end if end < 0 else end
    written = text[start:end]
    near = _NEAR.search(says)
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
