"""Findings as SARIF 2.1.0, for code scanning services and editors: with rules, paths, fixes and what was silenced."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from headgate import __version__
from headgate.diagnostics import Diagnostic, Fix, Severity
from headgate.grammar.parse import parse
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.source import Source, Span
from headgate.validators import registry
from headgate.validators.fingerprints import Fingerprint, fingerprints
from headgate.validators.report import CheckedFile, CheckReport
from headgate.validators.suppressions import reasons
from headgate.validators.table import TABLE

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_KNOWN = "the baseline knows it"


class _Result(NamedTuple):
    """One finding; `suppression` says who silenced it, None for one that counts."""

    found: Diagnostic
    fingerprint: Fingerprint
    suppression: JsonObject | None


def findings_sarif(report: CheckReport) -> str:
    """The report as one SARIF log with one run, indented; ends with a newline."""
    return json.dumps(findings_log(report), indent=2, ensure_ascii=False) + "\n"


def findings_log(report: CheckReport) -> JsonObject:
    """The report as plain values. Paths are relative to `%SRCROOT%`, the folder that the report's paths begin at."""
    results = [(file.source, one) for file in report.files for one in _results(file)]
    codes = sorted({rule.code for rule in registry.rules()} | {one.found.code for _, one in results})
    numbers = {code: number for number, code in enumerate(codes)}
    artifacts: list[Json] = [
        {"location": _artifact(file.source.path), "sourceLanguage": "headgate-flow"} for file in report.files
    ]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "headgate",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {_ROOT: {"description": {"text": "the root of the repository"}}},
                "invocations": [_invocation(report, numbers)],
                "artifacts": artifacts,
                "results": [_result(source, one, numbers) for source, one in results],
            }
        ],
    }


def _results(file: CheckedFile) -> Iterator[_Result]:
    """The findings of a file that count, then those that its comments silence and those that a baseline knows."""
    whole = (*file.diagnostics, *file.suppressed, *file.hidden)
    if not whole:
        return
    tree, _ = parse(file.source)
    silenced: list[JsonObject | None] = [None for _ in file.diagnostics]
    silenced += [
        {"kind": "inSource", "status": "accepted", "justification": reason}
        for reason in reasons(file.source, tree.comments, file.suppressed)
    ]
    silenced += [{"kind": "external", "status": "accepted", "justification": _KNOWN} for _ in file.hidden]
    prints = fingerprints(file.source, tree, whole)
    yield from map(_Result, whole, prints, silenced)


def _rule(code: str) -> JsonObject:
    row = TABLE[code]
    rule = registry.find(code)
    described: JsonObject = {"id": code, "name": row.name, "defaultConfiguration": {"level": _level(row.severity)}}
    if rule is not None:
        text = f"{rule.explanation}\n\nWrong:\n\n{rule.wrong}\nRight:\n\n{rule.right}"
        markdown = (
            f"{rule.explanation}\n\nWrong:\n\n````text\n{rule.wrong}````\n\nRight:\n\n````text\n{rule.right}````\n"
        )
        described |= {
            "shortDescription": {"text": rule.summary},
            "fullDescription": {"text": rule.explanation},
            "help": {"text": text, "markdown": markdown},
        }
    if code.startswith("HG7"):
        described["properties"] = {"tags": ["security"]}
    return described


def _level(severity: Severity) -> str:
    return str(severity)  # error, warning and note are SARIF's own words


def _result(source: Source, one: _Result, numbers: dict[str, int]) -> JsonObject:
    found = one.found
    place = one.fingerprint.place
    location: JsonObject = {"physicalLocation": _physical(source, found.span)}
    if found.note:
        location["message"] = {"text": found.note}
    if place.workflow:
        named: JsonObject = {
            "fullyQualifiedName": ".".join(filter(None, place)),
            "kind": "step" if place.step else "workflow",
        }
        location["logicalLocations"] = [named]
    result: JsonObject = {
        "ruleId": found.code,
        "ruleIndex": numbers[found.code],
        "level": _level(found.severity),
        "message": {"text": found.message},
        "locations": [location],
        "partialFingerprints": {"headgate/v1": f"{one.fingerprint.digest}:{one.fingerprint.number}"},
    }
    if found.labels:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": _physical(source, label.span),
                "message": {"text": label.message or "see here"},
            }
            for number, label in enumerate(found.labels)
        ]
    if found.witness:
        result["codeFlows"] = [_flow(source, found)]
    if found.fixes:
        result["fixes"] = [_fix(source, fix) for fix in found.fixes]
    if found.help:
        result["properties"] = {"help": found.help}
    if one.suppression is not None:
        result["suppressions"] = [one.suppression]
    return result


def _flow(source: Source, found: Diagnostic) -> JsonObject:
    """The path through the graph that proves the finding."""
    stops: list[Json] = [
        {
            "location": {
                "physicalLocation": _physical(source, stop.span),
                "message": {"text": f"{stop.edge}: {stop.step}" if stop.edge else stop.step},
            }
        }
        for stop in found.witness
    ]
    return {"threadFlows": [{"locations": stops}]}


def _fix(source: Source, fix: Fix) -> JsonObject:
    replacements: list[Json] = [
        {"deletedRegion": _region(source, edit.span), "insertedContent": {"text": edit.text}}
        for edit in sorted(fix.edits, key=lambda edit: edit.span)
    ]
    return {
        "description": {"text": fix.title},
        "artifactChanges": [{"artifactLocation": _artifact(source.path), "replacements": replacements}],
        "properties": {"safety": str(fix.safety)},
    }


def _invocation(report: CheckReport, numbers: dict[str, int]) -> JsonObject:
    """What could not be checked: `executionSuccessful` is false when a file was not read or a setting is wrong."""
    missed: list[Json] = [
        {
            "level": "error",
            "message": {"text": one.message},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(one.path)}}],
        }
        for one in report.unreadable
    ]
    missed += [
        {
            "level": "warning",
            "message": {"text": f"`{code}` {TABLE[code].name} was not checked: {'; '.join(why) or 'it could not run'}"},
            "associatedRule": {"id": code, **({"index": numbers[code]} if code in numbers else {})},
        }
        for code, why in report.gaps.items()
    ]
    faults: Sequence[Json] = [{"level": "error", "message": {"text": fault}} for fault in report.faults]
    return {
        "executionSuccessful": not (report.unreadable or report.faults or not report.files),
        "toolExecutionNotifications": missed,
        "toolConfigurationNotifications": [*faults],
    }


def _physical(source: Source, span: Span) -> JsonObject:
    return {"artifactLocation": _artifact(source.path), "region": _region(source, span)}


def _artifact(path: str) -> JsonObject:
    return {"uri": quote(path, errors="replace"), "uriBaseId": _ROOT}


def _region(source: Source, span: Span) -> JsonObject:
    start, end = source.position(span.start), source.position(span.end)
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}
