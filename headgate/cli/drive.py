"""`headgate drive`: drive every open run of the store until each rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.answers import wake
from headgate.cli.options import duration, format_option, placed
from headgate.cli.output import colour_wanted, columns, print_json, say

if TYPE_CHECKING:
    from headgate.api.place import Place

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted"


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
    for rest in drove.rests:
        say(rest.notes)
    views = [rest.view for rest in drove.rests]
    if output == "json":
        from headgate.render.run_json import run_object

        print_json([run_object(view) for view in views])
    else:
        from headgate.render.runs_text import runs_text
        from headgate.runtime.clock import SystemClock

        print(runs_text(views, SystemClock().now_ms(), width=columns(), colour=colour_wanted()), end="")
    for rest in drove.rests:
        say(tuple(f"run {rest.view.run}: {line}" for line in wake(rest)))
    return EXIT_INTERRUPTED if any(view.status == INTERRUPTED for view in views) else drove.exit_code
