"""HG401: an instance that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Severity
from headgate.source import Span
from headgate.validators.bindings import bound_elsewhere, used
from headgate.validators.names import unresolved
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    none = context.workspace.root is None
    for one in unresolved(_uses(context), tuple(context.workspace.instances), "headgate.toml"):
        expected = "no headgate.toml stands here or above" if none else one.expected
        yield RULE.finding(
            f"instance not resolved: `{one.name}`; {expected}",
            one.place,
            note="no such instance",
            labels=one.labels,
            advice=f"define it in headgate.toml: `[instances.{one.name}]` with `server_url` or `command`",
            fixes=one.fixes if all(_fits(context.source.text, edit) for fix in one.fixes for edit in fix.edits) else (),
        )
    yield from _of_agents(context)


def _of_agents(context: Context) -> Iterator[Finding]:
    """Agents with tools of an instance that is not there; said where the agent is first used."""
    said: set[tuple[str, str]] = set()
    for use in used(context):
        if use.section != "instances" or use.through is None or (use.through, use.name) in said:
            continue
        if use.name in context.workspace.instances or bound_elsewhere(context.workspace, "instances", use.name):
            continue
        said.add((use.through, use.name))
        yield RULE.finding(
            f"agent `{use.through}` names the instance `{use.name}`, which headgate.toml does not define",
            use.place,
            note="this agent",
            advice=f"correct `tools` of `[agents.{use.through}]`, or define `[instances.{use.name}]`",
        )


def _fits(text: str, edit: Edit) -> bool:
    """Whether a name may be written here: in front of a dot it has no quotes."""
    return not edit.text.startswith('"') or text[edit.span.end : edit.span.end + 1] != "."


def _uses(context: Context) -> Iterator[tuple[str, Span]]:
    for call in context.calls:
        if call.instance is None or call.instance_place is None:
            continue
        if not bound_elsewhere(context.workspace, "instances", call.instance):  # else HG405 says it
            yield call.instance, call.instance_place


RULE = Rule(
    code="HG401",
    name="unknown-instance",
    severity=Severity.ERROR,
    summary='"instance not resolved": an instance that headgate.toml does not define',
    explanation="""\
`mcp INSTANCE.TOOL` calls a tool of an MCP server. The server is an instance in `headgate.toml`, which says where it is
and which connection it uses; a name that is not there cannot be called.""",
    wrong="""\
workflow charge {
  step get = mcp strpe.get_charge
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
