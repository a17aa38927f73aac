"""The acts on a run: pause, resume, cancel, retry, skip, confirm, redrive, replay."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.answers import answer, follow
from headgate.cli.options import (
    Manner,
    Parsed,
    Why,
    acting,
    driving,
    format_option,
    json_value,
    pair,
    placed,
    reason_option,
    request_option,
    said,
    yes_option,
)

if TYPE_CHECKING:
    from headgate.api.operating import Act
    from headgate.api.place import Driving, Place, Rest
    from headgate.plan import JsonObject


@click.command("pause")
@click.argument("run")
@reason_option
@request_option
@format_option("text", "json")
@placed
def pause(*, run: str, reason: str | None, request_id: str | None, output: str, place: Place) -> int:
    """Hold RUN: what is out finishes and is recorded, nothing new starts."""
    from headgate.api.operating import Act

    return _record(run, Act("pause", reason=reason, request_id=request_id), place, output)


@click.command("cancel")
@click.argument("run")
@reason_option
@yes_option
@request_option
@format_option("text", "json")
@placed
def cancel(*, run: str, reason: str | None, yes: bool, request_id: str | None, output: str, place: Place) -> int:
    """Cancel RUN. Completed steps keep their outputs, and nothing is undone."""
    from headgate.api.operating import Act

    if not yes and sys.stdin.isatty():
        click.confirm(f"cancel {run}? completed steps keep their outputs, nothing is undone", abort=True, err=True)
    return _record(run, Act("cancel", reason=reason, request_id=request_id), place, output)


@click.command("resume")
@click.argument("run")
@acting
@driving
@placed
def resume(
    *,
    run: str,
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Release an operator's hold of RUN, and drive it on. Holds that stay are named."""
    from headgate.api.operating import Act

    return _drive(run, Act("resume", reason=why.reason, request_id=why.request_id), place, manner)


@click.command("retry")
@click.argument("run")
@click.argument("step")
@click.option("--edit", "edits", type=pair, multiple=True, metavar="NAME=VALUE", help="Change an attribute first.")
@acting
@driving
@placed
def retry(
    *,
    run: str,
    step: str,
    edits: tuple[tuple[str, str], ...],
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Try STEP of RUN again: one that failed under a hold, or that is between attempts.

    The VALUE of an edit is written as the language writes it: "text", 3, {{ steps.a.result.b }}.
    """
    from headgate.api.editing import read_edits
    from headgate.api.operating import Act

    args: JsonObject = {"edit": read_edits(run, step, edits, place)} if edits else {}
    act = Act("retry", step=step, args=args, reason=why.reason, request_id=why.request_id)
    return _drive(run, act, place, manner)


@click.command("skip")
@click.argument("run")
@click.argument("step")
@click.option(
    "--output",
    "value",
    type=json_value,
    metavar="JSON",
    help="Stands in for the result the step declares.",
)
@acting
@driving
@placed
def skip(
    *,
    run: str,
    step: str,
    value: Parsed | None,
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Skip STEP of RUN: one that failed under a hold, is between attempts, waits or is held."""
    from headgate.api.operating import Act

    act = Act("skip", step=step, args=_output(value), reason=why.reason, request_id=why.request_id)
    return _drive(run, act, place, manner)


@click.command("confirm")
@click.argument("run")
@click.argument("step")
@click.option("--done/--not-done", "done", default=None, help="Whether the effect of the attempt happened.")
@click.option("--output", "value", type=json_value, metavar="JSON", help="With --done: the result the step declares.")
@acting
@driving
@placed
def confirm(
    *,
    run: str,
    step: str,
    done: bool | None,
    value: Parsed | None,
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Say whether the attempt in doubt of STEP happened: --done completes it, --not-done tries again."""
    from headgate.api.operating import Act

    if done is None:
        raise click.UsageError("say --done or --not-done: did the effect happen?")
    if value is not None and not done:
        raise click.UsageError("`--output` goes with --done")
    act = Act("confirm", step=step, args={"done": done, **_output(value)}, reason=why.reason, request_id=why.request_id)
    return _drive(run, act, place, manner)


@click.command("force-advance")
@click.argument("run")
@click.argument("step")
@click.option("--reason", type=said, required=True, metavar="TEXT", help="Why, for the record.")
@request_option
@driving
@placed
def force_advance(
    *,
    run: str,
    step: str,
    reason: str,
    request_id: str | None,
    manner: Manner,
    place: Place,
) -> int:
    """Force RUN past STEP, which is open: for admins, and with a reason.

    Where STEP waits for an approval or a review this is the admin's, and its action runs. Elsewhere STEP is skipped,
    what follows goes on, and what its attempt still brings is recorded but changes nothing.
    """
    from headgate.api.operating import Act

    act = Act("force_advance", step=step, reason=reason, request_id=request_id)
    return _drive(run, act, place, manner)


def _record(run: str, act: Act, place: Place, output: str) -> int:
    from headgate.api import operating
    from headgate.api.place import Driving

    return answer(operating.operate(run, act, place, Driving()), output)


def _drive(run: str, act: Act, place: Place, manner: Manner) -> int:
    from headgate.api import operating

    def do(how: Driving) -> Rest:
        return operating.operate(run, act, place, how)

    return follow(do, manner)


def _output(value: Parsed | None) -> JsonObject:
    return {} if value is None else {"output": value.value}
