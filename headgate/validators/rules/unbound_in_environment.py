"""HG405: a name that the chosen environment does not bind, or binds but does not let be used."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity
from headgate.validators.bindings import Used, bound_elsewhere, environments_with, used
from headgate.validators.rule import Context, Finding, Rule
from headgate.workspace import Workspace

_CALLED = {"instances": "instance", "models": "model", "agents": "agent", "connections": "connection"}


def check(context: Context) -> Iterator[Finding]:
    if context.workspace.environment is None:
        return  # nobody asked for one, or it does not exist, which is said
    first: dict[tuple[str, str], list[Used]] = {}
    for one in used(context):
        first.setdefault((one.section, one.name), []).append(one)
    for (section, name), uses in first.items():
        said = _wrong(context.workspace, section, name)
        if said is not None:
            yield _finding(context.workspace, uses, said)


def _wrong(workspace: Workspace, section: str, name: str) -> tuple[str, str] | None:
    """What keeps a name from being used in the environment, and what to do; None when nothing does."""
    environment = workspace.environment
    if bound_elsewhere(workspace, section, name):
        others = " and ".join(f"`{one}`" for one in environments_with(workspace, section, name))
        there = f", only in {others}" if others else ""
        fix = f"bind it in headgate.toml: `[environments.{environment}.{section}]`, or for all in `[{section}.{name}]`"
        return f"has no binding in environment `{environment}`{there}", fix
    if section != "instances" or name not in workspace.instances:
        return None
    bound = workspace.instances[name]
    if bound.server_url is None and not bound.command:
        fix = f"give it one in headgate.toml: `[environments.{environment}.instances]` with `{name} = {{ ... }}`"
        return f"has no `server_url` or `command` in environment `{environment}`", fix
    if not bound.active:
        return f"is inactive in environment `{environment}`", 'set its `profile` to `"active"` in headgate.toml'
    return None


def _finding(workspace: Workspace, uses: list[Used], said: tuple[str, str]) -> Finding:
    first = uses[0]
    called = _CALLED[first.section]
    whose = f" of agent `{first.through}`" if first.through else ""
    labels = tuple(Label(one.place, "and here") for one in uses[1:] if one.place != first.place)
    return RULE.finding(
        f"{called} `{first.name}`{whose} {said[0]}",
        first.place,
        note=f"not to be used in `{workspace.environment}`",
        labels=tuple(dict.fromkeys(labels)),
        advice=said[1],
    )


RULE = Rule(
    code="HG405",
    name="unbound-in-environment",
    severity=Severity.ERROR,
    summary="a name that the environment does not bind, or whose profile is not active there",
    explanation="""\
With `--env` the workspace is taken as that environment makes it. An instance, model, agent or connection that is bound
only elsewhere, an instance without an address there, and one whose `profile` is not `active` could not be used by a run
in that environment. Without `--env` this is not asked.""",
    wrong="""\
workflow charge {
  step note = mcp ledger.write
}
""",
    right="""\
workflow charge {
  step note = mcp shop.write
}
""",
    check=check,
    workspace="""\
[instances.shop]
server_url = "https://shop.example.com"

[instances.ledger]
server_url = "https://ledger.example.com"

[environments.prod.instances]
ledger = { profile = "inactive" }
""",
    lock="""{"version": 1, "instances": {"ledger": {"tools": {"write": {"inputSchema": {"type": "object"}}}},
  "shop": {"tools": {"write": {"inputSchema": {"type": "object"}}}}}}
""",
    environment="prod",
)
