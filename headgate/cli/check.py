"""`headgate check`: the gate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import environment_option
from headgate.cli.output import say_waiting

if TYPE_CHECKING:
    from headgate.api.surroundings import Options
    from headgate.validators.report import CheckReport

WATCH_SECONDS = 0.5
FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit", "concise")
IN_REPOSITORY = ("sarif", "github", "gitlab", "junit")
"""Formats for services that look at the whole repository, whatever folder the workspace is."""


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--fix", is_flag=True, help="Apply the safe fixes, then check again.")
@click.option("--unsafe", is_flag=True, help="With --fix or --diff: the unsafe fixes too.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--strict", is_flag=True, help="Warnings and rules that could not run count too.")
@click.option("--select", multiple=True, metavar="CODES", help="Only these rules; beginnings such as HG2 count.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Not these rules.")
@environment_option
@click.option("--online", is_flag=True, help="Ask the instances too, and say where their tools are not as locked.")
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to print it.",
)
@click.option("--no-cache", is_flag=True, help="Keep no answers, and use none that are kept.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until Ctrl-C.")
def check(
    *,
    paths: tuple[str, ...],
    fix: bool,
    unsafe: bool,
    diff: bool,
    strict: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    environment: str | None,
    online: bool,
    output: str,
    no_cache: bool,
    watch: bool,
) -> int:
    """The gate: say what is wrong with workflows, and prove it.

    PATH is a .flow file, FILE#NAME for one workflow of it, a folder, or - for standard input; without one, the
    workspace. Exit codes: 0 clean, 1 findings, 2 wrong usage or configuration, 3 nothing to check or unreadable.
    """
    from headgate.api.surroundings import Options

    if "-" in paths and (len(paths) > 1 or fix or diff or watch):
        raise click.UsageError("`-` stands alone: no other path, and no --fix, --diff or --watch")
    if unsafe and not (fix or diff):
        raise click.UsageError("`--unsafe` goes with `--fix` or `--diff`")
    waiting = say_waiting if online and sys.stderr.isatty() else None
    options = Options(strict, environment, select, ignore, cache=not no_cache, online=online, waiting=waiting)
    if fix or diff:
        return _fix(paths, options, output, unsafe=unsafe, diff=diff)
    code = _once(paths, options, output)
    if watch:
        _watch(paths, options, output)
    return code


def _once(paths: tuple[str, ...], options: Options, output: str) -> int:
    from headgate.api import checking

    if paths == ("-",):
        report = checking.check_text(sys.stdin.buffer.read(), "-", options)
    else:
        report = checking.check(paths, options)
    show(report, output, strict=options.strict)
    return report.exit_code(strict=options.strict)


def show(report: CheckReport, output: str, *, strict: bool = False) -> None:
    """Print a gate report: findings on standard output, what could not be read or used on standard error."""
    for message in report.faults:
        print(f"headgate: {message}", file=sys.stderr)
    for unreadable in report.unreadable:
        print(f"headgate: {unreadable.message}", file=sys.stderr)
    if output in IN_REPOSITORY:
        from pathlib import Path

        from headgate.api.locations import in_repository

        report = in_repository(report, Path.cwd())
    print(rendered(report, output, strict=strict), end="")


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


def _fix(paths: tuple[str, ...], options: Options, output: str, *, unsafe: bool, diff: bool) -> int:
    from headgate.api import fixing

    if diff:
        changes = fixing.preview(paths, options, fixing.allowed(unsafe=unsafe))
        for change in changes:
            print(change.diff(), end="")
        return 1 if changes else 0
    fixed = fixing.fix(paths, options, fixing.allowed(unsafe=unsafe))
    for change in fixed.changes:
        print(f"headgate: fixed {change.path} ({change.fixes})", file=sys.stderr)
    show(fixed.report, output, strict=options.strict)
    return fixed.report.exit_code(strict=options.strict)


def _watch(paths: tuple[str, ...], options: Options, output: str) -> None:
    """Check again after each change; a file changed when its time or size did."""
    from threading import Event

    from headgate.api.fixing import stamp

    seen = stamp(paths)
    pause = Event()
    while True:
        pause.wait(WATCH_SECONDS)
        now = stamp(paths)
        if now != seen:
            seen = now
            print(f"\n{'-' * 20}", file=sys.stderr)
            _once(paths, options, output)
