"""`headgate check PATH...`, as hooks and people mostly ask it, without the parser of options: that costs more."""

from __future__ import annotations

import os
from collections.abc import Sequence

FLAGS = frozenset({"--strict", "--no-cache"})


def plain_check(arguments: Sequence[str]) -> int | None:
    """The exit code of a check of files and folders; None when something is asked that only click reads.

    `arguments` are those behind the verb.
    """
    flags = {argument for argument in arguments if argument.startswith("-")}
    if not flags <= FLAGS or os.environ.get("HEADGATE_ENV") or "_HEADGATE_COMPLETE" in os.environ:
        return None
    from headgate.cli.guard import guarded

    paths = tuple(argument for argument in arguments if argument not in flags)
    return guarded(lambda: check_once(paths, strict="--strict" in flags, cache="--no-cache" not in flags))


def check_once(paths: tuple[str, ...], *, strict: bool, cache: bool) -> int:
    """Check once and print what was found as text; returns the exit code."""
    from headgate.api.checking import check
    from headgate.api.surroundings import Options
    from headgate.cli.findings import show

    report = check(paths, Options(strict=strict, cache=cache))
    show(report, "text", strict=strict)
    return report.exit_code(strict=strict)
