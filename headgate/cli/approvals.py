"""The inbox: approvals, approve, deny."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.answers import follow
from headgate.cli.options import driving, format_option, placed, reason_option, request_option
from headgate.cli.output import colour_wanted, columns, print_json

if TYPE_CHECKING:
    from headgate.api.place import Place

STATUSES = ("pending", "approved", "denied", "expired", "cancelled")


@click.command("approvals")
@click.option("--status", "statuses", type=click.Choice(STATUSES), multiple=True, help="Those in this status.")
@click.option("--run", "run", metavar="RUN", help="Those of this run, whatever their status.")
@format_option("text", "json")
@placed
def approvals(*, statuses: tuple[str, ...], run: str | None, output: str, place: Place) -> None:
    """List the approvals that wait for somebody."""
    from headgate.api import history

    found = history.approvals(place, run, statuses or None)
    if output == "json":
        from headgate.render.approvals import approval_object

        print_json([approval_object(each._asdict()) for each in found])
    else:
        from headgate.render.approvals import approvals_text

        print(approvals_text([each._asdict() for each in found], width=columns(), colour=colour_wanted()), end="")


def _decision(verb: str, doc: str) -> click.Command:
    """The command that decides an approval one way."""

    @click.command(verb, help=doc)
    @click.argument("names", nargs=-1, required=True, metavar="APPROVAL | RUN STEP")
    @click.option("--comment", metavar="TEXT", help="What to say with it.")
    @reason_option
    @request_option
    @format_option("text", "json")
    @driving
    @placed
    def decide(
        *,
        names: tuple[str, ...],
        comment: str | None,
        reason: str | None,
        request_id: str | None,
        output: str,
        wait_ms: int | None,
        detach: bool,
        place: Place,
    ) -> int:
        from headgate.api import operating

        _one_or_two(names)
        said = comment if comment is not None else reason
        act = operating.Act(verb, args={"comment": said} if said else {}, reason=reason, request_id=request_id)
        step = names[1] if len(names) > 1 else None
        return follow(
            lambda how: operating.decide(names[0], step, act, place, how), wait_ms, detach=detach, output=output
        )

    return decide


approve = _decision("approve", "Approve, and drive the run on.")
deny = _decision("deny", "Deny, and drive the run on: what was asked about does not run.")


def _one_or_two(names: tuple[str, ...]) -> None:
    if len(names) > 2:
        raise click.UsageError("give an approval's id, or a run and a step")
