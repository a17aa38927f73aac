"""Why a workflow starts no runs, or that it does: what stops it, and what each of its triggers last did."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.api.published import named
from headgate.api.site import Site
from headgate.api.workflows import WorkflowView, no_such_workflow, view_of
from headgate.plan import Json, JsonObject, PlanIntegrity
from headgate.runtime.loading import PlanShelf
from headgate.runtime.occasions import due_between, overlap_of
from headgate.runtime.store import Reader, RunFilter
from headgate.runtime.times import iso
from headgate.runtime.why import Reason
from headgate.runtime.workflow_log import Mark, derive_workflow
from headgate.runtime.workflow_status import Breaker, WorkflowStatus

ADMINS, ANYBODY = "an operator", "anybody"
COUNTED = 1000
_SERVED_LATER = frozenset({"webhook", "poll", "form"})


def is_workflow(name: str) -> bool:
    """Whether the argument of `why` means a workflow: a run's id begins with a digit, a workflow's name never does."""
    found = named(name)
    return found is not None and found.version is None


def why_workflow(name: str, site: Site) -> tuple[Reason, ...]:
    """Everything that keeps the workflow from dispatching, else what its triggers did; never empty.

    Raises `NothingStarted` when nothing was ever published under the name.
    """
    with site.reading() as read:
        if read is None:
            raise no_such_workflow(name, ())
        now = site.clock.now_ms()
        view = view_of(read, name, now)
        if view is None:
            raise no_such_workflow(name, read.workflow_names())
        found = tuple(_stopped(view, _mark(read, name))) or (_active(view), *_triggers(read, view, now))
        return (*found, *_overdue(read, name, now))


def _mark(read: Reader, name: str) -> Mark:
    """What made the workflow stand as it does."""
    since = derive_workflow(read.workflow_state(name)).since
    return since if since is not None else Mark(0, "")


def _stopped(view: WorkflowView, mark: Mark) -> Iterator[Reason]:
    name, because = view.name, f" ({mark.reason})" if mark.reason else ""
    match view.status:
        case WorkflowStatus.ARCHIVED:
            message = f"`{name}` is archived by {mark.by}{because}: nothing starts it"
            yield Reason("workflow", name, mark.at, ANYBODY, f"headgate enable {name}", message)
        case WorkflowStatus.DISABLED:
            message = f"`{name}` is disabled by {mark.by}{because}: nothing starts it"
            yield Reason("workflow", name, mark.at, ANYBODY, f"headgate enable {name}", message)
        case WorkflowStatus.DRAFT:
            yield _draft(view)
        case WorkflowStatus.PAUSED_SAFETY:
            yield from _tripped(view)
        case WorkflowStatus.PUBLISHED:
            return


def _draft(view: WorkflowView) -> Reason:
    name, draft = view.name, view.draft
    inactive = [each for each in view.versions if each.status == "inactive"]
    command = f"headgate activate {name}"
    if draft is not None:
        message = f"`{name}` is a draft: version {draft.number} is not published, and no version is active"
        return Reason("workflow", name, view.since, ANYBODY, f"{command} {draft.number}", message)
    if inactive:
        numbers = ", ".join(str(each.number) for each in inactive)
        are = f"versions {numbers} are" if len(inactive) > 1 else f"version {numbers} is"
        message = f"`{name}` is a draft: {are} inactive, and no version is active"
        return Reason("workflow", name, view.since, ANYBODY, command, message)
    message = f"`{name}` is a draft: all its versions are archived"
    return Reason("workflow", name, view.since, ANYBODY, "headgate publish FILE", message)


def _tripped(view: WorkflowView) -> Iterator[Reason]:
    for each in view.breakers:
        said = each.message if view.name in each.message else f"`{view.name}` is paused for safety: {each.message}"
        command = f"headgate resume-workflow {view.name}" if each.breaker == Breaker.THROUGHPUT else "headgate limits"
        yield Reason("breaker", each.breaker, each.since, ADMINS, command, said)


def _active(view: WorkflowView) -> Reason:
    version = view.active_version
    since = None if version is None else version.published_at
    message = f"`{view.name}` is published: version {view.active} is active and dispatching"
    return Reason("workflow", view.name, since, ANYBODY, f"headgate run {view.name}", message)


def _triggers(read: Reader, view: WorkflowView, now: int) -> Iterator[Reason]:
    version = view.active_version
    assert version is not None, "a workflow that dispatches has an active version"
    try:
        triggers = PlanShelf(read).plan(version.plan_digest).triggers
    except PlanIntegrity as fault:
        message = f"PLAN_INTEGRITY: version {version.number} cannot run: {fault}"
        yield Reason("workflow", view.name, None, "us", "headgate publish FILE", message)
        return
    for name, written in triggers.items():
        if isinstance(written, dict):
            yield _trigger(read, view, name, written, now)


def _trigger(read: Reader, view: WorkflowView, name: str, written: JsonObject, now: int) -> Reason:
    kind, config = str(written.get("kind")), _object(written.get("config"))
    if written.get("enabled") is False:
        message = f"trigger `{name}` has `enabled = false`: it starts nothing"
        return Reason("trigger", name, None, "its author", "headgate publish FILE", message)
    if kind == "manual":
        message = f"trigger `{name}` starts it by hand{_last_by_hand(read, view.name)}"
        return Reason("trigger", name, None, ANYBODY, f"headgate run {view.name}", message)
    if kind in _SERVED_LATER:
        message = f"trigger `{name}` is a {kind}, which this version does not serve: it has never fired"
        return Reason("trigger", name, None, None, f"headgate run {view.name}", message)
    last = _last(read, view.name, name)
    since = None if last is None else last[1]
    said = f"trigger `{name}` has never fired" if last is None else f"trigger `{name}` {last[0]}"
    if kind == "event":
        event = config.get("event")
        return Reason(
            "trigger", name, since, ANYBODY, f"headgate signal {event}", f"{said}; it waits for the event `{event}`"
        )
    due, command = _due(read, view, name, config, now)
    return Reason("trigger", name, since, None if command is None else ANYBODY, command, f"{said}; {due}")


def _due(read: Reader, view: WorkflowView, name: str, config: JsonObject, now: int) -> tuple[str, str | None]:
    """What a schedule waits for, and the command that moves it on."""
    shown = next((each for each in view.triggers if each.name == name), None)
    schedule = read.workflow_state(view.name).schedules.get(name)
    if shown is None or schedule is None:
        return "it is not armed", None
    last = read.last_due(view.name, name)
    after = schedule.since if last is None else max(schedule.since, last)
    waiting = 0
    for _ in due_between(schedule.cron, schedule.timezone, after, now):
        waiting += 1
        if waiting == COUNTED:
            break
    coming = "it is never due again" if shown.next_at is None else f"it is due next at {iso(shown.next_at)}"
    if not waiting:
        return coming, None
    many = f"{waiting} times are" if waiting > 1 else "it is"
    busy = None if overlap_of(config) != "queue" else read.open_run_of_trigger(view.name, name)
    if busy is not None:
        return f"{many} due and wait{'' if waiting > 1 else 's'} until run {busy} has ended", f"headgate why {busy}"
    return f"{many} due and wait{'' if waiting > 1 else 's'} for a driver", "headgate drive"


def _last(read: Reader, workflow: str, trigger: str) -> tuple[str, int] | None:
    """What came of a trigger last, and when."""
    last = read.latest_occurrence(workflow, trigger)
    if last is None:
        return None
    when = f"was last due at {iso(last.due_at)}"
    if last.run is None:
        return f"{when}, and its `when` let no run come of it", last.at
    row = read.run(last.run)
    if row is None:
        return f"{when}, and started run {last.run}, which is no longer kept", last.at
    how = row.status if row.detail is None else f"{row.status} ({row.detail})"
    return f"{when}: run {last.run}, {how}", last.at


def _last_by_hand(read: Reader, workflow: str) -> str:
    rows = read.runs(RunFilter(workflow=workflow, trigger="manual", limit=1))
    return f"; it last did at {iso(rows[0].created_at)}: run {rows[0].id}, {rows[0].status}" if rows else ""


def _overdue(read: Reader, workflow: str, now: int) -> Iterator[Reason]:
    rows = read.runs(RunFilter(workflow=workflow, overdue_at=now, limit=COUNTED))
    if rows:
        runs = f"{len(rows)} scheduled runs are" if len(rows) > 1 else f"the scheduled run {rows[0].id} is"
        message = f"{runs} overdue and wait{'' if len(rows) > 1 else 's'} for a driver"
        yield Reason("overdue", workflow, rows[-1].due_at, ANYBODY, "headgate drive", message)


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
