"""`--watch`: the answer once more whenever what it depends on has changed, until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from headgate.api.place import Place

WATCH_SECONDS = 0.5

watch_option = click.option("--watch", is_flag=True, help="Show it again whenever something changes, until Ctrl-C.")


def watch_changes(
    again: Callable[[], int],
    stamp: Callable[[], object],
    *,
    clear: bool,
    done: Callable[[], bool] = lambda: False,
    quiet: bool = False,
) -> int:
    """Answer, and again after each change of `stamp`, until Ctrl-C or `done`; returns the last exit code.

    It looks twice a second at most, and spends no more than a tenth of its time on looking.
    """
    from threading import Event
    from time import monotonic

    pause = Event()
    code = 0
    try:
        while True:
            seen = stamp()
            if clear:
                print("\x1b[2J\x1b[3J\x1b[H", end="")
            code = again()
            sys.stdout.flush()
            if done():
                return code
            if not quiet:
                print("headgate: watching; Ctrl-C ends it", file=sys.stderr)
            changed = False
            while not changed:
                started = monotonic()
                changed = stamp() != seen
                if not changed:
                    pause.wait(max(WATCH_SECONDS, 9 * (monotonic() - started)))
    except KeyboardInterrupt:
        return code


def show_once_or_watch(again: Callable[[], bool], place: Place, output: str, *, watch: bool) -> None:
    """Show something of the store, once or whenever it changes. `again` shows it and says whether it can change."""
    if not watch:
        again()
        return
    from headgate.api.history import changes

    settled = False

    def shown() -> int:
        nonlocal settled
        settled = not again()
        return 0

    clear = output == "text" and sys.stdout.isatty()
    with changes(place) as stamp:
        watch_changes(shown, stamp, clear=clear, done=lambda: settled)
