"""Lets a model work in rounds with tools. A call of this is one piece of it: the model's answer, or one tool call."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from headgate.runtime.connections import unbound
from headgate.runtime.conversation import Round, usage_json
from headgate.runtime.errors import ErrorClass, StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fitting import fit
from headgate.runtime.performers import Partial
from headgate.runtime.performers.agent_tools import allowed, calls_of, described, toolbox
from headgate.runtime.performers.llm import complete, data_of, message_of, response_format, text_of, usage_of
from headgate.runtime.performers.mcp import Call, make
from headgate.runtime.state import error_json

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt
    from headgate.workspace import Agent, Model

_MILLION = 1_000_000
_SAID_TO_THE_MODEL = frozenset({"MCP_TOOL_FAILED", "LIMIT_EXCEEDED"})
"""What a tool does wrong and the model may make good; anything else stops the step."""


class Performance:
    """Performs `agent`."""

    async def perform(self, attempt: Attempt, world: World) -> Partial:
        """`agent_answered` or `tool_returned`; raises `StepFailure` as `llm` and `mcp` do, `Parked` for an outside one.

        Errors of tools are told to the model. A tool call is in doubt as one of an `mcp` step is, an answer never.
        """
        agent = world.agent(str(attempt.input.get("agent")))
        if agent.url is not None:
            from headgate.runtime.performers.agent_outside import hand_over

            await hand_over(agent, attempt, world)
        call = cast("JsonObject | None", attempt.scope.get("call"))
        if call is not None:
            return await _call_tool(call, agent, attempt, world)
        return await _ask(agent, attempt, world)


async def _ask(agent: Agent, attempt: Attempt, world: World) -> Partial:
    model = world.model(str(agent.model))
    if attempt.input.get("max_cost") is not None and model.price is None:
        raise unbound(
            f"`max_cost` of `{attempt.step}` cannot be kept: the model `{model.name}` has no `price` in headgate.toml"
        )
    rounds = _rounds(attempt)
    tools = await toolbox(allowed(agent, attempt.input.get("tools"), attempt.step), attempt, world)
    request: dict[str, Any] = {"model": model.model, "messages": messages(agent, attempt.input, rounds)}
    if tools:
        request["tools"] = described(tools)
    answer = await complete(request | response_format(attempt.input.get("schema")), model, attempt, world)
    message = message_of(answer, model)
    number, usage, text = len(rounds) + 1, usage_of(answer), text_of(message)
    facts: JsonObject = {"round": number, "usage": usage}
    cost = _cost(usage, model)
    if cost is not None:
        facts["cost"] = cost
    calls = calls_of(message, tools, number)
    if calls:
        facts |= {"calls": [*calls], **({"text": text} if text else {})}
        return Partial(EventType.AGENT_ANSWERED, facts)
    try:
        facts["result"] = _result(text, answer, model, attempt, usage)
    except StepFailure as failure:
        facts |= {"text": text, "error": error_json(failure.error)}
    return Partial(EventType.AGENT_ANSWERED, facts)


def _result(text: str, answer: JsonObject, model: Model, attempt: Attempt, usage: JsonObject) -> JsonObject:
    """The step's result; raises `StepFailure` (RESULT_INVALID) for an answer that does not fit."""
    before = cast("tuple[int, int]", attempt.scope.get("tokens", (0, 0)))
    result: JsonObject = {
        "text": text,
        "data": data_of(text, attempt.input.get("schema"), answer, model),
        "rounds": len(_rounds(attempt)) + 1,
        "usage": usage_json(before[0] + _whole(usage, "input_tokens"), before[1] + _whole(usage, "output_tokens")),
    }
    fit(result, attempt.plan_step.result)
    return result


async def _call_tool(call: JsonObject, agent: Agent, attempt: Attempt, world: World) -> Partial:
    named, arguments = str(call["tool"]), call["arguments"]
    if named not in allowed(agent, attempt.input.get("tools"), attempt.step):
        raise unbound(f"the agent `{agent.name}` asked for the tool `{named}`, which it may not use any more")
    assert isinstance(arguments, dict), "what is called has its arguments"
    instance, _, tool = named.partition(".")
    facts: JsonObject = {"round": len(_rounds(attempt)), "call": call["id"], "tool": named}
    try:
        facts["result"] = await make(Call(world.instance(instance), tool, arguments), attempt, world)
    except StepFailure as failure:
        error = failure.error
        if error.code not in _SAID_TO_THE_MODEL or error.error_class is not ErrorClass.PERMANENT:
            raise
        facts["error"] = error.message
    return Partial(EventType.TOOL_RETURNED, facts)


def messages(agent: Agent, given: JsonObject, rounds: tuple[Round, ...]) -> list[dict[str, Any]]:
    """The conversation so far, as the chat API takes it."""
    told = [str(text) for text in (agent.instructions, given.get("instructions")) if text]
    work = given.get("input")
    if work is None and given.get("instructions"):
        work = told.pop()
    said: list[dict[str, Any]] = [{"role": "system", "content": "\n\n".join(told)}] if told else []
    said.append({"role": "user", "content": "" if work is None else _text(work)})
    for each in rounds:
        if not each.failed:
            said += _of_round(each)
    return said


def _of_round(each: Round) -> list[dict[str, Any]]:
    calls = [
        {
            "id": call["id"],
            "type": "function",
            "function": {"name": call["name"], "arguments": _text(call.get("arguments"))},
        }
        for call in each.calls
    ]
    said: list[dict[str, Any]] = [{"role": "assistant", "content": each.text or None, "tool_calls": calls}]
    for call, result in zip(each.calls, each.results, strict=True):
        said.append({"role": "tool", "tool_call_id": call["id"], "content": _returned(result)})
    return said


def _returned(outcome: JsonObject) -> str:
    """What the model reads of a call: an error as such, plain text as it is, anything else as JSON."""
    if "error" in outcome:
        return f"Error: {outcome['error']}"
    match outcome["result"]:
        case {"text": str(text), "content": list(), **rest} if text and not rest:
            return text
        case result:
            return _text(result)


def _rounds(attempt: Attempt) -> tuple[Round, ...]:
    return cast("tuple[Round, ...]", attempt.scope.get("rounds", ()))


def _cost(usage: JsonObject, model: Model) -> float | None:
    """What the answer cost in USD, None for a model without a price."""
    if model.price is None:
        return None
    return sum(_whole(usage, f"{way}_tokens") * model.price.get(way, 0.0) for way in ("input", "output")) / _MILLION


def _whole(usage: JsonObject, key: str) -> int:
    value = usage.get(key)
    return value if isinstance(value, int) else 0


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
