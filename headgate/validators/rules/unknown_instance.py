"""HG401: an instance that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.toolcalls import tool_calls


def check(context: Context) -> Iterator[Finding]:
    known = tuple(context.workspace.instances)
    for call in tool_calls(context.blocks, context.workspace):
        if call.instance is None or call.instance_place is None or call.instance in known:
            continue
        guess = nearest(call.instance, known)
        fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", call.instance_place, guess),) if guess else ()
        if guess:
            expected = f"did you mean `{guess}`?"
        elif context.workspace.root is None:
            expected = "no headgate.toml stands here or above"
        else:
            expected = "headgate.toml defines " + (", ".join(f"`{name}`" for name in known) or "none")
        yield RULE.finding(
            f"instance not resolved: `{call.instance}`; {expected}",
            call.instance_place,
            note="no such instance",
            advice=f"define it in headgate.toml: `[instances.{call.instance}]` with `server_url` or `command`",
            fixes=fixes,
        )


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
