"""For those who help: a run's log in words, and everything about it in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed
from headgate.cli.output import colour_wanted, print_json, say

if TYPE_CHECKING:
    from headgate.api.bundling import Material
    from headgate.api.place import Place
    from headgate.runtime.events import Event

LEVELS = ("info", "warning", "error")


@click.command("logs")
@click.argument("run")
@click.option("--step", metavar="STEP", help="Only this step, and what is inside it.")
@click.option("--level", type=click.Choice(LEVELS), default="info", show_default=True, help="This bad, or worse.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new lines until the run has ended, or Ctrl-C.")
@format_option("text", "json")
@placed
def logs(*, run: str, step: str | None, level: str, follow: bool, output: str, place: Place) -> None:
    """Print what happened to RUN in words, a line each, and what its steps printed; secrets are masked.

    What a `lua` step prints is kept with its attempt, up to 8192 characters. `events` has all the data.
    """
    from headgate.api import history

    view, found = history.whole_run(run, place)
    if step is not None and step not in view.steps:
        names = ", ".join(f"`{name}`" for name in list(view.steps)[:8])
        raise click.UsageError(f"run {view.run} has no step `{step}`; it has {names}")
    if not follow:
        _print(found, step, level, output)
        return
    if output == "json":
        raise click.UsageError("`--follow` prints text; `events --format json` gives what there is as JSON")
    _follow(view.run, step, level, place)


def _print(found: tuple[Event, ...], step: str | None, level: str, output: str) -> None:
    from headgate.render.logs import log_lines, logs_list, logs_text

    lines = log_lines(found, step, level)
    if output == "json":
        print_json(logs_list(lines))
    else:
        print(logs_text(lines, colour=colour_wanted()), end="", flush=True)


def _follow(run: str, step: str | None, level: str, place: Place) -> None:
    from headgate.api import history
    from headgate.cli.watching import watch_changes

    told = 0
    ended = False

    def more() -> int:
        nonlocal told, ended
        view, found = history.whole_run(run, place)
        ended = view.ended_at is not None
        _print(found[told:], step, level, "text")
        told = len(found)
        return 0

    with history.changes(place) as stamp:
        watch_changes(more, stamp, clear=False, done=lambda: ended, quiet=True)


@click.command("bundle")
@click.argument("run")
@click.option("-o", "target", metavar="FILE", help="Write it there, else to headgate-RUN.zip.")
@placed
def bundle(*, run: str, target: str | None, place: Place) -> None:
    """Put all that somebody who helps needs to know of RUN into one zip file, with every secret masked.

    Workflow, run, failure code, step and time, the events, the log in words, the timeline, why it stands still, its
    plan, and the versions and names (no values) of what it ran on. Read it before you send it.
    """
    from pathlib import Path

    from headgate.api import bundling

    parts: dict[str, bundling.Part] = {
        "run.json": lambda material: _json(_run(material)),
        "events.json": lambda material: _json(_events(material)),
        "why.json": lambda material: _json(_why(material)),
        "run.txt": _text,
        "log.txt": _log,
        "timeline.txt": _timeline,
    }
    made = bundling.bundle(run, None if target is None else Path(target), parts, place)
    print(made)
    say(["look through it before you send it: results and messages are as they were"])


def _json(value: object) -> str:
    from json import dumps

    return dumps(value, ensure_ascii=False, indent=2) + "\n"


def _run(material: Material) -> object:
    from headgate.render.run_json import run_object

    return run_object(material.view)


def _events(material: Material) -> object:
    from headgate.render.run_json import events_list

    return events_list(material.events)


def _why(material: Material) -> object:
    from headgate.render.why import why_list

    return why_list([each._asdict() for each in material.reasons])


def _text(material: Material) -> str:
    from headgate.render.runs_text import run_text
    from headgate.runtime.clock import SystemClock

    return run_text(material.view, SystemClock().now_ms(), width=None, colour=False)


def _log(material: Material) -> str:
    from headgate.render.logs import log_lines, logs_text

    return logs_text(log_lines(material.events), colour=False)


def _timeline(material: Material) -> str:
    from headgate.render.timeline import timeline_text
    from headgate.runtime.clock import SystemClock

    return timeline_text(material.view, material.events, SystemClock().now_ms(), width=None, colour=False)
