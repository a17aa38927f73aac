"""HG302: an argument that the tool needs and the call does not give."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.arguments import CheckedCall, checked_calls, dotted, is_explained
from headgate.validators.fitting import Misfit
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for call in checked_calls(context):
        if call.missed is not None:
            yield call.missed
        for one in call.misfits:
            if one.sort == "missing" and not is_explained(one, call.misfits):
                yield _finding(call, one)


def _finding(call: CheckedCall, one: Misfit) -> Finding:
    name = one.path[-1]
    if len(one.path) == 1:
        said = f"tool `{call.name}` needs the argument `{name}`"
    else:
        said = f"`{dotted(one.path[:-1])}` of `{call.name}` needs `{name}`"
    said += "" if one.said == "a value" else f": {one.said}"
    return RULE.finding(said, one.span, note=f"`{name}` is missing", advice="write it into `args`")


_LOCK = """{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {
  "type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}}}}}}
"""

RULE = Rule(
    code="HG302",
    name="missing-argument",
    severity=Severity.ERROR,
    summary="an argument that the locked schema of the tool requires and the call does not give",
    explanation="""\
The schema of a tool's arguments in `headgate.lock` says which of them it cannot do without, also inside nested maps. An
argument that `idempotency_arg` names is given by the key.""",
    wrong="""\
workflow charge {
  step get = mcp stripe.get_charge
}
""",
    right="""\
workflow charge {
  step get = mcp stripe.get_charge { args = { order = "o_1" } }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock=_LOCK,
)
