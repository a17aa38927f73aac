"""HG402: a tool call that does not say which tool, or of which server."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.grammar import ast
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.toolcalls import ToolCall


def check(context: Context) -> Iterator[Finding]:
    for call in context.calls:
        if call.block.broken:
            continue
        said = call.block.written
        tool, instance, url = said.get("tool"), said.get("instance"), said.get("server_url")
        if tool is None and instance is None and url is None:
            yield _missing(call, "an instance and a tool", "neither is given")
        elif tool is None:
            yield _missing(call, "a tool", "`tool` is missing")
        elif instance is None and url is None:
            yield _missing(call, "`instance` or `server_url`", "which server is not said")
        elif isinstance(tool, ast.Text) and tool.plain == "":
            yield RULE.finding(f"{call.block.called} needs the name of a tool, not empty text", tool.span)


def _missing(call: ToolCall, what: str, note: str) -> Finding:
    advice = f"write `{'mcp ' if call.block.sort == 'step' else 'poll '}{call.instance or 'INSTANCE'}.TOOL`"
    return RULE.finding(f"{call.block.called} needs {what}", call.block.place, note=note, advice=advice)


RULE = Rule(
    code="HG402",
    name="missing-tool",
    severity=Severity.ERROR,
    summary="an `mcp` step without `tool`, or without `instance` and `server_url`",
    explanation="""\
An `mcp` step calls one tool of one server: `mcp INSTANCE.TOOL`, or the attributes `instance` (or `server_url`) and
`tool`. Without both there is nothing to call.""",
    wrong="""\
workflow charge {
  step get = mcp { instance = stripe, args = { order = "A1" } }
}
""",
    right="""\
workflow charge {
  step get = mcp { instance = stripe, tool = get_charge, args = { order = "A1" } }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock='{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {"type": "object"}}}}}}',
)
