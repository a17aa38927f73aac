"""What an import or an export says, for people: one finding, its place in the file and in the JSON, what to do."""

from __future__ import annotations

from headgate.diagnostics import Severity
from headgate.exchange.finding import Finding
from headgate.render.columns import printable

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}


def exchange_text(path: str, findings: tuple[Finding, ...], *, colour: bool = False) -> str:
    """The findings, each two or three lines and a free one; empty when there are none."""
    return "".join(_finding(path, finding, colour=colour) for finding in findings)


def _finding(path: str, finding: Finding, *, colour: bool) -> str:
    head = _in(f"1;{_COLOURS[finding.severity]}", str(finding.severity), colour=colour)
    arrow = _in("34", "-->", colour=colour)
    place = f"{printable(path)}:{finding.line}:{finding.column} at {printable(finding.path)}"
    lines = [f"{head}: {_in('1', printable(finding.message), colour=colour)}", f" {arrow} {place}"]
    if finding.advice:
        lines.append(f"   = {_in('1', 'help:', colour=colour)} {printable(finding.advice)}")
    return "\n".join(lines) + "\n\n"


def _in(style: str, text: str, *, colour: bool) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if colour else text
