"""What comes from outside: signal, callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.answers import follow, wake
from headgate.cli.options import Manner, driving, json_value, placed, request_option
from headgate.cli.output import colour_wanted, columns, print_json, say

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.cli.options import Parsed

data_option = click.option("--data", "data", type=json_value, metavar="JSON", help="What it carries, else null.")


@click.command("signal")
@click.argument("event")
@click.option("--run", "run", metavar="RUN", help="For this run alone.")
@data_option
@request_option
@driving
@placed
def signal(
    *,
    event: str,
    run: str | None,
    data: Parsed | None,
    request_id: str | None,
    manner: Manner,
    place: Place,
) -> int:
    """Send EVENT to the runs that wait for it, and drive them on.

    It reaches every open `wait` whose `match` it fits, of --run or of all runs, and is kept for waits that start later:
    one for a run as long as the run is open, any other for 30 days. A run takes a signal once. Prints the run with
    --run, else the runs it reached; exit codes as those of `drive`.
    """
    from headgate.api import signalling
    from headgate.api.place import Driving

    sending = signalling.Sending(event, None if data is None else data.value, run, request_id)
    done = signalling.signal(sending, place, Driving(manner.wait_ms, manner.detach))
    say(done.notes)
    for rest in done.rests:
        say(rest.notes)
    views = [rest.view for rest in done.rests]
    if manner.output == "json":
        from headgate.render.run_json import run_object

        print_json(run_object(views[0]) if run is not None else [run_object(view) for view in views])
    elif views:
        from headgate.render.runs_text import run_text, runs_text
        from headgate.runtime.clock import SystemClock

        now, width, colour = SystemClock().now_ms(), columns(), colour_wanted()
        shown = run_text(views[0], now, width=width, colour=colour) if run is not None else None
        print(shown or runs_text(views, now, width=width, colour=colour), end="")
    for rest in done.rests:
        say(tuple(f"run {rest.view.run}: {line}" for line in wake(rest)))
    return done.exit_code


@click.command("callback")
@click.argument("token")
@click.option("--data", "data", type=json_value, metavar="JSON", help='The result; or {"error": {"message": "..."}}.')
@request_option
@driving
@placed
def callback(
    *,
    token: str,
    data: Parsed | None,
    request_id: str | None,
    manner: Manner,
    place: Place,
) -> int:
    """Answer the step that gave TOKEN out, and drive its run on.

    A token works once, until it expires. What comes too late for its attempt is recorded, and changes nothing.
    """
    from headgate.api import signalling

    value = None if data is None else data.value
    return follow(lambda how: signalling.callback(token, value, request_id, place, how), manner)
