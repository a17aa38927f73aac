"""The click application, and what becomes of everything that a verb may raise."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from headgate import __version__
from headgate.cli.group import LazyGroup
from headgate.cli.verbs import HELP_OPTIONS, VERSION_OPTIONS

EXIT_USAGE = 2
EXIT_OURS = 4
EXIT_INTERRUPTED = 130
_OUTPUT_LOST = {errno.EPIPE, errno.ENOSPC, errno.EIO}


@click.group(cls=LazyGroup, context_settings={"help_option_names": list(HELP_OPTIONS), "max_content_width": 100})
@click.version_option(__version__, *VERSION_OPTIONS, prog_name="headgate", message="%(prog)s %(version)s")
def cli() -> None:
    """Workflows as text, proved before they run, run durably."""


def answer(arguments: Sequence[str]) -> int:
    """The exit code of one command line. What is not a known fault is one of ours, code 4, and no traceback.

    Raises `OSError` when standard output cannot be written.
    """
    try:
        returned = cli.main(args=list(arguments), prog_name="headgate", standalone_mode=False)
    except click.ClickException as fault:
        return _say_usage(fault)
    except (click.Abort, KeyboardInterrupt):
        print("headgate: interrupted; what was recorded is kept", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as fault:
        if fault.errno in _OUTPUT_LOST and fault.filename is None:
            raise
        from headgate.cli.faults import report

        return report(fault)
    except Exception as fault:  # noqa: BLE001 - the one place that answers for everything below
        from headgate.cli.faults import report

        return report(fault)
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


def lose_output(fault: OSError) -> int:
    """The exit code when standard output cannot be written. A reader that left, as `head` does, need not be told."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nor at the interpreter's end
    if isinstance(fault, BrokenPipeError):
        return 0
    print(f"headgate: the output cannot be written: {fault.strerror or fault}", file=sys.stderr)
    return EXIT_OURS
