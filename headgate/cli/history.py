"""What happened: runs, show, events, timeline, why."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import click

from headgate.cli.connections import banner
from headgate.cli.options import format_option, placed, vocabulary_option, when
from headgate.cli.output import colour_wanted, columns, print_json
from headgate.cli.watching import show_once_or_watch, watch_option
from headgate.records import NamedTuple

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.runtime.store import RunFilter

RECENTLY = "24h"
STATUSES = (
    "scheduled", "queued", "starting", "running", "retrying", "interrupted", "waiting", "paused", "draining",
    "cancelling", "completed", "failed", "cancelled", "skipped", "stalled",
)  # fmt: skip
"""As `runtime/status.py` lists them; repeated here so that help needs no runtime, and compared in a test."""

ANY = "any"
HOLDS = ("operator", "reauth", "step_failed", "in_doubt", "throughput", "spend_cap", "credits", "interrupted")
"""As `HoldReason` there."""


@click.command("runs")
@click.option(
    "--status", "statuses", multiple=True, metavar="STATUS", help="Those in this status; many times, or with commas."
)
@click.option("--workflow", metavar="NAME", help="Those of this workflow.")
@click.option("--trigger", metavar="NAME", help="Those this trigger started.")
@click.option("--since", type=when, metavar="TIME", help="Created at or after: a date, a time, or `24h` ago.")
@click.option("--until", type=when, metavar="TIME", help="Created before.")
@click.option("--open", "open_only", is_flag=True, help="Those that have not ended.")
@click.option(
    "--held",
    metavar="[REASON]",
    type=click.Choice((ANY, *HOLDS)),
    is_flag=False,
    flag_value=ANY,
    help="Those that a hold stops, or one for REASON; `reauth`: those paused for reauth.",
)
@click.option("--overdue", is_flag=True, help="Those that are scheduled and whose time is past.")
@click.option("--failed-recently", is_flag=True, help="Those that failed in the last 24 hours, each with its error.")
@click.option("--counts", is_flag=True, help="How many there are, by workflow and status.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="At most N, the newest.")
@click.option("--before", metavar="RUN", help="Those older than RUN: the next page after a list that ended with it.")
@vocabulary_option
@watch_option
@format_option("text", "json")
@placed
def runs(
    *,
    statuses: tuple[str, ...],
    workflow: str | None,
    trigger: str | None,
    held: str | None,
    since: int | None,
    until: int | None,
    open_only: bool,
    overdue: bool,
    failed_recently: bool,
    counts: bool,
    limit: int | None,
    before: str | None,
    vocabulary: str | None,
    watch: bool,
    output: str,
    place: Place,
) -> None:
    """List runs, the newest first. With --vocabulary, STATUS is one of its words.

    The list of one workflow (--workflow) says of its newest runs how each step stands.
    """
    from headgate.runtime.store import RunFilter

    shown = Shown(counts=counts, failures=failed_recently, steps=workflow is not None)
    chosen = RunFilter((), workflow, trigger, since, until, open_only, limit, held is not None, before)
    if held in HOLDS:
        chosen = chosen._replace(hold=held)
    if overdue:
        chosen = chosen._replace(overdue_at=when("0s"))
    if failed_recently:
        chosen = chosen._replace(failed_since=when(RECENTLY))
    words = _listed(statuses)
    if vocabulary is None:
        chosen, words = chosen._replace(statuses=_statuses(words)), ()
    show_once_or_watch(partial(_runs, chosen, words, vocabulary, shown, output, place), place, output, watch=watch)


class Shown(NamedTuple):
    """What of the runs is shown: how many there are, how they failed, how their steps stand."""

    counts: bool
    failures: bool
    steps: bool


def _runs(
    chosen: RunFilter, words: tuple[str, ...], vocabulary: str | None, shown: Shown, output: str, place: Place
) -> bool:
    from headgate.api import history

    if shown.counts:
        _counts(chosen, output, place)
        return True
    called = None if vocabulary is None else history.runs_called(words, chosen, vocabulary, place)
    found = history.runs(chosen, place) if called is None else called
    banner(place)
    steps = history.breakdowns(found, place) if shown.steps else {}
    if output == "json":
        from headgate.render.run_json import breakdown_list, listed_object

        print_json(
            [
                {**listed_object(view), "breakdown": breakdown_list(steps[view.run])}
                if view.run in steps
                else listed_object(view)
                for view in found
            ]
        )
    elif shown.failures:
        from headgate.render.runs_text import failures_text

        print(failures_text(found, width=columns(), colour=colour_wanted()), end="")
    else:
        from headgate.render.runs_text import runs_text
        from headgate.runtime.clock import SystemClock

        print(runs_text(found, SystemClock().now_ms(), steps, width=columns(), colour=colour_wanted()), end="")
    return True


def _counts(chosen: RunFilter, output: str, place: Place) -> None:
    from headgate.api import history
    from headgate.render.runs_text import counts_text

    found = history.counts(chosen, place)
    if output == "json":
        print_json({workflow: {**by_status} for workflow, by_status in found.items()})
    else:
        print(counts_text(found, width=columns(), colour=colour_wanted()), end="")


@click.command("show")
@click.argument("run")
@vocabulary_option
@watch_option
@format_option("text", "json")
@placed
def show(*, run: str, vocabulary: str | None, watch: bool, output: str, place: Place) -> None:
    """Show RUN with its steps, its output or failure, and what may be done next."""
    show_once_or_watch(partial(_show, run, vocabulary, output, place), place, output, watch=watch)


def _show(run: str, vocabulary: str | None, output: str, place: Place) -> bool:
    from headgate.api import history
    from headgate.cli import answers

    view = history.show(run, place, vocabulary)
    banner(place)
    answers.show(view, output)
    return view.ended_at is None


@click.command("events")
@click.argument("run")
@format_option("text", "json")
@placed
def events(*, run: str, output: str, place: Place) -> None:
    """Print the event log of RUN: all that happened to it, in order."""
    from headgate.api import history

    found = history.events(run, place)
    if output == "json":
        from headgate.render.run_json import events_list

        print_json(events_list(found))
    else:
        from headgate.render.events_text import events_text

        print(events_text(found, width=columns(), colour=colour_wanted()), end="")


@click.command("timeline")
@click.argument("run")
@vocabulary_option
@watch_option
@format_option("text", "json")
@placed
def timeline(*, run: str, vocabulary: str | None, watch: bool, output: str, place: Place) -> None:
    """Draw RUN as a Gantt chart: when each step ran, waited, was retried or held, and what came of it."""
    show_once_or_watch(partial(_timeline, run, vocabulary, output, place), place, output, watch=watch)


def _timeline(run: str, vocabulary: str | None, output: str, place: Place) -> bool:
    from headgate.api import history
    from headgate.render.timeline import timeline_object, timeline_text
    from headgate.runtime.clock import SystemClock

    view, found = history.whole_run(run, place, vocabulary)
    if output == "json":
        print_json(timeline_object(view, found))
    else:
        print(timeline_text(view, found, SystemClock().now_ms(), width=columns(), colour=colour_wanted()), end="")
    return view.ended_at is None


@click.command("why")
@click.argument("name", metavar="RUN|WORKFLOW")
@format_option("text", "json")
@placed
def why(*, name: str, output: str, place: Place) -> None:
    """Say what holds RUN, or why WORKFLOW starts no runs: since when, who can clear it, and the command that does.

    Of a workflow that dispatches it says what each trigger last did, and when it is due. A run's id begins with a
    digit, a workflow's name never does.
    """
    from headgate.api import history
    from headgate.render.why import why_list, why_text

    found = [each._asdict() for each in history.why(name, place)]
    if output == "json":
        print_json(why_list(found))
    else:
        print(why_text(found, width=columns(), colour=colour_wanted()), end="")


def _listed(given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.strip() for each in given for name in each.split(",") if name.strip())


def _statuses(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each of which must be a status."""
    for name in names:
        if name not in STATUSES:
            from headgate.diagnostics import nearest

            guess = nearest(name, STATUSES)
            hint = f"did you mean `{guess}`?" if guess else "expected one of " + ", ".join(STATUSES)
            raise click.BadParameter(f"no status `{name}`; {hint}")
    return names
