"""HG409: a server address that no instance has."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for call in context.calls:
        if call.server_url is None or call.url_place is None:
            continue
        if call.instance is None and call.resolved is None:
            yield RULE.finding(
                f"no instance has the server_url `{call.server_url}`",
                call.url_place,
                note="expected the address of an instance of headgate.toml",
                advice="name the instance instead, or define one with this address; "
                "`headgate import --map server_url=instance` maps addresses of imported workflows",
            )
        elif call.resolved is not None and call.instance is not None:
            mapped = context.workspace.instances[call.resolved].server_url
            if mapped is None or mapped.rstrip("/") != call.server_url.rstrip("/"):
                at = f"at `{mapped}`" if mapped else "started by a command"
                yield RULE.finding(
                    f"instance `{call.instance}` is {at}, not at `{call.server_url}`",
                    call.url_place,
                    note="another address",
                    advice="remove `server_url`: the instance says where the server is",
                )


RULE = Rule(
    code="HG409",
    name="server-url-unmapped",
    severity=Severity.ERROR,
    summary="a `server_url` that no instance has",
    explanation="""\
A step may name its MCP server by `server_url`, as workflows from elsewhere do. What is called in the end is an instance
of `headgate.toml`, with its connection and its locked tools; an address that no instance has leads nowhere.""",
    wrong="""\
workflow charge {
  step get = mcp { server_url = "https://mcp.example.com", tool = get_charge }
}
""",
    right="""\
workflow charge {
  step get = mcp { server_url = "https://mcp.stripe.com", tool = get_charge }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock='{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {"type": "object"}}}}}}',
)
