"""HG002: a block that nothing closes. Found by the parser."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.validators.rule import Rule, found_elsewhere

RULE = Rule(
    code="HG002",
    name="unclosed-block",
    severity=Severity.ERROR,
    summary="a block's opener that nothing closes, and where it should close by its indentation",
    explanation="""\
A `{`, `[`, `(`, text or fence is opened and never closed. The indentation shows where the end was probably meant; the
finding points at the opener and says where the closing one belongs.""",
    wrong="""\
workflow greet {
  step hello = set {
    text = "Hello"

  step bye = set after hello { text = "Bye" }
}
""",
    right="""\
workflow greet {
  step hello = set {
    text = "Hello"
  }

  step bye = set after hello { text = "Bye" }
}
""",
    check=found_elsewhere,
)
