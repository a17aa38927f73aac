"""HG403: a tool that the locked instance, or the agent, does not have."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.names import quoted, written
from headgate.validators.rule import Context, Finding, NotChecked, Rule
from headgate.validators.toolcalls import ToolCall
from headgate.workspace import Agent

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
    yield from _of_agents(context)


def _of_agents(context: Context) -> Iterator[Finding]:
    """Tools that a step would give its agent and the workspace does not, and those that no server has."""
    said: set[str] = set()
    for block in context.blocks:
        kind, name = block.written.kind, block.written.word("agent")
        agent = context.workspace.agents.get(name or "")
        if kind is None or kind.name != "agent" or agent is None or agent.url is not None:
            continue
        named = block.written.get("tools")
        for item in named.items if isinstance(named, ast.List) else ():
            tool = item.text if isinstance(item, ast.Word) else item.plain if isinstance(item, ast.Text) else None
            if tool is not None and tool not in agent.tools:
                yield _widened(agent, tool, item.span)
        place = block.written.get("agent")
        if place is not None and agent.name not in said:
            said.add(agent.name)
            yield from _unlocked(context, agent, place.span)


def _widened(agent: Agent, tool: str, place: Span) -> Finding:
    guess = nearest(tool, agent.tools)
    listed = ", ".join(f"`{name}`" for name in agent.tools[:8]) + (" and more" if len(agent.tools) > 8 else "")
    expected = f"did you mean `{guess}`?" if guess else f"it has {listed}" if listed else "it has none"
    return RULE.finding(
        f"agent `{agent.name}` may not use the tool `{tool}`; {expected}",
        place,
        note="a step narrows its agent's tools and never widens them",
        advice=f"add it to `tools` of `[agents.{agent.name}]` in headgate.toml, or leave it out",
        fixes=(replace(f"write `{guess}`", place, guess if _is_bare(guess) else quoted(guess)),) if guess else (),
    )


def _is_bare(name: str) -> bool:
    return all(part.isidentifier() and part.isascii() for part in name.split("."))


def _unlocked(context: Context, agent: Agent, place: Span) -> Iterator[Finding]:
    """Tools in headgate.toml that the lock knows not to be there; said where the agent is first used."""
    for named in agent.tools:
        instance, _, tool = named.partition(".")
        locked = None if context.lock is None else context.lock.instances.get(instance)
        if locked is None or tool in locked:
            continue
        guess = nearest(tool, tuple(locked))
        expected = f"did you mean `{instance}.{guess}`?" if guess else "it is not in headgate.lock"
        yield RULE.finding(
            f"agent `{agent.name}` names the tool `{named}`, which instance `{instance}` does not have; {expected}",
            place,
            note="this agent",
            advice=f"correct `[agents.{agent.name}]` in headgate.toml, or run `headgate lock` if the server has it now",
        )


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
    summary="a tool that is not in the lock of that instance, or that its agent may not use",
    explanation="""\
`headgate.lock` holds what each MCP server said about its tools, so that a check is exact and needs no network. A tool
that is not in it cannot be called. Without a lock, or when the lock does not know the instance, this is not checked,
and HG904 says so.

An `agent` step may narrow the tools that `headgate.toml` gives its agent, and never widen them: a tool in `tools` that
the agent does not have is the same error.""",
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
