"""`stop`: end a run by a person's word, letting what is out finish or not."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.answers import answer
from headgate.cli.options import duration, format_option, placed, reason_option, request_option, yes_option

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.plan import JsonObject


@click.command("stop")
@click.argument("run")
@click.option(
    "--graceful/--now", "graceful", default=True, help="Let what is out finish first, which is the default, or not."
)
@click.option(
    "--deadline", "deadline_ms", type=duration, metavar="DURATION", help="With --graceful: how long, else 5m."
)
@reason_option
@yes_option
@request_option
@format_option("text", "json")
@placed
def stop(
    *,
    run: str,
    graceful: bool,
    deadline_ms: int | None,
    reason: str | None,
    yes: bool,
    request_id: str | None,
    output: str,
    place: Place,
) -> int:
    """Stop RUN: it drains and ends `cancelled` (RUN_STOPPED). Completed steps keep their outputs.

    While it drains, what is out may finish, nothing new starts, and waits are closed. What is not done by the deadline
    is cancelled, and the run ends `failed` (DRAIN_TIMEOUT). With --now what is out is cancelled at once, also in a run
    that drains. A run that has not started is cancelled.
    """
    from headgate.api import operating
    from headgate.api.place import Driving

    if deadline_ms is not None and not graceful:
        raise click.UsageError("`--deadline` goes with --graceful: --now waits for nothing")
    if not yes and sys.stdin.isatty():
        click.confirm(f"stop {run}? completed steps keep their outputs, nothing is undone", abort=True, err=True)
    args: JsonObject = {"graceful": graceful}
    if deadline_ms is not None:
        args["deadline_ms"] = deadline_ms
    act = operating.Act("stop", args=args, reason=reason, request_id=request_id)
    return answer(operating.operate(run, act, place, Driving()), output)
