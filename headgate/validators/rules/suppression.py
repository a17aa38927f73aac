"""HG903: a suppression that is wrong, or that nobody needs. Found by `validators/suppressions.py`."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.validators.rule import Rule, found_elsewhere

RULE = Rule(
    code="HG903",
    name="suppression",
    severity=Severity.WARNING,
    summary="a suppression without reason, of an unknown code, unused, or expired",
    explanation="""\
`# headgate: ignore[HG507] why, until 2027-01-31` on a finding's line, or on the line above, silences it. The reason is
required and the date is the last day it holds. A comment that has expired, that nothing needs, or that names no rule is
itself reported, so that old decisions do not stay by accident. Errors of HG0xx, HG1xx, HG2xx and HG4xx cannot be
silenced.""",
    wrong="""\
workflow greet {
  # headgate: ignore[HG507] the greeting may fail
  step hello = set { text = "Hello" }
}
""",
    right="""\
workflow greet {
  step hello = set { text = "Hello" }
}
""",
    check=found_elsewhere,
)
