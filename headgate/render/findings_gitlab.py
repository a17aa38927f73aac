"""Findings as a Code Quality report of GitLab: a merge request shows which are new and which are gone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from hashlib import blake2b

from headgate.diagnostics import Severity
from headgate.grammar.parse import parse
from headgate.plan import JsonObject
from headgate.validators.fingerprints import fingerprints
from headgate.validators.report import CheckedFile, CheckReport

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.NOTE: "info"}
_FAULT = re.compile(r"(?P<path>headgate\.(?:toml|lock)):(?P<line>\d+): ")


def findings_gitlab(report: CheckReport) -> str:
    """The report as a JSON list, indented; ends with a newline. A fingerprint does not change when lines move."""
    return json.dumps([*_issues(report)], indent=2, ensure_ascii=False) + "\n"


def _issues(report: CheckReport) -> Iterator[JsonObject]:
    for fault in report.faults:
        place = _FAULT.match(fault)
        path, line = (place["path"], int(place["line"])) if place else ("headgate.toml", 1)
        yield _issue("configuration", fault, "blocker", path, (line, line), fault)
    for one in report.unreadable:
        yield _issue("unreadable", one.message, "blocker", one.path, (1, 1), one.message)
    for file in report.files:
        yield from _of_file(file)


def _of_file(file: CheckedFile) -> Iterator[JsonObject]:
    source = file.source
    if file.diagnostics:
        tree, _ = parse(source)
        for found, mark in zip(file.diagnostics, fingerprints(source, tree, file.diagnostics), strict=True):
            lines = (source.position(found.span.start).line, source.position(found.span.end).line)
            says = f"{found.message} ({found.code})"
            identity = f"{mark.digest}:{mark.number}"
            yield _issue(found.name, says, _SEVERITIES[found.severity], source.path, lines, identity)
    for gap in file.unsaid:
        yield _issue("not-checked", gap.sentence, "info", source.path, (1, 1), gap.sentence)


def _issue(name: str, description: str, severity: str, path: str, lines: tuple[int, int], identity: str) -> JsonObject:
    whole = f"{path}\0{name}\0{identity}".encode("utf-8", "surrogatepass")
    return {
        "description": description,
        "check_name": name,
        "fingerprint": blake2b(whole, digest_size=16).hexdigest(),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": lines[0], "end": lines[1]}},
    }
