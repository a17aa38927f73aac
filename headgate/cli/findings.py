"""Gate reports on standard output in every format, and what could not be read or used on standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.validators.report import CheckReport

FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "concise")
IN_REPOSITORY = ("sarif", "github", "gitlab", "junit")
"""Formats for services that look at the whole repository, whatever folder the workspace is."""


def show(report: CheckReport, output: str, *, strict: bool = False) -> None:
    """Print a gate report: findings on standard output, what could not be read or used on standard error."""
    complain(report)
    if output in IN_REPOSITORY:
        from pathlib import Path

        from headgate.api.locations import in_repository

        report = in_repository(report, Path.cwd())
    print(rendered(report, output, strict=strict), end="")


def complain(report: CheckReport) -> None:
    """Say on standard error what could not be read or used."""
    for message in (*report.faults, *(one.message for one in report.unreadable)):
        print(f"headgate: {message}", file=sys.stderr)


def rendered(report: CheckReport, output: str, *, strict: bool) -> str:
    """A gate report in one of `FORMATS`."""
    match output:
        case "json":
            from headgate.render.findings_json import findings_json

            return findings_json(report)
        case "sarif":
            from headgate.render.findings_sarif import findings_sarif

            return findings_sarif(report)
        case "github":
            from headgate.render.findings_github import findings_github

            return findings_github(report)
        case "gitlab":
            from headgate.render.findings_gitlab import findings_gitlab

            return findings_gitlab(report)
        case "junit":
            from headgate.render.findings_junit import findings_junit

            return findings_junit(report, strict=strict)
        case "concise":
            from headgate.render.findings_concise import findings_concise

            return findings_concise(report)
    if report.unreadable and not report.files:
        return ""
    from headgate.cli.output import colour_wanted
    from headgate.render.findings_text import findings_text

    return findings_text(report, colour=colour_wanted())
