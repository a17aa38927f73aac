"""An agent's rounds in a line each."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.plan import Json, JsonObject
from headgate.render.columns import printable
from headgate.render.picture import shorten
from headgate.runtime.view import AgentRound, StepView, ToolView

MOST = 20
_LINE_LIMIT = 100


def round_lines(step: StepView) -> Iterator[str]:
    """The last rounds of a step, such as `round 2: crm.get_order, crm.find (failed); 140 tokens`."""
    left_out = len(step.rounds) - MOST
    if left_out > 0:
        yield f"{left_out} earlier rounds are in `headgate events`"
    for each in step.rounds[-MOST:]:
        cost = "" if each.cost is None else f", {each.cost:.6g} USD"
        yield f"round {each.number}: {_tools(each)}; {each.input_tokens + each.output_tokens} tokens{cost}"


def _tools(each: AgentRound) -> str:
    if not each.tools:
        return "answered"
    return printable(shorten(", ".join(map(_tool, each.tools)), _LINE_LIMIT))


def _tool(tool: ToolView) -> str:
    if tool.error is not None:
        return f"{tool.tool} (failed)"
    return tool.tool if tool.returned else f"{tool.tool} (not returned)"


def rounds_list(step: StepView) -> list[Json]:
    """The rounds as plain values."""
    return [_object(each) for each in step.rounds]


def _object(each: AgentRound) -> JsonObject:
    tools: list[Json] = [{"tool": tool.tool, "returned": tool.returned, "error": tool.error} for tool in each.tools]
    return {
        "round": each.number,
        "tools": tools,
        "input_tokens": each.input_tokens,
        "output_tokens": each.output_tokens,
        "cost": each.cost,
    }
