"""`headgate check`: the gate."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from headgate.cli.findings import FORMATS, complain, rendered, show
from headgate.cli.options import environment_option
from headgate.cli.output import say_waiting
from headgate.cli.plain_check import check_once
from headgate.cli.progress import progress
from headgate.cli.watching import watch_changes

if TYPE_CHECKING:
    from headgate.api.surroundings import Options


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
@click.option("--stdin-filename", metavar="PATH", help="Where the text of standard input stands: for editors.")
@click.option("--baseline", metavar="FILE", help="Hide the findings that FILE knows of.")
@click.option("--no-baseline", is_flag=True, help="Hide none, whatever headgate.toml says.")
@click.option(
    "--write-baseline",
    is_flag=False,
    flag_value="",
    metavar="[FILE]",
    help="Let the baseline know what is found now: FILE, that of headgate.toml, or headgate-baseline.json.",
)
@click.option("--prune-baseline", is_flag=True, help="Let the baseline forget what is found no more.")
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
    stdin_filename: str | None,
    baseline: str | None,
    no_baseline: bool,
    write_baseline: str | None,
    prune_baseline: bool,
    no_cache: bool,
    watch: bool,
) -> int:
    """The gate: say what is wrong with workflows, and prove it.

    PATH is a .flow file, FILE#NAME for one workflow of it, a folder, or - for standard input; without one, the
    workspace. Exit codes: 0 clean, 1 findings, 2 wrong usage or configuration, 3 nothing to check or unreadable.
    """
    from headgate.api.surroundings import Options

    if "-" in paths and (len(paths) > 1 or watch):
        raise click.UsageError("`-` stands alone: no other path, and no --watch")
    if stdin_filename is not None and paths != ("-",):
        raise click.UsageError("`--stdin-filename` goes with `-`")
    if watch and diff:
        raise click.UsageError("`--watch` goes without `--diff`")
    if unsafe and not (fix or diff):
        raise click.UsageError("`--unsafe` goes with `--fix` or `--diff`")
    rewriting = write_baseline is not None or prune_baseline
    if rewriting and (
        fix or diff or watch or no_baseline or "-" in paths or (prune_baseline and write_baseline is not None)
    ):
        raise click.UsageError("a baseline is written or pruned from files alone, without --fix, --diff and --watch")
    if baseline is not None and no_baseline:
        raise click.UsageError("`--baseline` and `--no-baseline` exclude each other")
    waiting = say_waiting if online and sys.stderr.isatty() else None
    options = Options(strict, environment, select, ignore, cache=not no_cache, online=online, waiting=waiting)
    options = options._replace(baseline=baseline, baselines=not no_baseline)
    options = options._replace(progress=progress())
    if rewriting:
        return _rewrite(paths, options, output, write_baseline)
    if paths == ("-",):
        return _filter(options, output, stdin_filename or "-", unsafe=unsafe, fix=fix, diff=diff)
    if diff:
        return _diff(paths, options, unsafe=unsafe)
    once = partial(_fix, unsafe=unsafe) if fix else check_once
    if not watch:
        return once(paths, options, output)
    from headgate.api.watching import stamp

    clear = output == "text" and sys.stdout.isatty()
    return watch_changes(partial(once, paths, options, output), partial(stamp, paths, options), clear=clear)


def _filter(options: Options, output: str, path: str, *, unsafe: bool, fix: bool, diff: bool) -> int:
    """Check standard input; with `fix`, print the text as it is then, and what is still found on standard error."""
    from headgate.api import checking

    content = sys.stdin.buffer.read()
    if not (fix or diff):
        report = checking.check_text(content, path, options)
        show(report, output, strict=options.strict)
        return report.exit_code(strict=options.strict)
    from headgate.api import fixing

    fixed = fixing.fix_text(content, path, options, fixing.allowed(unsafe=unsafe))
    complain(fixed.report)
    if diff:
        print("".join(change.diff() for change in fixed.changes), end="")
        return fixed.exit_code() if fixed.exit_code() > 1 else int(bool(fixed.changes))
    sys.stdout.buffer.write(fixed.content)
    print(rendered(fixed.report, output, strict=options.strict), end="", file=sys.stderr)
    return fixed.exit_code(strict=options.strict)


def _rewrite(paths: tuple[str, ...], options: Options, output: str, file: str | None) -> int:
    """Write the baseline to `file`, empty for the usual one, or with None prune it; print what is still found."""
    from headgate.api import baselines

    done = baselines.prune(paths, options) if file is None else baselines.write(paths, options, file or None)
    known = f"{done.known} finding{'' if done.known == 1 else 's'}"
    print(f"headgate: {done.path} knows {known}: {done.added} new, {done.removed} gone", file=sys.stderr)
    if not done.configured:
        said = f'`baseline = "{done.path}"` under [check] in headgate.toml, or `--baseline {done.path}`'
        print(f"headgate: to use it: {said}", file=sys.stderr)
    show(done.report, output, strict=options.strict)
    return done.report.exit_code(strict=options.strict)


def _diff(paths: tuple[str, ...], options: Options, *, unsafe: bool) -> int:
    from headgate.api import fixing

    would = fixing.preview(paths, options, fixing.allowed(unsafe=unsafe))
    complain(would.report)
    for change in would.changes:
        print(change.diff(), end="")
    code = would.exit_code()
    return code if code > 1 else int(bool(would.changes))


def _fix(paths: tuple[str, ...], options: Options, output: str, *, unsafe: bool) -> int:
    from headgate.api import fixing

    fixed = fixing.fix(paths, options, fixing.allowed(unsafe=unsafe))
    for change in fixed.changes:
        print(f"headgate: fixed {change.path} ({change.fixes})", file=sys.stderr)
    for message in fixed.refused:
        print(f"headgate: {message}", file=sys.stderr)
    show(fixed.report, output, strict=options.strict)
    return fixed.exit_code(strict=options.strict)
