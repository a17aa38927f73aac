"""`headgate drive`: drive every open run of the store until each rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.answers import wake
from headgate.cli.options import duration, format_option, placed
from headgate.cli.output import colour_wanted, columns, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from headgate.api.place import Place, Rest
    from headgate.plan import Json

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted"
SHOWN_AT_ONCE = 500


@click.command("drive")
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--wait", "wait_ms", type=duration, metavar="DURATION", help="Wait this long for timers too.")
@format_option("text", "json")
@placed
def drive(*, runs: tuple[str, ...], wait_ms: int | None, output: str, place: Place) -> int:
    """Drive every open run of the store here, or the RUNs named, until each rests.

    What a cron job or a test uses: what is due is done, timers are not waited for. Exit codes: 0 no run is open or all
    completed, else the first that applies of 4, 1, 5.
    """
    from headgate.api import running
    from headgate.api.place import Driving

    drove = running.drive(runs, place, Driving(wait_ms))
    say(drove.faults)
    interrupted = False
    if output == "json":
        from headgate.render.run_json import run_object

        shown: list[Json] = []
        for rest in drove.rests:
            say(rest.notes)
            shown.append(run_object(rest.view))
            say(_wake(rest))
            interrupted |= rest.view.status == INTERRUPTED
        print_json(shown)
    for first in range(0, max(1, len(drove.rests)), SHOWN_AT_ONCE) if output == "text" else ():
        rests = drove.rests[first : first + SHOWN_AT_ONCE]
        interrupted |= any(rest.view.status == INTERRUPTED for rest in rests)
        _show(rests)
    return EXIT_INTERRUPTED if interrupted else drove.exit_code


def _show(rests: Sequence[Rest]) -> None:
    from headgate.render.runs_text import runs_text
    from headgate.runtime.clock import SystemClock

    for rest in rests:
        say(rest.notes)
    views = [rest.view for rest in rests]
    print(runs_text(views, SystemClock().now_ms(), width=columns(), colour=colour_wanted()), end="")
    for rest in rests:
        say(_wake(rest))


def _wake(rest: Rest) -> tuple[str, ...]:
    return tuple(f"run {rest.view.run}: {line}" for line in wake(rest))
