"""A bar on a terminal while something takes long; never in a pipe."""

from __future__ import annotations

import sys
from typing import Any

WORTH_A_BAR = 200
"""Things from which people wait long enough to wonder."""


class Progress:
    """Told how many of how many things are done; draws on standard error, and wipes the bar away at the end."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None
        self._drawn = 0

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            if total < WORTH_A_BAR:
                return
            import click

            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
        self._bar.update(done - self._drawn)
        self._drawn = done
        if done == total:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._bar, self._drawn = None, 0


def progress(label: str = "checking") -> Progress | None:
    """Who draws the bar; nobody where no terminal would show it."""
    return Progress(label) if sys.stderr.isatty() else None
