"""HG406: a model that headgate.toml does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    known = tuple(context.workspace.models)
    for block in context.blocks:
        kind, value, name = block.written.kind, block.written.get("model"), block.written.word("model")
        if kind is None or kind.name != "llm" or value is None or not name or name in known:
            continue
        guess = nearest(name, known)
        listed = ", ".join(f"`{one}`" for one in known) or "none"
        expected = f"did you mean `{guess}`?" if guess else f"headgate.toml defines {listed}"
        fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", value.span, guess),) if guess else ()
        yield RULE.finding(
            f"model not resolved: `{name}`; {expected}",
            value.span,
            note="no such model",
            advice=f"define it in headgate.toml: `[models.{name}]` with `base_url` and `model`",
            fixes=fixes,
        )


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
