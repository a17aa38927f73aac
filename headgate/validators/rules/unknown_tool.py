"""HG403: a tool that the locked instance does not have."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.validators.names import written
from headgate.validators.rule import Context, Finding, NotChecked, Rule
from headgate.validators.toolcalls import ToolCall

_ADVICE = "`headgate lock` asks the servers for their tools and writes headgate.lock"


def check(context: Context) -> Iterator[Finding]:
    for call in context.calls:
        if call.resolved is None or call.tool is None or call.tool_place is None or not call.tool:
            continue  # HG401, HG402 and HG409 say it
        if context.lock is None:
            yield NotChecked("there is no headgate.lock", call.tool_place, _ADVICE)
        elif call.resolved not in context.lock.instances:
            yield NotChecked(f"headgate.lock does not know the instance `{call.resolved}`", call.tool_place, _ADVICE)
        else:
            tools = tuple(context.lock.instances[call.resolved])
            if call.tool not in tools:
                yield _finding(call, call.tool, tools)


def _finding(call: ToolCall, tool: str, tools: tuple[str, ...]) -> Finding:
    assert call.tool_place is not None, "a tool that was named stands somewhere"
    guess = nearest(tool, tools)
    fixes: tuple[Fix, ...] = ()
    if guess:
        fixes = (replace(f"write `{guess}`", call.tool_place, written(guess)),)
    some = ", ".join(f"`{name}`" for name in tools[:8]) + (" and more" if len(tools) > 8 else "")
    expected = f"did you mean `{guess}`?" if guess else f"it has {some}" if tools else "it has no tools"
    return RULE.finding(
        f"instance `{call.resolved}` has no tool `{tool}`; {expected}",
        call.tool_place,
        note="not in headgate.lock",
        advice="if the server has it now, run `headgate lock` and review the change",
        fixes=fixes,
    )


RULE = Rule(
    code="HG403",
    name="unknown-tool",
    severity=Severity.ERROR,
    summary="a tool that is not in the lock of that instance",
    explanation="""\
`headgate.lock` holds what each MCP server said about its tools, so that a check is exact and needs no network. A tool
that is not in it cannot be called. Without a lock, or when the lock does not know the instance, this is not checked,
and HG904 says so.""",
    wrong="""\
workflow charge {
  step get = mcp stripe.get_chrage
}
""",
    right="""\
workflow charge {
  step get = mcp stripe.get_charge
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock='{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {"type": "object"}}}}}}',
)
