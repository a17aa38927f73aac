"""HG406: a model that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.bindings import bound_elsewhere
from headgate.validators.names import unresolved, uses_by_name
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    uses = uses_by_name(context.blocks, "llm", "model")
    here = context.workspace
    unsaid = (use for use in uses if not bound_elsewhere(here, "models", use[0]))  # of the others HG405 speaks
    for one in unresolved(unsaid, tuple(context.workspace.models), "headgate.toml"):
        yield RULE.finding(
            f"model not resolved: `{one.name}`; {one.expected}",
            one.place,
            note="no such model",
            labels=one.labels,
            advice=f"define it in headgate.toml: `[models.{one.name}]` with `base_url` and `model`",
            fixes=one.fixes,
        )
    yield from _agents(context)


def _agents(context: Context) -> Iterator[Finding]:
    """Agents that think with a model which is not there; said where the agent is first used."""
    said: set[str] = set()
    for block in context.blocks:
        kind, value, name = block.written.kind, block.written.get("agent"), block.written.word("agent")
        agent = context.workspace.agents.get(name) if name else None
        if kind is None or kind.name != "agent" or value is None or agent is None or agent.model is None:
            continue
        if agent.model in context.workspace.models or agent.name in said:
            continue
        if bound_elsewhere(context.workspace, "models", agent.model):
            continue
        said.add(agent.name)
        for one in unresolved([(agent.model, value.span)], tuple(context.workspace.models), "headgate.toml"):
            message = f"agent `{agent.name}` names the model `{one.name}`, which is not defined; {one.expected}"
            advice = f"correct `[agents.{agent.name}]` in headgate.toml, or define `[models.{one.name}]`"
            yield RULE.finding(message, one.place, note="no such model", advice=advice)


RULE = Rule(
    code="HG406",
    name="unknown-model",
    severity=Severity.ERROR,
    summary="a model that headgate.toml does not define",
    explanation="""\
`llm MODEL` names a model of `headgate.toml`: any server that speaks the chat API, its address, and the provider's own
name of the model. The same workflow can so use another model in another environment.""",
    wrong="""\
workflow sum_up {
  step ask = llm fsat { prompt = "What is new?" }
}
""",
    right="""\
workflow sum_up {
  step ask = llm fast { prompt = "What is new?" }
}
""",
    check=check,
    workspace='[models.fast]\nbase_url = "http://127.0.0.1:8080/v1"\nmodel = "small"\n',
)
