"""HG306: a tool that is no longer what the lock says. Only asked for by `--online`."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.values import key_span
from headgate.diagnostics import Label, Severity
from headgate.grammar import ast
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.validators.rule import Context, Finding, Live, NotChecked, Rule
from headgate.validators.templates import step_reads
from headgate.validators.toolcalls import ToolCall
from headgate.validators.words import said_of_schema
from headgate.workspace import LockedTool

_ADVICE = "`headgate lock` writes down what the servers say now; review the change"
_WRITE = "`headgate lock` asks the servers for their tools and writes headgate.lock"
_LONGEST = 120


class Change(NamedTuple):
    """One difference, as a clause. `breaks` says that this call is touched by it, `argument` names the one it gives."""

    said: str
    breaks: bool = False
    argument: str | None = None


def check(context: Context) -> Iterator[Finding]:
    if context.live is None:
        return
    calls = [call for call in context.calls if call.resolved and call.tool]
    if calls:
        yield from _checked(context, calls, context.live)


def _checked(context: Context, calls: list[ToolCall], live: Live) -> Iterator[Finding]:
    answers = live(tuple(dict.fromkeys(call.resolved or "" for call in calls)))
    for call in calls:
        instance, tool, place = call.resolved or "", call.tool or "", call.tool_place
        assert place is not None, "a tool that was named stands somewhere"
        answer = answers.get(instance)
        if answer is None or answer.tools is None:
            yield NotChecked(_first_line(answer.fault if answer else None), place, "the server must answer for it")
        elif context.lock is None:
            yield NotChecked("there is no headgate.lock", place, _WRITE)
        elif instance not in context.lock.instances:
            yield NotChecked(f"headgate.lock does not know the instance `{instance}`", place, _WRITE)
        elif tool in context.lock.instances[instance]:  # else HG403 says it
            found = _changes(context, call, context.lock.instances[instance][tool], answer.tools.get(tool))
            if found:
                yield _finding(context, call, found)


def _first_line(fault: str | None) -> str:
    said = (fault or "the server was not asked").partition("\n")[0]
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3]}..."


def _finding(context: Context, call: ToolCall, found: list[Change]) -> Finding:
    assert call.tool_place is not None, "a tool that was named stands somewhere"
    found.sort(key=lambda one: not one.breaks)
    args = call.block.written.get("args")
    more = f" (and {len(found) - 1} more changes)" if len(found) > 2 else " (and one more change)"
    message = f"`{call.resolved}.{call.tool}` is not as locked: {_short(found[0].said)}{more if len(found) > 1 else ''}"
    labels = tuple(
        Label(key_span(args, (one.argument,)), one.said) for one in found if one.argument and isinstance(args, ast.Map)
    )
    all_said = "; ".join(one.said for one in found)
    return RULE.finding(
        message,
        call.tool_place,
        note="the server says something else now",
        labels=labels,
        advice=f"{all_said}. {_ADVICE}" if len(found) > 1 else _ADVICE,
        severity=context.drift,
    )


def _short(said: str) -> str:
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 3].replace('`', '')}..."


def _changes(context: Context, call: ToolCall, then: LockedTool, now: LockedTool | None) -> list[Change]:
    if now is None:
        return [Change("the server no longer has this tool", breaks=True)]
    found = _of_arguments(call, then.input_schema, now.input_schema)
    found += _of_result(context, call, then.output_schema, now.output_schema)
    found += _of_annotations(then.annotations or {}, now.annotations or {})
    return found


def _of_arguments(call: ToolCall, then: JsonObject, now: JsonObject) -> list[Change]:
    if then == now:
        return []
    args = call.block.written.get("args")
    given = _given(call)
    old, new = _table(then, "properties"), _table(now, "properties")
    found: list[Change] = []
    for name in sorted(_names(now, "required") - _names(then, "required")):
        lacks = given is not None and name not in given
        found.append(Change(f"`{name}` is now required{', and this call does not give it' if lacks else ''}", lacks))
    for name in old:
        if name not in new:
            gives = given is not None and name in given
            said = f"the argument `{name}` is gone{', and this call gives it' if gives else ''}"
            found.append(Change(said, gives, name if gives and isinstance(args, ast.Map) else None))
        elif old[name] != new[name]:
            gives = given is not None and name in given
            said = f"`{name}` {_became(old[name], new[name])}{', and this call gives it' if gives else ''}"
            found.append(Change(said, gives, name if gives and isinstance(args, ast.Map) else None))
    required = _names(now, "required")
    found += [Change(f"there is a new argument `{name}`") for name in new if name not in old and name not in required]
    return found or [Change("its `inputSchema` is another")]


def _given(call: ToolCall) -> frozenset[str] | None:
    """The arguments that a call writes, None when they are computed."""
    written = call.block.written
    args = written.get("args")
    keyed = written.word("idempotency_arg")
    extra = {keyed} if keyed else set()
    if args is None:
        return frozenset(extra)
    return frozenset({entry.key.text for entry in args.entries} | extra) if isinstance(args, ast.Map) else None


def _of_result(context: Context, call: ToolCall, then: JsonObject | None, now: JsonObject | None) -> list[Change]:
    if then == now:
        return []
    if now is None or then is None:
        return [Change("it no longer says what it returns" if now is None else "it now says what it returns")]
    old, new = _table(then, "properties"), _table(now, "properties")
    read = _fields_read(context, call)
    found: list[Change] = []
    for name in old:
        reads = ", and this workflow reads it" if name in read else ""
        if name not in new:
            found.append(Change(f"its result no longer has `{name}`{reads}", name in read))
        elif old[name] != new[name]:
            found.append(Change(f"`{name}` of its result {_became(old[name], new[name])}{reads}", name in read))
    found += [Change(f"its result now has `{name}`") for name in new if name not in old]
    return found or [Change("its `outputSchema` is another")]


def _fields_read(context: Context, call: ToolCall) -> frozenset[str]:
    """The fields of the call's result that its workflow reads."""
    step = call.block.step
    node = None if step is None else context.graph.node(step)
    if node is None:
        return frozenset()
    return frozenset(
        read.segments[3].name
        for read in step_reads(context)
        if len(read.segments) > 3
        and read.segments[2].name == "result"
        and read.site.scope is not None
        and read.site.scope.find(read.segments[1].name) is node
    )


def _of_annotations(then: JsonObject, now: JsonObject) -> list[Change]:
    return [
        Change(f"`{name}` is now {_spelt(now.get(name))}")
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name) and name != "title"
    ]


def _became(then: Json, now: Json) -> str:
    """What has become of a schema, in words where they differ."""
    old, new = said_of_schema(then), said_of_schema(now)
    return f"was {old} and is now {new}" if old != new else "has another schema"


def _spelt(value: Json) -> str:
    return "not said" if value is None else "true" if value is True else "false" if value is False else "another"


def _names(schema: JsonObject, key: str) -> frozenset[str]:
    found = schema.get(key)
    return frozenset(one for one in found if isinstance(one, str)) if isinstance(found, list) else frozenset()


def _table(schema: JsonObject, key: str) -> JsonObject:
    found = schema.get(key)
    return found if isinstance(found, dict) else {}


_LOCK = """{"version": 1, "instances": {"stripe": {"tools": {"create_refund": {"inputSchema": {
  "type": "object", "properties": {"charge": {"type": "string"}}, "required": ["charge"]}}}}}}
"""

RULE = Rule(
    code="HG306",
    name="schema-drift",
    severity=Severity.WARNING,
    summary="a tool that its server now describes otherwise than the lock",
    explanation="""\
`check --online` asks the servers that a workflow calls for their tools, and compares them with `headgate.lock`. The
finding says what has changed and whether this call is touched by it: an argument that is now required and not given,
one that is gone, a field of the result that is read and no longer there. Without `--online` nobody is asked.""",
    wrong="""\
workflow refund {
  input charge: string
  step pay = mcp stripe.create_refund { args = { charge = {{ inputs.charge }} } }
}
""",
    right="""\
workflow refund {
  input charge: string
  step note = set { charge = {{ inputs.charge }} }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock=_LOCK,
    live="""{"version": 1, "instances": {"stripe": {"tools": {"create_refund": {"inputSchema": {
  "type": "object", "properties": {"charge": {"type": "string"}, "currency": {"type": "string"}},
  "required": ["charge", "currency"]}}}}}}
""",
)
