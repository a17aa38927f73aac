"""`headgate compile`: the plan."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli.options import placed

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.api.published import Named


@click.command("compile")
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write the plan there.")
@placed
@click.option("--strict", is_flag=True, help="Warnings stop it too.")
def compile_command(*, file: str, target: Path | None, strict: bool, place: Place) -> int:
    """Compile a workflow to its plan: canonical JSON, the same bytes for the same source and lock.

    FILE#NAME names one workflow of a file that holds several; NAME@2 is a version of a published workflow, and NAME its
    active one, whose stored plan is printed.
    """
    from headgate.api import compiling
    from headgate.api.published import named
    from headgate.cli.output import findings_text
    from headgate.plan import dump

    version = named(file)
    if version is not None:
        return _stored(version, target, file, place)
    compiled = compiling.compile_target(file, place.environment)
    report = compiled.report
    findings = any(each.diagnostics for each in report.files)
    if findings or report.faults or report.unreadable:
        for message in (*report.faults, *(each.message for each in report.unreadable)):
            print(f"headgate: {message}", file=sys.stderr)
        if report.files:
            print(findings_text(report, sys.stderr), end="", file=sys.stderr)
    code = report.exit_code(strict=strict)
    if code or compiled.plan is None:
        return code or 1
    return _write(dump(compiled.plan), compiled.plan.digest, target, file)


def _stored(version: Named, target: Path | None, file: str, place: Place) -> int:
    from headgate.api.published import read_published
    from headgate.api.site import Site

    found = read_published(version, Site(place))
    return _write(found.content, found.plan.digest, target, file)


def _write(content: bytes, digest: str, target: Path | None, file: str) -> int:
    from headgate.cli.output import write_file

    if target is None:
        sys.stdout.buffer.write(content + b"\n")
        return 0
    write_file(target, content + b"\n", file)
    print(f"{target}: {digest}", file=sys.stderr)
    return 0
