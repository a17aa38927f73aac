"""The command line: each verb parses, calls one function of the API and renders. Asking for help imports none of it."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from headgate import __version__
from headgate.cli.verbs import HELP_OPTIONS, VERSION_OPTIONS, help_text

_COLLECT_AFTER = 50_000
"""Objects made between two looks for garbage: start-up makes much that stays, and 700 would look ten times in vain."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line and leave the process with its exit code (`docs/cli.md`)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    gc.set_threshold(_COLLECT_AFTER)
    _prepare_streams()
    try:
        code = _at_once(given)
        if code is None:
            from headgate.cli.app import answer

            code = answer(given)
        sys.stdout.flush()
    except OSError as fault:
        from headgate.cli.guard import lose_output

        code = lose_output(fault)
    sys.exit(code)


def _prepare_streams() -> None:
    """A stream that was closed swallows what it gets; one without the characters of a mark still shows the rest."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - open to the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")


def _at_once(given: list[str]) -> int | None:
    """Answer what needs no parser of options: help, version, a plain check. None when more is asked."""
    if given[:1] == ["check"]:
        from headgate.cli.plain_check import plain_check

        return plain_check(given[1:])
    if len(given) == 1 and given[0] in VERSION_OPTIONS:
        print(f"headgate {__version__}")
        return 0
    if len(given) == 1 and given[0] in HELP_OPTIONS:
        from shutil import get_terminal_size

        print(help_text(min(get_terminal_size().columns, 100)))
        return 0
    return None
