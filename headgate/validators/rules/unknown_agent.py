"""HG410: an agent that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.bindings import bound_elsewhere
from headgate.validators.names import unresolved, uses_by_name
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    every = uses_by_name(context.blocks, "agent", "agent")
    uses = (use for use in every if not bound_elsewhere(context.workspace, "agents", use[0]))  # else HG405 says it
    for one in unresolved(uses, tuple(context.workspace.agents), "headgate.toml"):
        yield RULE.finding(
            f"agent not resolved: `{one.name}`; {one.expected}",
            one.place,
            note="no such agent",
            labels=one.labels,
            advice=f"define it in headgate.toml: `[agents.{one.name}]` with `model` and `tools`",
            fixes=one.fixes,
        )


RULE = Rule(
    code="HG410",
    name="unknown-agent",
    severity=Severity.ERROR,
    summary="an agent that is not under `[agents]`",
    explanation="""\
`agent NAME` hands the work to an agent of `headgate.toml`, which says what model it thinks with and which tools it may
use. A step can narrow its tools and never widen them, so the agent must be defined.""",
    wrong="""\
workflow help {
  step sort = agent triag { instructions = "Sort this ticket." }
}
""",
    right="""\
workflow help {
  step sort = agent triage { instructions = "Sort this ticket." }
}
""",
    check=check,
    workspace="""\
[models.fast]
base_url = "http://127.0.0.1:8080/v1"
model = "small"

[agents.triage]
model = "fast"
tools = []
""",
)
