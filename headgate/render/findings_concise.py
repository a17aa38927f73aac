"""Findings one a line, `path:line:column: error[CODE] message`: for editors, grep and long lists."""

from __future__ import annotations

from headgate.render.columns import printable
from headgate.validators.report import CheckReport


def findings_concise(report: CheckReport) -> str:
    """One line a finding; empty when there is none."""
    lines = []
    for file in report.files:
        for diagnostic in file.diagnostics:
            line, column = file.source.position(diagnostic.span.start)
            head = f"{printable(file.source.path)}:{line}:{column}: {diagnostic.severity}[{diagnostic.code}]"
            lines.append(f"{head} {printable(diagnostic.message)}\n")
    return "".join(lines)
