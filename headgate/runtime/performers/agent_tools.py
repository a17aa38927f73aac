"""The tools that an agent may use, as the model is told of them, and what it asked for held against them."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from headgate.records import NamedTuple
from headgate.runtime.connections import unbound
from headgate.runtime.errors import StepFailure
from headgate.runtime.fitting import fit
from headgate.runtime.performers.mcp import DEFAULT_SECONDS, borne, listed, open_session
from headgate.workspace import Lock, LockedTool, tool_facts

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.credentials import Credential
    from headgate.runtime.performers import Attempt
    from headgate.workspace import Agent

MOST_CALLS = 64
"""The most tool calls that are made of one answer; the others are refused."""

_NAME_LIMIT = 64
_NO_NAME = re.compile(r"[^A-Za-z0-9_-]")


class Tool(NamedTuple):
    """`named` is `INSTANCE.TOOL`; `in_doubt` is `retry` or `hold`: what a lost call of it means."""

    named: str
    description: str
    schema: JsonObject
    in_doubt: str


def allowed(agent: Agent, narrowed: Json, step: str) -> tuple[str, ...]:
    """The tools of a step; raises `StepFailure` (CONFIG_INVALID) for one that its agent does not have."""
    if not isinstance(narrowed, list):
        return agent.tools
    for name in narrowed:
        if name not in agent.tools:
            raise unbound(
                f"`{step}` names the tool `{name}`, which the agent `{agent.name}` may not use; "
                f"add it to `tools` of [agents.{agent.name}] in headgate.toml, or leave it out"
            )
    return tuple(name for name in agent.tools if name in narrowed)


async def toolbox(names: tuple[str, ...], attempt: Attempt, world: World) -> dict[str, Tool]:
    """The tools by the names that the model is given; raises `StepFailure` for one that its server does not have."""
    found: dict[str, Tool] = {}
    for named in names:
        instance, _, tool = named.partition(".")
        tools = await _tools_of(instance, attempt, world)
        if tool not in tools:
            raise unbound(f"the instance `{instance}` has no tool `{tool}`; it has {_listed(sorted(tools))}")
        found[_function_name(named, found)] = _tool(named, tools[tool], world)
    return found


async def _tools_of(name: str, attempt: Attempt, world: World) -> dict[str, JsonObject]:
    """What the server of an instance lists, asked once a session."""
    limit, instance = attempt.limit(DEFAULT_SECONDS), world.instance(name)

    async def work(credential: Credential | None) -> list[JsonObject]:
        session = await open_session(instance, world, attempt.seconds(DEFAULT_SECONDS), limit, credential)
        if session.tools is None:
            session.tools = await listed(session, attempt.seconds(DEFAULT_SECONDS), limit)
        return session.tools

    tools = await borne(instance, world, lambda: attempt.seconds(DEFAULT_SECONDS), work)
    return {str(tool.get("name")): tool for tool in tools}


def _tool(named: str, said: JsonObject, world: World) -> Tool:
    instance, _, name = named.partition(".")
    schema, annotations, description = said.get("inputSchema"), said.get("annotations"), said.get("description")
    takes: JsonObject = schema if isinstance(schema, dict) else {"type": "object"}
    live = LockedTool(name, takes, None, annotations if isinstance(annotations, dict) else None)
    facts = tool_facts(world.workspace, Lock({instance: {name: live}}, {}), instance, name)
    harmless = facts.idempotent or facts.reversibility in ("safe", "recoverable")
    told = description if isinstance(description, str) else ""
    return Tool(named, told, takes, "retry" if harmless else "hold")


def _function_name(named: str, taken: dict[str, Tool]) -> str:
    """A name that every server takes, of 64 letters, digits, `_` and `-` at most: `crm__get` for `crm.get`."""
    plain = _NO_NAME.sub("_", named.replace(".", "__", 1))
    if len(plain) <= _NAME_LIMIT and plain not in taken:
        return plain
    return f"{plain[: _NAME_LIMIT - 9]}_{blake2b(named.encode(), digest_size=4).hexdigest()}"


def described(tools: dict[str, Tool]) -> list[dict[str, Any]]:
    """The tools as the chat API takes them."""
    return [
        {"type": "function", "function": {"name": name, "description": tool.description, "parameters": tool.schema}}
        for name, tool in tools.items()
    ]


def calls_of(message: JsonObject, tools: dict[str, Tool], number: int) -> list[JsonObject]:
    """What the model asks to be called in round `number`; what cannot be called has an `error` for it to read."""
    given = message.get("tool_calls")
    asked = [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []
    calls: list[JsonObject] = []
    for place, each in enumerate(asked, 1):
        function = each.get("function")
        said = function if isinstance(function, dict) else {}
        name, text = str(said.get("name") or ""), said.get("arguments")
        identity = each.get("id")
        known = isinstance(identity, str) and identity and all(call["id"] != identity for call in calls)
        call: JsonObject = {"id": identity if known else f"call_{number}_{place}", "name": name}
        if place > MOST_CALLS:
            call |= {"arguments": text, "error": f"at most {MOST_CALLS} tools are called in one round"}
        else:
            call |= _held(name, text, tools)
        calls.append(call)
    return calls


def _held(name: str, text: Json, tools: dict[str, Tool]) -> JsonObject:
    """The call held against the tools: what to call, or what is wrong with it."""
    tool = tools.get(name)
    if tool is None:
        return {"arguments": text, "error": f"there is no tool `{name}`; there are {_listed(list(tools))}"}
    arguments: Json = text
    if isinstance(text, str):
        try:
            arguments = json.loads(text or "{}")
        except (ValueError, RecursionError) as fault:
            return {"tool": tool.named, "arguments": text, "error": f"the arguments of `{name}` are no JSON: {fault}"}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        return {"tool": tool.named, "arguments": text, "error": f"the arguments of `{name}` must be a JSON object"}
    wrong = _unfit(arguments, tool.schema)
    if wrong is not None:
        return {"tool": tool.named, "arguments": arguments, "error": f"the arguments of `{name}` do not fit: {wrong}"}
    return {"tool": tool.named, "arguments": arguments, "in_doubt": tool.in_doubt}


def _unfit(arguments: JsonObject, schema: JsonObject) -> str | None:
    """What breaks the tool's schema; a schema that cannot be read is left to the server."""
    try:
        fit(arguments, schema)
    except StepFailure as failure:
        if failure.error.code == "RESULT_INVALID":
            return failure.error.message.removeprefix("the result is not what was declared: ")
    return None


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
