"""HG509: a tool of which nobody says what it does, so that a lost attempt holds the run."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity
from headgate.kinds import UNKNOWN
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.toolcalls import ToolCall


def check(context: Context) -> Iterator[Finding]:
    if context.lock is None:
        return  # HG403 says that nothing is known of any tool
    unknown: dict[tuple[str, str], list[Span]] = {}
    for call in context.calls:
        if call.resolved is None or not call.tool or call.tool_place is None or not _holds(context, call):
            continue  # HG401, HG402 and HG409 say it, or an attempt that was lost holds nothing
        if call.tool in context.lock.instances.get(call.resolved, {}):
            unknown.setdefault((call.resolved, call.tool), []).append(call.tool_place)
    for (instance, tool), places in unknown.items():
        name = tool if tool.replace("-", "_").isidentifier() else f'"{tool}"'
        yield RULE.finding(
            f"nobody says what `{instance}.{tool}` does to the world, so a lost attempt would hold the run",
            places[0],
            note="no annotation, no override",
            labels=tuple(Label(place, "and here") for place in places[1:]),
            advice="write `reversibility` into the step, or into "
            f"`[instances.{instance}.tools.{name}]` of headgate.toml",
        )


def _holds(context: Context, call: ToolCall) -> bool:
    """Whether nobody knows what became of an attempt that was lost, and nothing says what to do then."""
    step = call.block.step
    node = context.graph.node(step) if step is not None else None
    if node is None or call.block.written.get("in_doubt") is not None:
        return False
    effect = context.effect(node)
    return effect.reversibility == UNKNOWN and not effect.repeatable


RULE = Rule(
    code="HG509",
    name="unknown-effect",
    severity=Severity.NOTE,
    summary="a tool without annotations or override: a lost attempt would hold the run",
    explanation="""\
When a driver dies while a tool is called, nobody knows whether the call had its effect. What is safe, recoverable,
keyed or idempotent is tried again; of any other step the run is held until a person has looked. A tool whose server
says nothing about it counts as any other. Say it in the step (`reversibility`, `in_doubt`, an idempotency key that is
delivered) or once for all steps in headgate.toml.""",
    wrong="""\
workflow order {
  step note = mcp crm.add_note { args = { text = "Packed" } }
}
""",
    right="""\
workflow order {
  step note = mcp crm.add_note { args = { text = "Packed" }, reversibility = recoverable }
}
""",
    check=check,
    workspace='[instances.crm]\nserver_url = "https://mcp.crm.example.com"\n',
    lock='{"version": 1, "instances": {"crm": {"tools": {"add_note": {"inputSchema": {"type": "object"}}}}}}',
)
