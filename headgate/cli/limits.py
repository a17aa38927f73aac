"""Breakers, caps and credits: limits, credits, resume-workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.options import duration, format_option, placed, reason_option, request_option
from headgate.cli.output import colour_wanted, columns, print_json

if TYPE_CHECKING:
    from headgate.api.limiting import Answered
    from headgate.api.place import Place
    from headgate.plan import JsonObject

workflow_option = click.option("--workflow", metavar="NAME", help="Of this workflow alone, else of the workspace.")


@click.group("limits", invoke_without_command=True)
@format_option("text", "json")
@placed
@click.pass_context
def limits(context: click.Context, *, output: str, place: Place) -> None:
    """Show what is used of each limit, when it rolls over, and what clears one that is open."""
    if context.invoked_subcommand is not None:
        return
    from headgate.api.limits import limits_view
    from headgate.render.limits import limits_list, limits_text

    found = [each._asdict() for each in limits_view(place)]
    if output == "json":
        print_json(limits_list(found))
    else:
        print(limits_text(found, width=columns(), colour=colour_wanted()), end="")


@limits.group("set")
def limits_set() -> None:
    """Lay a limit over what headgate.toml and the workflows say. What it releases goes on with the next drive."""


@limits_set.command("spend")
@click.option("--cap", type=click.FloatRange(min=0), metavar="USD", help="How much may be spent in a period.")
@click.option("--soft", type=click.FloatRange(0, 1), metavar="SHARE", help="From which share of the cap on it is near.")
@click.option("--period", type=click.Choice(["day", "week", "month"]), help="By the calendar, in UTC.")
@workflow_option
@reason_option
@format_option("text", "json")
@placed
def limits_set_spend(
    *,
    cap: float | None,
    soft: float | None,
    period: str | None,
    workflow: str | None,
    reason: str | None,
    output: str,
    place: Place,
) -> None:
    """Cap what the calls of models cost."""
    given: JsonObject = {"cap": cap, "soft": soft, "period": period}
    table: JsonObject = {name: value for name, value in given.items() if value is not None}
    _set("spend", workflow, table, reason, output, place)


@limits_set.command("throughput")
@click.option("--max", "most", type=click.IntRange(min=1), metavar="N", required=True, help="How many runs at most.")
@click.option("--per", type=duration, metavar="DURATION", required=True, help="In which span.")
@workflow_option
@reason_option
@format_option("text", "json")
@placed
def limits_set_throughput(
    *, most: int, per: int, workflow: str | None, reason: str | None, output: str, place: Place
) -> None:
    """Set how many runs of a workflow may start in a span of time before its breaker trips."""
    table: JsonObject = {"max": most, "per": per}
    _set("throughput", workflow, table, reason, output, place)


def _set(limit: str, workflow: str | None, table: JsonObject, reason: str | None, output: str, place: Place) -> None:
    from headgate.api.faults import UsageFault
    from headgate.api.limiting import set_limit

    if not table:
        raise UsageFault("say what to set: `--cap`, `--soft` or `--period`")
    _tell(set_limit(limit, workflow, table, place, reason), output)


@limits.command("reset")
@click.argument("limit", type=click.Choice(["spend", "throughput"]))
@workflow_option
@reason_option
@format_option("text", "json")
@placed
def limits_reset(*, limit: str, workflow: str | None, reason: str | None, output: str, place: Place) -> None:
    """Take away what `limits set` laid over LIMIT, so that headgate.toml and the workflows count again."""
    from headgate.api.limiting import reset_limit

    _tell(reset_limit(limit, workflow, place, reason), output)


@click.group("credits", invoke_without_command=True)
@format_option("text", "json")
@placed
@click.pass_context
def credits_command(context: click.Context, *, output: str, place: Place) -> None:
    """Show what is left of the credits, in the order in which they are spent."""
    if context.invoked_subcommand is not None:
        return
    from headgate.api.limits import credits_view
    from headgate.render.limits import credits_object, credits_text

    found = credits_view(place)
    facts = {**found._asdict(), "buckets": [each._asdict() for each in found.buckets]}
    if output == "json":
        print_json(credits_object(facts))
    else:
        print(credits_text(facts, width=columns(), colour=colour_wanted()), end="")


@credits_command.command("add")
@click.argument("number", type=click.IntRange(min=1), metavar="N")
@reason_option
@format_option("text", "json")
@placed
def credits_add(*, number: int, reason: str | None, output: str, place: Place) -> None:
    """Add N credits, and let go what waits for some. They are spent after the trial's and the included ones."""
    from headgate.api.limiting import add_credits

    _tell(add_credits(number, place, reason), output)


@credits_command.command("release")
@reason_option
@format_option("text", "json")
@placed
def credits_release(*, reason: str | None, output: str, place: Place) -> None:
    """Let go what waits for credits, after a provider's own quota was raised."""
    from headgate.api.limiting import add_credits

    _tell(add_credits(0, place, reason), output)


@click.command("resume-workflow")
@click.argument("workflow")
@reason_option
@request_option
@format_option("text", "json")
@placed
def resume_workflow(*, workflow: str, reason: str | None, request_id: str | None, output: str, place: Place) -> None:
    """Release the throughput breaker of WORKFLOW; the runs that it held start with the next drive, in lots.

    Refused for a spend cap, which is cleared by raising it or by its period's end.
    """
    from headgate.api import limiting

    _tell(limiting.resume_workflow(workflow, place, reason, request_id), output)


def _tell(answered: Answered, output: str) -> None:
    if output == "json":
        print_json({"message": answered.message, "released": answered.released})
    else:
        print(answered.message)
