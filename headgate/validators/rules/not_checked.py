"""HG904: a rule that could not run. Rules say so with `NotChecked`; the gate words it."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.validators.rule import Rule, found_elsewhere

RULE = Rule(
    code="HG904",
    name="not-checked",
    severity=Severity.NOTE,
    summary="a rule that could not run, and why",
    explanation="""\
Some rules need more than the file: the tools of an instance, for example, are known from `headgate.lock`. A rule that
lacks what it needs says so here and never counts as a pass: the verdict is `incomplete`, and `--strict` exits 1.""",
    wrong="""\
workflow charge {
  step get = mcp stripe.get_charge
}
""",
    right="""\
workflow charge {
  step get = http GET "https://shop.example.com/charges/1"
}
""",
    check=found_elsewhere,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
)
