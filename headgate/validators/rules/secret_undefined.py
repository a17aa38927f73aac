"""HG408: a secret that the environment does not define."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.bindings import environments_with, secrets_used
from headgate.validators.names import unresolved
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    environment = context.workspace.environment
    if environment is None:
        return  # nobody asked for one, or it does not exist, which is said
    for one in unresolved(secrets_used(context), tuple(context.workspace.secrets), "headgate.toml"):
        others = " and ".join(f"`{name}`" for name in environments_with(context.workspace, "secrets", one.name))
        expected = f"it is, in {others}" if others else one.expected
        yield RULE.finding(
            f"secret `{one.name}` is not defined in environment `{environment}`; {expected}",
            one.place,
            note="no such secret",
            labels=one.labels,
            advice=f'say where it comes from, in [secrets] of headgate.toml: `{one.name} = {{ env = "..." }}`',
        )


RULE = Rule(
    code="HG408",
    name="secret-undefined",
    severity=Severity.ERROR,
    summary="a secret that is not in `[secrets]` of the environment",
    explanation="""\
`secrets.NAME` is bound when it is sent, from the source that `[secrets]` of `headgate.toml` names, with the overrides
of the environment. With `--env`, a name that has no source there is reported; whether the source holds a value is what
`headgate validate` and `headgate doctor` look at.""",
    wrong="""\
workflow ship {
  step book = http POST "https://api.example.com/slots" { headers = { authorization = "Bearer {{ secrets.DHL }}" } }
}
""",
    right="""\
workflow ship {
  step book = http POST "https://api.example.com/slots" { headers = { authorization = "Bearer {{ secrets.UPS }}" } }
}
""",
    check=check,
    workspace='[secrets]\nUPS = { env = "UPS_TOKEN" }\n\n[environments.prod]\n',
    environment="prod",
)
