"""Over all runs: audit, report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed, when
from headgate.cli.output import colour_wanted, columns, print_json

if TYPE_CHECKING:
    from headgate.api.place import Place

PERIODS = ("day", "week", "month", "all")

workflow_option = click.option("--workflow", metavar="NAME", help="Of this workflow.")
since_option = click.option("--since", type=when, metavar="TIME", help="From: a date, a time, or `24h` ago.")
until_option = click.option("--until", type=when, metavar="TIME", help="Before.")


@click.command("audit")
@click.argument("run", required=False)
@workflow_option
@click.option("--by", "by", metavar="NAME", help="What this person did.")
@since_option
@until_option
@format_option("text", "json")
@placed
def audit(
    *,
    run: str | None,
    workflow: str | None,
    by: str | None,
    since: int | None,
    until: int | None,
    output: str,
    place: Place,
) -> None:
    """Say who started, approved, edited, forced, paused or ended what, and when: of RUN, or of all.

    It is read from the logs, where every act has its actor, its time and its reason. Names are claimed with --as, but
    for those of one-time links (auth = link).
    """
    from headgate.api import reporting
    from headgate.runtime.store import ActsFilter

    found = reporting.audit(ActsFilter(run, workflow, since, until, by), place)
    rows = [each._asdict() for each in found]
    if output == "json":
        from headgate.render.reports import audit_list

        print_json(audit_list(rows))
    else:
        from headgate.render.reports import audit_text

        print(audit_text(rows, width=columns(), colour=colour_wanted()), end="")


@click.command("report")
@click.option("--per", "period", type=click.Choice(PERIODS), default="day", show_default=True, help="The period.")
@workflow_option
@since_option
@until_option
@format_option("text", "json")
@placed
def report(
    *, period: str, workflow: str | None, since: int | None, until: int | None, output: str, place: Place
) -> None:
    """Count the runs of each workflow by the period (UTC) in which they were made, and by what they came to."""
    from headgate.api import reporting
    from headgate.runtime.store import ActsFilter

    found = reporting.report(period, ActsFilter(None, workflow, since, until), place)
    rows = [each._asdict() for each in found]
    if output == "json":
        from headgate.render.reports import report_list

        print_json(report_list(rows))
    else:
        from headgate.render.reports import report_text

        print(report_text(rows, width=columns(), colour=colour_wanted()), end="")
