"""Runs for people: the list, one run with its steps, and what to do next."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote
from textwrap import indent

from headgate.plan import Json
from headgate.render.columns import printable
from headgate.render.picture import shorten
from headgate.render.rounds import round_lines
from headgate.render.tables import Cell, table
from headgate.render.words import coloured, moment, run_facts, span, step_facts
from headgate.runtime.events import SYSTEM
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.status import HOLD_RULES, HoldReason
from headgate.runtime.view import RunView, StepView

VALUE_LIMIT = 100
NO_STEPS: Mapping[str, Mapping[str, StepView]] = {}


def runs_text(
    views: Sequence[RunView],
    now: int,
    steps: Mapping[str, Mapping[str, StepView]] = NO_STEPS,
    *,
    width: int | None,
    colour: bool,
) -> str:
    """The list, a line a run; a sentence when there is none. Where the `steps` of runs are given, how each stands."""
    if not views:
        return "no runs\n"
    rows = [
        (view.run, view.workflow, run_status(view), view.trigger, moment(view.created_at), _took(view, now), _why(view))
        for view in views
    ]
    heads = ("run", "workflow", "status", "trigger", "created (UTC)", "took", "detail")
    if steps:
        rows = [(*row, _breakdown(steps.get(view.run, {}))) for row, view in zip(rows, views, strict=True)]  # type: ignore[misc]
        heads = (*heads, "steps")  # type: ignore[assignment]
    return table(heads, rows, width=width, colour=colour)


def failures_text(views: Sequence[RunView], *, width: int | None, colour: bool) -> str:
    """What failed, each with the first step that failed, its error, and the command that shows the rest."""
    if not views:
        return "nothing failed\n"
    rows = [
        (
            view.run,
            view.workflow,
            moment(view.ended_at or view.created_at),
            "" if view.failure is None or view.failure.step is None else view.failure.step,
            "" if view.failure is None else f"{view.failure.code}: {view.failure.message or ''}",
        )
        for view in views
    ]
    text = table(("run", "workflow", "failed (UTC)", "step", "error"), rows, width=width, colour=colour)
    return text + f"\nnext:\n  headgate show {views[0].run}\n"


def counts_text(counts: Mapping[str, Mapping[str, int]], *, width: int | None, colour: bool) -> str:
    """How many runs of each workflow, by status."""
    if not counts:
        return "no runs\n"
    rows = [
        (workflow, str(sum(found.values())), ", ".join(f"{number} {status}" for status, number in found.items()))
        for workflow, found in counts.items()
    ]
    return table(("workflow", "runs", "by status"), rows, width=width, colour=colour)


def _breakdown(steps: Mapping[str, StepView]) -> str:
    return "  ".join(f"{step_facts(step.status).mark} {path}" for path, step in steps.items() if "." not in path)


def run_status(view: RunView) -> Cell:
    """The run's status with its mark."""
    facts = run_facts(view.status)
    overdue = " (overdue)" if view.overdue else ""
    return Cell(f"{facts.mark} {view.word or view.status}{overdue}", facts.colour)


def run_text(view: RunView, now: int, *, width: int | None, colour: bool) -> str:
    """One run: how it stands, its steps, its output or failure, and the commands that may follow."""
    status = run_status(view)
    head = coloured(status.text, status.colour) if colour else status.text
    detail = f" ({view.detail})" if view.detail else ""
    named = view.workflow if view.version is None else f"{view.workflow}@{view.version}"
    lines = [f"{named} {view.run}  {head}{detail}  {_took(view, now)}", ""]
    text = "\n".join(lines) + table(
        ("step", "kind", "status", "attempts", "took", "detail"),
        [_step_row(path, step, now) for path, step in view.steps.items()],
        width=width,
        colour=colour,
    )
    return text + "".join(f"{part}\n" for part in _endings(view))


def next_commands(view: RunView) -> Iterator[str]:
    """The commands that move the run on, most likely first."""
    for path, step in view.steps.items():
        if step.status == "waiting" and step.detail == "form" and step.kind == "human":
            yield f"headgate answer {view.run} {path} -i NAME=VALUE"
            yield f"headgate deny {view.run} {path}"
        elif step.status == "waiting" and step.kind == "wait" and isinstance(step.input, dict):
            yield f"headgate signal {quote(str(step.input.get('event')))} --run {view.run}"
        elif asks_a_person(step):
            yield f"headgate approve {view.run} {path}"
            yield f"headgate deny {view.run} {path}"
    for hold in view.holds:
        if hold.release:
            yield hold.release
        if hold.reason == "in_doubt":
            yield f"headgate confirm {view.run} {hold.step} --not-done"
        elif hold.reason == "step_failed":
            yield f"headgate skip {view.run} {hold.step}"
    if view.status in {"failed", "cancelled"}:
        yield f"headgate redrive {view.run}"
    elif view.status in {"interrupted", "retrying"} or (view.status == "waiting" and view.detail == "timer"):
        yield f"headgate drive {view.run}"
    elif view.status == "queued" or any(_waits_elsewhere(step) for step in view.steps.values()):
        yield f"headgate why {view.run}"


def _waits_elsewhere(step: StepView) -> bool:
    """Whether it waits for another run, or for whoever has its token; loops only say it of what is in them."""
    return step.status == "waiting" and step.detail in {"subrun", "callback"} and step.kind not in {"each", "repeat"}


def asks_a_person(step: StepView) -> bool:
    """Whether the step itself, not one inside it, waits for a decision."""
    return step.status == "waiting" and step.detail in {"approval", "review"} and step.kind not in {"each", "repeat"}


def _step_row(path: str, step: StepView, now: int) -> tuple[Cell | str, ...]:
    facts = step_facts(step.status)
    took = "" if step.started_at is None else span((step.ended_at or now) - step.started_at)
    attempts = str(step.attempts) if step.attempts > 1 else ""
    return (
        path,
        step.kind,
        Cell(f"{facts.mark} {step.word or step.status}", facts.colour),
        attempts,
        took,
        step_remark(step),
    )


def step_remark(step: StepView) -> str:
    """What is worth saying of a step in a line: its error, or why it stands as it does."""
    if isinstance(step.error, dict):
        return f"{step.error.get('code')}: {step.error.get('message')}"
    return step.detail or ""


def _endings(view: RunView) -> Iterator[str]:
    if view.failure is not None:
        at = f" at `{view.failure.step}`" if view.failure.step else ""
        facts = FAILURE_CODES.get(view.failure.code)
        said = view.failure.message or (facts.meaning if facts else "")
        yield f"\n{view.status}{at}: {view.failure.code}: {printable(said)}"
    for path, step in view.steps.items():
        if step.rounds:
            yield f"\n{path}:"
            yield "\n".join(f"  {line}" for line in round_lines(step))
    for hold in view.holds:
        at = f" at `{hold.step}`" if hold.step else ""
        note = f' "{printable(hold.note)}"' if hold.note else ""
        yield f"\nheld: {hold.reason}{at} by {hold.by} since {moment(hold.since)} UTC{note}"
        if hold.by == SYSTEM:
            yield f"  {HOLD_RULES[HoldReason(hold.reason)].meaning}"
    if view.output:
        yield "\noutput:"
        yield indent(_values(view.output), "  ")
    commands = list(dict.fromkeys(next_commands(view)))
    if commands:
        yield "\nnext:"
        yield "\n".join(f"  {command}" for command in commands)


def _values(output: Json) -> str:
    if not isinstance(output, dict):
        return _value(output)
    width = max(map(len, output), default=0)
    return "\n".join(f"{name.ljust(width)}  {_value(value)}" for name, value in output.items())


def _value(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(shorten(text, VALUE_LIMIT))


def _took(view: RunView, now: int) -> str:
    return span((view.ended_at or now) - (view.started_at or view.created_at))


def _why(view: RunView) -> str:
    if view.failure is not None:
        return f"{view.failure.code} at {view.failure.step}" if view.failure.step else str(view.failure.code)
    return _waits_for_connections(view) or view.detail or ""


def _waits_for_connections(view: RunView) -> str | None:
    """A run that is held for connections alone, in the words of the filter; an agent's run says that it waits."""
    if not view.holds or any(hold.connection is None for hold in view.holds):
        return None
    names = ", ".join(dict.fromkeys(str(hold.connection) for hold in view.holds))
    said = "Awaiting reauth" if all(hold.by_itself for hold in view.holds) else "Paused for reauth"
    return f"{said}: {names}"
