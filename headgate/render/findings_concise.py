"""Findings one a line, `path:line:column: error[CODE] message`: for editors, grep and long lists."""

from __future__ import annotations

from headgate.render.columns import printable
from headgate.validators.report import CheckReport


def findings_concise(report: CheckReport) -> str:
    """One line a finding, then one for each rule that could not run and that no finding names; empty for neither.

    What could not be read or used is not among them: standard error says it.
    """
    lines = []
    for file in report.files:
        path = printable(file.source.path)
        for found in file.diagnostics:
            line, column = file.source.position(found.span.start)
            lines.append(f"{path}:{line}:{column}: {found.severity}[{found.code}] {printable(found.message)}\n")
        lines += [f"{path}:1:1: note[HG904] {printable(gap.sentence)}\n" for gap in file.unsaid]
    return "".join(lines)
