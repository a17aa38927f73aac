"""What an import or an export has to say: a place, a weight, one sentence."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.records import NamedTuple


class Finding(NamedTuple):
    """`path` is the place in the JSON (`steps[3].llm_params.top_p`, `$` for all of it); lines and columns count from 1.

    Of an export, `path` is the place that the JSON has no word for, and the line is that of the `.flow` text. `advice`
    says what to do. `step` is the name of the step in the text, and `covers` are the codes of the gate that would only
    say it again there.
    """

    severity: Severity
    path: str
    line: int
    column: int
    message: str
    advice: str = ""
    step: str = ""
    covers: tuple[str, ...] = ()


def blocks(findings: tuple[Finding, ...]) -> bool:
    """Whether one of them is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
