"""HG001: what the grammar cannot read. Found by the parser."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.validators.rule import Rule, found_elsewhere

RULE = Rule(
    code="HG001",
    name="syntax-error",
    severity=Severity.ERROR,
    summary="what was expected, and where",
    explanation="""\
The text cannot be read at this place; the message says what was expected. All syntax errors of a file come out at once:
each item is read by itself, and one that is broken does not hide the others.""",
    wrong="""\
workflow greet {
  step hello = set { text = 'Hello' }
}
""",
    right="""\
workflow greet {
  step hello = set { text = "Hello" }
}
""",
    check=found_elsewhere,
)
