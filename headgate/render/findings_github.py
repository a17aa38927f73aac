"""Findings as GitHub's workflow commands, one a line: a run of GitHub Actions shows them beside the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate.diagnostics import Diagnostic, Severity
from headgate.source import Source
from headgate.validators.report import CheckReport

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def findings_github(report: CheckReport) -> str:
    """One command a finding; empty when there is none and everything was checked."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: CheckReport) -> Iterator[str]:
    for fault in report.faults:
        yield _command("error", {"title": "headgate"}, fault)
    for one in report.unreadable:
        yield _command("error", {"file": one.path, "title": "headgate"}, one.message)
    for file in report.files:
        for found in file.diagnostics:
            yield _finding(file.source, found)
        for gap in file.unsaid:
            yield _command("notice", {"file": file.source.path, "title": "headgate"}, gap.sentence)


def _finding(source: Source, found: Diagnostic) -> str:
    start, end = source.position(found.span.start), source.position(found.span.end)
    place: dict[str, object] = {"file": source.path, "line": start.line, "endLine": end.line}
    if start.line == end.line:  # with columns, GitHub refuses a range over several lines
        place = {"file": source.path, "line": start.line, "col": start.column, "endLine": end.line}
        place["endColumn"] = max(end.column, start.column)
    advice = found.help or (found.fixes[0].title if found.fixes else "")
    message = f"{found.message}\n{advice}" if advice else found.message
    return _command(_COMMANDS[found.severity], {**place, "title": f"{found.code} {found.name}"}, message)


def _command(name: str, properties: Mapping[str, object], message: str) -> str:
    said = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    return f"::{name} {said}::{_escaped(message)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
