"""Findings as JSON, version 1. Lines and columns count from 1, columns in code points; `end` is exclusive."""

from __future__ import annotations

import json

from headgate.diagnostics import Diagnostic, Severity
from headgate.plan import JsonObject
from headgate.source import Source, Span
from headgate.validators.report import CheckReport

VERSION = 1


def findings_json(report: CheckReport) -> str:
    """The report as one JSON object, indented; ends with a newline."""
    return json.dumps(findings_object(report), indent=2, ensure_ascii=False) + "\n"


def findings_object(report: CheckReport) -> JsonObject:
    """The report as plain values; `headgate schema findings` is its schema."""
    return {
        "version": VERSION,
        "files": len(report.files) + len(report.unreadable),
        "failed": len(report.unreadable),
        "unreadable": [{"path": one.path, "message": one.message} for one in report.unreadable],
        "faults": list(report.faults),
        "diagnostics": [_finding(source, diagnostic) for source, diagnostic in report.findings()],
        "summary": {
            "verdict": str(report.verdict),
            "errors": report.count(Severity.ERROR),
            "warnings": report.count(Severity.WARNING),
            "notes": report.count(Severity.NOTE),
            "suppressed": report.suppressed,
            "baselines": [{"path": one.path, "hidden": one.hidden, "stale": one.stale} for one in report.baselines],
            "fixable": report.fixable,
            "rules_run": report.rules,
            "rules_skipped": list(report.rules_skipped),
            "not_checked": [{"code": code, "reasons": list(why)} for code, why in report.gaps.items()],
        },
    }


def _finding(source: Source, diagnostic: Diagnostic) -> JsonObject:
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "path": source.path,
        "range": _range(source, diagnostic.span),
        "labels": [{"range": _range(source, label.span), "message": label.message} for label in diagnostic.labels],
        "witness": [
            {"step": stop.step, "edge": stop.edge, "range": _range(source, stop.span)} for stop in diagnostic.witness
        ],
        "help": diagnostic.help,
        "fixes": [
            {
                "title": fix.title,
                "safety": str(fix.safety),
                "edits": [{"range": _range(source, edit.span), "text": edit.text} for edit in fix.edits],
            }
            for fix in diagnostic.fixes
        ],
    }


def _range(source: Source, span: Span) -> JsonObject:
    start, end = source.position(span.start), source.position(span.end)
    return {
        "start": {"line": start.line, "column": start.column},
        "end": {"line": end.line, "column": end.column},
    }
