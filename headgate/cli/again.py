"""Running again what ran: redrive, replay and fork, each with a preview."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.answers import follow
from headgate.cli.options import Manner, Why, acting, driving, pair, placed, reason_option, yes_option
from headgate.cli.output import print_json

if TYPE_CHECKING:
    from headgate.api.forking import Changes
    from headgate.api.place import Driving, Place, Rest
    from headgate.plan import Json, JsonObject
    from headgate.runtime.previewing import Preview

preview_option = click.option(
    "--dry-run", is_flag=True, help="Say what is kept, what runs again and which effects may repeat; change nothing."
)


@click.command("redrive")
@click.argument("run")
@click.option("--from", "step", metavar="STEP", help="Run STEP and all that follows it again, completed or not.")
@preview_option
@yes_option
@acting
@driving
@placed
def redrive(
    *,
    run: str,
    step: str | None,
    dry_run: bool,
    yes: bool,
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Go on with RUN, failed or cancelled: completed outputs are kept, the rest is tried again.

    What may have happened already, and with --from irreversible steps that completed, runs again only with --yes.
    """
    from headgate.api import operating
    from headgate.api.forking import Changes

    if dry_run:
        return _preview("redrive", run, Changes(step), place, manner.output)
    args: JsonObject = {"yes": True} if yes else {}
    act = operating.Act("redrive", step=step, args=args, reason=why.reason, request_id=why.request_id)

    def do(how: Driving) -> Rest:
        return operating.operate(run, act, place, how)

    return follow(do, manner)


@click.command("replay")
@click.argument("run")
@preview_option
@yes_option
@driving
@placed
def replay(*, run: str, dry_run: bool, yes: bool, manner: Manner, place: Place) -> int:
    """Start a new run with the trigger and inputs of RUN, which has ended and stays as it is."""
    from headgate.api import operating
    from headgate.api.forking import Changes

    if dry_run:
        return _preview("replay", run, Changes(), place, manner.output)
    _ask("replay", run, Changes(), place, yes=yes)

    def do(how: Driving) -> Rest:
        return operating.replay(run, place, how)

    return follow(do, manner)


@click.command("fork")
@click.argument("run")
@click.option("--from", "step", metavar="STEP", help="Keep what ended before STEP; without it nothing is kept.")
@click.option("--set", "inputs", type=pair, multiple=True, metavar="NAME=VALUE", help="Another value for an input.")
@click.option(
    "--version", "version", metavar="N|FILE", help="Another published version, or a file's text as it is now."
)
@preview_option
@yes_option
@reason_option
@driving
@placed
def fork(
    *,
    run: str,
    step: str | None,
    inputs: tuple[tuple[str, str], ...],
    version: str | None,
    dry_run: bool,
    yes: bool,
    reason: str | None,
    manner: Manner,
    place: Place,
) -> int:
    """Start a new run that goes on from RUN, ended or not, which stays as it is.

    It keeps the outputs of what ended before STEP, and runs STEP, all that follows it and all that had not ended. With
    another version it starts only when the kept outputs fit that. What was approved counts only for the same input.
    What is irreversible and may have happened runs again only with --yes.
    """
    from headgate.api import forking

    changes = forking.Changes(step, dict(inputs), version, reason)
    if dry_run:
        return _preview("fork", run, changes, place, manner.output)
    _ask("fork", run, changes, place, yes=yes)

    def do(how: Driving) -> Rest:
        return forking.fork_run(run, changes, place, how)

    return follow(do, manner)


def _ask(verb: str, run: str, changes: Changes, place: Place, *, yes: bool) -> None:
    """Before what cannot be undone may happen again. Where nobody can be asked a fork is refused, because it takes
    approvals over; a replay asks for them anew.
    """
    from headgate.api import forking
    from headgate.api.faults import Refused

    asks = sys.stdin.isatty()
    if yes or not (asks or verb == "fork"):
        return
    seen = forking.preview(verb, run, changes, place)
    named = [effect.step for effect in seen.repeats if effect.reversibility == "irreversible"]
    if named and asks:
        message = f"{verb} {run}? irreversible, and it may happen again: {', '.join(named)}"
        click.confirm(message, abort=True, err=True)
    elif named:
        said = ", ".join(f"`{step}`" for step in named)
        message = f"{said} is irreversible and may have happened: running it again needs `--yes`"
        raise Refused("ALREADY_COMPLETED", message)


def _preview(verb: str, run: str, changes: Changes, place: Place, output: str) -> int:
    from headgate.api import forking

    seen = forking.preview(verb, run, changes, place)
    if output == "json":
        repeats: list[Json] = [effect._asdict() for effect in seen.repeats]
        print_json({"run": run, "kept": list(seen.kept), "again": list(seen.again), "repeats": repeats})
    else:
        print("\n".join(_told(verb, seen)))
    return 0


_WHY = {
    "completed": "it completed",
    "refused": "it was done, and failed for what it brought",
    "in doubt": "nobody knows whether it happened",
}


def _told(verb: str, seen: Preview) -> list[str]:
    lines = [f"kept: {', '.join(seen.kept) or 'nothing'}"]
    lines.append(f"would run again: {', '.join(seen.again) or 'nothing'}")
    for effect in seen.repeats:
        what = f"{effect.step} ({effect.kind}, {effect.reversibility})"
        lines.append(f"may happen a second time: {what}: {_WHY[effect.why]}")
    if not seen.repeats:
        lines.append(f"no effect of the first time would happen again by this {verb}")
    return lines
