"""HG301: an argument that the tool does not have."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.validators.arguments import CheckedCall, checked_calls, dotted, expected_of, key_fix, misspelt
from headgate.validators.fitting import Misfit
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for call in checked_calls(context):
        if call.missed is not None and call.gives:
            yield call.missed
        for one in call.misfits:
            if one.sort == "unknown":
                yield _finding(call, one)


def _finding(call: CheckedCall, one: Misfit) -> Finding:
    guess = misspelt(one, call.misfits)
    lacking = any(other.sort == "missing" and other.path == (*one.path[:-1], guess) for other in call.misfits)
    expected = f"did you mean `{guess}`?" if guess else expected_of(one.known)
    where = f"`{dotted(one.path[:-1])}` of `{call.name}`" if len(one.path) > 1 else f"tool `{call.name}`"
    what = "key" if len(one.path) > 1 else "argument"
    warns = one.free and not lacking
    return RULE.finding(
        f"{where} has no {what} `{one.path[-1]}`; {expected}",
        one.span,
        note="not in its schema, which allows others" if warns else "not in its schema (headgate.lock)",
        fixes=key_fix(one, guess),
        severity=Severity.WARNING if warns else Severity.ERROR,
    )


_LOCK = """{"version": 1, "instances": {"stripe": {"tools": {"get_charge": {"inputSchema": {
  "type": "object", "properties": {"order": {"type": "string"}, "expand": {"type": "boolean"}},
  "additionalProperties": false}}}}}}
"""

RULE = Rule(
    code="HG301",
    name="unknown-argument",
    severity=Severity.ERROR,
    summary="an argument that is not in the locked schema of the tool",
    explanation="""\
The schema of a tool's arguments is in `headgate.lock`. A name that is not in it is refused by the server or ignored;
when the schema allows other names (it does unless it says `additionalProperties: false`), this is a warning. It is an
error all the same when the name is nearly that of an argument that the tool needs.""",
    wrong="""\
workflow charge {
  step get = mcp stripe.get_charge { args = { order = "o_1", exapnd = true } }
}
""",
    right="""\
workflow charge {
  step get = mcp stripe.get_charge { args = { order = "o_1", expand = true } }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock=_LOCK,
)
