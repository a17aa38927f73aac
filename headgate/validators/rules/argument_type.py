"""HG303: an argument whose value can never be what the tool takes."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.arguments import CheckedCall, checked_calls, dotted, value_fix
from headgate.validators.fitting import Misfit
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for call in checked_calls(context):
        if call.missed is not None and call.gives:
            yield call.missed
        for one in call.misfits:
            if one.sort == "type":
                yield _finding(call, one)


def _finding(call: CheckedCall, one: Misfit) -> Finding:
    what = f"`{dotted(one.path)}` of `{call.name}`" if one.path else f"`args` of `{call.name}`"
    return RULE.finding(
        f"{what} {one.said}", one.span, note="by the tool's schema (headgate.lock)", fixes=value_fix(one)
    )


_LOCK = """{"version": 1, "instances": {"stripe": {"tools": {"create_refund": {"inputSchema": {
  "type": "object", "properties": {"amount": {"type": "number"}, "reason": {"enum": ["fraud", "duplicate"]}}}}}}}}
"""

RULE = Rule(
    code="HG303",
    name="argument-type",
    severity=Severity.ERROR,
    summary="an argument whose value or type can never fit the locked schema of the tool",
    explanation="""\
Written values are held against the whole schema: types, choices, ranges, lengths, patterns, formats. Of a template the
static type is known, from inputs, results and filters: it is reported when no value of that type could ever fit. What
may fit is left to the run.""",
    wrong="""\
workflow refund {
  input order: string
  step pay = mcp stripe.create_refund { args = { amount = {{ inputs.order }}, reason = "fraud" } }
}
""",
    right="""\
workflow refund {
  input amount: number
  step pay = mcp stripe.create_refund { args = { amount = {{ inputs.amount }}, reason = "fraud" } }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock=_LOCK,
)
