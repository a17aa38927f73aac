"""HG202: a field that the known schema of a value does not have."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler import types
from headgate.compiler.inference import Inference, Resolution
from headgate.diagnostics import Fix, Severity
from headgate.validators.rule import Context, Finding, NotChecked, Rule
from headgate.validators.templates import Read, inference_of, reads, step_reads, suggestion

_ADVICE = "`headgate lock` asks the servers for their tools and writes headgate.lock"


def check(context: Context) -> Iterator[Finding]:
    inference = inference_of(context)
    for read in step_reads(context):
        if len(read.segments) > 2:
            yield from _found(context, inference, read)
        if len(read.segments) > 3:
            yield from _unlocked(context, inference, read)
    for read in reads(context):
        root = read.segments[0].name
        if root != "steps" and root in read.site.names and len(read.segments) > 1:
            yield from _found(context, inference, read)


def _unlocked(context: Context, inference: Inference, read: Read) -> Iterator[Finding]:
    """A field of a tool's result, when there is no lock that could say which fields there are."""
    node = read.site.scope.find(read.segments[1].name) if read.site.scope is not None else None
    if node is None or node.kind != "mcp" or read.segments[2].name != "result":
        return
    written = context.said(node.step)
    instance = inference.instance_of(written)
    if written.get("result") is not None or instance not in context.workspace.instances:
        return  # its own type says it, or HG401 and HG409 speak of the instance
    if context.lock is None:
        yield NotChecked("there is no headgate.lock", read.place(3), _ADVICE)
    elif instance not in context.lock.instances:
        yield NotChecked(f"headgate.lock does not know the instance `{instance}`", read.place(3), _ADVICE)


def _found(context: Context, inference: Inference, read: Read) -> Iterator[Finding]:
    resolution = inference.resolve(read.segments, read.site)
    at = resolution.broken_at
    if at is None or _is_elsewhere(context, read, at):
        return
    holder = _written(read, at)
    name = read.segments[at].name
    said, fixes = _said(read, at, resolution)
    item = not resolution.known and resolution.type.kinds - {types.NULL} == {types.LIST}
    yield RULE.finding(
        f"`{holder}` has no `{name}`; {said}",
        read.place(at),
        note="no such field",
        advice=f"take one item with `{holder}[0]`, or go through all of them with an `each`" if item else "",
        fixes=fixes,
    )


def _is_elsewhere(context: Context, read: Read, at: int) -> bool:
    """HG209 speaks of the first link of `run` and of `.output`, HG201 of `previous`, HG307 of a call's outputs."""
    root = read.segments[0].name
    if root == "steps":
        return (at == 2 and read.segments[2].name == "output") or (at == 3 and _is_call(context, read))
    return at == 1 and root in ("run", "previous")


def _is_call(context: Context, read: Read) -> bool:
    node = read.site.scope.find(read.segments[1].name) if read.site.scope is not None else None
    return node is not None and node.kind == "call" and context.said(node.step).get("result") is None


def _said(read: Read, at: int, resolution: Resolution) -> tuple[str, tuple[Fix, ...]]:
    if resolution.known:
        return suggestion(read.segments[at].name, resolution.known, read.place(at))
    kinds = sorted(resolution.type.kinds - {types.NULL}) or [types.NULL]
    shown = " or ".join(_KINDS[kind] for kind in kinds)
    return f"it is {shown}", ()


_KINDS = {
    types.NULL: "null",
    types.BOOLEAN: "true or false",
    types.NUMBER: "a number",
    types.TEXT: "text",
    types.LIST: "a list",
    types.MAP: "a map",
}


def _written(read: Read, end: int) -> str:
    first, *rest = read.segments[:end]
    links = (f"[{link.name}]" if link.number is not None else f".{link.name}" for link in rest)
    return first.name + "".join(links)


RULE = Rule(
    code="HG202",
    name="unknown-path",
    severity=Severity.ERROR,
    summary="a field that is not in the known schema of what it is read from",
    explanation="""\
What a step returns is known from its kind, from the tool's output schema in headgate.lock, from its `result` attribute,
or from what it is set to. A schema that lists fields has no others, unless it says so (`additionalProperties`).""",
    wrong="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set { code = {{ steps.fetch.result.code }} }
}
""",
    right="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set { code = {{ steps.fetch.result.status }} }
}
""",
    check=check,
)
