"""HG410: an agent that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    known = tuple(context.workspace.agents)
    for block in context.blocks:
        kind, value, name = block.written.kind, block.written.get("agent"), block.written.word("agent")
        if kind is None or kind.name != "agent" or value is None or not name or name in known:
            continue
        guess = nearest(name, known)
        listed = ", ".join(f"`{one}`" for one in known) or "none"
        expected = f"did you mean `{guess}`?" if guess else f"headgate.toml defines {listed}"
        fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", value.span, guess),) if guess else ()
        yield RULE.finding(
            f"agent not resolved: `{name}`; {expected}",
            value.span,
            note="no such agent",
            advice=f"define it in headgate.toml: `[agents.{name}]` with `model` and `tools`",
            fixes=fixes,
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
