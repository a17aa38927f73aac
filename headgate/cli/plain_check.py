"""`headgate check PATH...`, as hooks and people mostly ask it, without the parser of options: that costs more."""

from __future__ import annotations

import gc
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.api.surroundings import Options

FLAGS = frozenset({"--strict", "--no-cache"})


def plain_check(arguments: Sequence[str]) -> int | None:
    """The exit code of a check of files and folders; None when something is asked that only click reads.

    `arguments` are those behind the verb.
    """
    flags = {argument for argument in arguments if argument.startswith("-")}
    if not flags <= FLAGS or os.environ.get("HEADGATE_ENV") or "_HEADGATE_COMPLETE" in os.environ:
        return None
    from headgate.api.surroundings import Options
    from headgate.cli.guard import guarded
    from headgate.cli.progress import progress

    gc.disable()  # the process ends with the check, and there is nothing to look for that a file does not leave at once
    paths = tuple(argument for argument in arguments if argument not in flags)
    options = Options(strict="--strict" in flags, cache="--no-cache" not in flags, progress=progress())
    return guarded(lambda: check_once(paths, options, "text"))


def check_once(paths: tuple[str, ...], options: Options, output: str) -> int:
    """Check once and print what was found; returns the exit code."""
    from headgate.api.checking import check
    from headgate.cli.findings import show

    report = check(paths, options)
    show(report, output, strict=options.strict)
    return report.exit_code(strict=options.strict)
