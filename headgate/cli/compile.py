"""`headgate compile`: the plan."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headgate.cli.options import environment_option


@click.command("compile")
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write the plan there.")
@environment_option
@click.option("--strict", is_flag=True, help="Warnings stop it too.")
def compile_command(*, file: str, target: Path | None, environment: str | None, strict: bool) -> int:
    """Compile a workflow to its plan: canonical JSON, the same bytes for the same source and lock.

    FILE#NAME names one workflow of a file that holds several.
    """
    from headgate.api import compiling
    from headgate.cli.output import findings_text, write_file
    from headgate.plan import dump

    compiled = compiling.compile_target(file, environment)
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
    content = dump(compiled.plan)
    if target is None:
        sys.stdout.buffer.write(content + b"\n")
        return 0
    write_file(target, content + b"\n", file)
    print(f"{target}: {compiled.plan.digest}", file=sys.stderr)
    return 0
