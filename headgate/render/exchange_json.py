"""What an import or an export says, as JSON: `path` is the place in the JSON of the step graph."""

from __future__ import annotations

from headgate.exchange.finding import Finding
from headgate.plan import JsonObject


def exchange_objects(findings: tuple[Finding, ...]) -> list[JsonObject]:
    """The findings as plain values."""
    return [
        {
            "severity": str(finding.severity),
            "path": finding.path,
            "line": finding.line,
            "column": finding.column,
            "message": finding.message,
            "help": finding.advice,
        }
        for finding in findings
    ]
