"""The click application, and wrong usage in sentences."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from headgate import __version__
from headgate.cli.group import LazyGroup
from headgate.cli.guard import guarded, interrupted
from headgate.cli.verbs import HELP_OPTIONS, VERSION_OPTIONS

EXIT_USAGE = 2


@click.group(cls=LazyGroup, context_settings={"help_option_names": list(HELP_OPTIONS), "max_content_width": 100})
@click.version_option(__version__, *VERSION_OPTIONS, prog_name="headgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Workflows as text, proved before they run, run durably."""


def answer(arguments: Sequence[str]) -> int:
    """The exit code of one command line; see `guarded` for what it raises and what it reports."""
    return guarded(lambda: _parsed(arguments))


def _parsed(arguments: Sequence[str]) -> int:
    try:
        returned = cli.main(args=list(arguments), prog_name="headgate", standalone_mode=False)
    except click.ClickException as fault:
        return _say_usage(fault)
    except click.Abort:
        return interrupted()
    return returned if isinstance(returned, int) else 0


def _say_usage(fault: click.ClickException) -> int:
    context = fault.ctx if isinstance(fault, click.UsageError) else None
    if isinstance(fault, click.exceptions.NoArgsIsHelpError):
        print(fault.format_message(), file=sys.stderr)
        return EXIT_USAGE
    from headgate.cli.usage import sentence

    print(f"headgate: {sentence(fault)}", file=sys.stderr)
    if context is not None:
        print(f"{context.get_usage()}\ntry `{context.command_path} --help`", file=sys.stderr)
    return EXIT_USAGE
