"""Workflows for people: the list, and one with its versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from headgate.render.tables import Cell, table
from headgate.render.words import coloured, moment
from headgate.render.workflow_json import Workflow
from headgate.runtime.workflow_status import WORKFLOW_STATUSES, WorkflowStatus


def workflows_text(views: Sequence[Workflow], *, width: int | None, colour: bool) -> str:
    """The list, a line a workflow; a sentence when there is none."""
    if not views:
        return "no workflows; `headgate publish FILE` publishes one\n"
    rows = [
        (view.name, _status(view.status), _version(view), open_runs(view.runs), _next(view), view.badge)
        for view in views
    ]
    return table(("workflow", "status", "version", "open runs", "next (UTC)", ""), rows, width=width, colour=colour)


def workflow_text(view: Workflow, *, width: int | None, colour: bool) -> str:
    """One workflow: how it stands, its schedules, its versions."""
    status = _status(view.status)
    head = coloured(status.text, status.colour) if colour else status.text
    lines = [f"{view.name}  {head}  {view.badge}"]
    if view.reason:
        lines.append(f'  "{view.reason}" by {view.by} at {moment(view.since)} UTC')
    lines.append(f"  open runs: {open_runs(view.runs) or 'none'}")
    lines += _schedules(view)
    versions = [
        (
            str(each.number),
            each.status,
            each.title if each.status == "draft" else "",
            moment(each.published_at if each.published_at is not None else each.made_at),
            each.published_by or each.made_by,
            each.path,
            each.note or "",
        )
        for each in reversed(view.versions)
    ]
    heads = ("version", "status", "", "at (UTC)", "by", "file", "note")
    return "\n".join(lines) + "\n\n" + table(heads, versions, width=width, colour=colour)


def open_runs(counts: Mapping[str, int]) -> str:
    """`2 running, 1 waiting`, or empty."""
    return ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


def _schedules(view: Workflow) -> Iterator[str]:
    for each in view.triggers:
        due = "not due" if each.next_at is None else f"next at {moment(each.next_at)} UTC"
        last = "" if each.last is None else f", last at {moment(each.last.due_at)} UTC"
        yield f"  trigger {each.name}: {each.cron} ({each.timezone}), {due}{last}"


def _status(status: str) -> Cell:
    facts = WORKFLOW_STATUSES[WorkflowStatus(status)]
    return Cell(f"{facts.mark} {status}", facts.colour)


def _version(view: Workflow) -> str:
    if view.active is not None:
        drafts = [each for each in view.versions if each.status == "draft"]
        return f"v{view.active}" + (f" + {drafts[-1].title}" if drafts else "")
    return view.detail or "" if view.status == WorkflowStatus.DRAFT else ""


def _next(view: Workflow) -> str:
    times = [each.next_at for each in view.triggers if each.next_at is not None]
    return moment(min(times)) if times else ""
