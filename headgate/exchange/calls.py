"""Steps that call something: a tool, a model, an agent, a script, another workflow."""

from __future__ import annotations

import re
from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.fields import Fields
from headgate.exchange.json_tree import Member
from headgate.exchange.names import is_name, name_for
from headgate.exchange.part import Part
from headgate.exchange.scripts import translate_script
from headgate.exchange.writing import fence, quoted, word

_LINE_END = re.compile(r"\r\n?")
_BLANK_LINE = re.compile(r"^[ \t]+$", re.MULTILINE)
_LONG: Final = re.compile(r"\[=*\[")


def mcp(part: Part) -> str:
    """`mcp INSTANCE.TOOL`, or with what names the server in attributes."""
    fields = part.fields
    tool = fields.text("tool_name", "tool")
    identifier, address = fields.text("instance_id", "instance"), fields.text("server_url")
    head = "mcp"
    instance = None if identifier is None else part.conversion.instance(str(identifier.value)) or str(identifier.value)
    if instance is None and address is not None:
        instance = part.conversion.instance(str(address.value))
        address = None if instance is not None else address
    name = None if tool is None else part.writer.plain(str(tool.value), tool)
    if name and instance and is_name(instance):
        head += f" {instance}.{name if _is_part(name) else quoted(name)}"
    else:
        if instance is not None:
            part.set("instance", word(instance))
        if name is not None:
            part.set("tool", word(name))
    if address is not None:
        part.set("server_url", part.writer.literal(address))
    args = fields.object("tool_args", "args", "arguments")
    if args is not None and args.value:
        part.set("args", part.writer.value(args))
    elif args is not None:
        part.set("args", "{}")
    if (argument := fields.text("idempotency_arg")) is not None:
        part.set("idempotency_arg", part.writer.literal(argument))
    return head


def llm(part: Part) -> str:
    """`llm MODEL`."""
    fields = part.fields
    model = fields.text("model_ref", "model")
    part.take("system", "system_prompt", "system")
    part.take("prompt", "prompt", "messages")
    _schema(part, part.fields)
    _parameters(part)
    return "llm" if model is None else f"llm {word(part.writer.plain(str(model.value), model))}"


def agent(part: Part) -> str:
    """`agent AGENT`."""
    fields = part.fields
    name = fields.text("agent_ref", "agent_id", "agent", "agent_name")
    part.take("instructions", "instructions", "prompt")
    part.take("input", "agent_input", "input")
    tools = fields.list("tools")
    if tools is not None and isinstance(tools.value, list):
        listed = [_tool(str(one.value)) for one in tools.value if fields.fits(one, str, "the name of a tool")]
        part.set("tools", f"[{', '.join(listed)}]")
    if (rounds := fields.whole(1, "max_rounds", "max_iterations")) is not None:
        part.set("max_rounds", str(rounds))
    part.take("max_cost")
    _schema(part, fields)
    parameters = fields.object("llm_params")
    if parameters is not None:
        Fields(part.conversion, parameters).warn_of_rest("an agent's model is set in headgate.toml: this step")
    return "agent" if name is None else f"agent {word(part.writer.plain(str(name.value), name))}"


def call(part: Part) -> str:
    """`call WORKFLOW`."""
    fields = part.fields
    target = fields.text("workflow_ref", "workflow_id", "workflow_name", "workflow")
    inputs = fields.object("workflow_inputs", "workflow_input", "inputs", "input")
    if inputs is not None and inputs.value:
        part.set("inputs", part.writer.value(inputs))
    if fields.flag("detach"):
        part.set("detach", "true")
    if target is None:
        return "call"
    identifier = str(target.value)
    name = identifier if is_name(identifier) else name_for(identifier, (), "workflow")
    if name != identifier:
        message = f"a workflow is called by its name: this one became `{name}`"
        part.conversion.say(Severity.NOTE, target, message, advice="import the other workflow under that name")
    return f"call {name}"


def script(part: Part) -> str:
    """The script in a fence, as it stands behind the head of the step."""
    member = part.fields.text("script", "lua_script")
    part.take("args", "script_args", "args")
    return "" if member is None else written_script(part, member, str(member.value))


def written_script(part: Part, member: Member, content: str) -> str:
    """A script in a fence; one that no fence can hold becomes an attribute."""
    found = translate_script(part.writer.plain(content, member), part.naming)
    for doubt in found.doubts:
        message = f"what the script reads as `{doubt.written}` may be called otherwise here: {doubt.reason}"
        part.conversion.say(Severity.WARNING, member, message, advice="look at the names that the script uses")
    held = fence(found.text, "lua")
    if held is None and not _LONG.search(found.text):
        tidy = _without_margin(_BLANK_LINE.sub("", _LINE_END.sub("\n", found.text)))
        held = fence(tidy, "lua")
        if held is not None:
            message = "blank lines, line ends and the margin of the script are written as a fence holds them"
            part.conversion.say(Severity.NOTE, member, message)
    if held is None:
        part.set("script", quoted(found.text))
        return ""
    return f" {held}"


def _without_margin(content: str) -> str:
    """A script without the indentation that all of its lines have."""
    lines = content.split("\n")
    margins = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    cut = min(margins, default=0)
    return "\n".join(line[cut:] for line in lines)


def _schema(part: Part, fields: Fields) -> None:
    member = fields.object("response_schema", "output_schema", "schema")
    if member is not None:
        part.set("schema", part.writer.schema(member))


def _parameters(part: Part) -> None:
    """`temperature` and `max_tokens` of `llm_params`, or beside it; the others are said."""
    inner = part.fields.object("llm_params")
    if inner is not None:
        held = Part(part.conversion, Fields(part.conversion, inner), part.naming, part.name)
        held.take("temperature")
        held.take("max_tokens")
        part.items += held.items
        held.fields.warn_of_rest("`llm`")
    for name in ("temperature", "max_tokens"):
        if inner is None or not isinstance(inner.value, dict) or name not in inner.value:
            part.take(name)


def _is_part(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


def _tool(name: str) -> str:
    """`INSTANCE.TOOL` of a list of tools."""
    first, _, rest = name.partition(".")
    if not rest or not is_name(first):
        return quoted(name)
    return f"{first}.{rest if _is_part(rest) else quoted(rest)}"
