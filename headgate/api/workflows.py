"""The workflows that were published: how each stands, its versions, its open runs, when it starts next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from headgate.api.faults import NothingStarted
from headgate.api.place import Place
from headgate.api.site import Site
from headgate.diagnostics import nearest
from headgate.records import NamedTuple
from headgate.runtime.occasions import next_due
from headgate.runtime.store import Reader
from headgate.runtime.store.workflows import Occurrence, VersionRow, WorkflowRow
from headgate.runtime.workflow_status import WORKFLOW_STATUSES, WorkflowStatus


class BreakerView(NamedTuple):
    """A breaker that is open: since when (UTC in ms), and what it says."""

    breaker: str
    since: int
    message: str


class TriggerView(NamedTuple):
    """A trigger that the clock starts: when it is due next, and what came of it last. Times are UTC in ms."""

    name: str
    cron: str
    timezone: str
    next_at: int | None
    last: Occurrence | None


class WorkflowView(NamedTuple):
    """A workflow as people see it. `runs` counts its open runs by status; times are UTC in ms.

    `badge` is a sentence on its status; `versions` are in order and `active` is the number of the active one.
    """

    name: str
    status: WorkflowStatus
    detail: str | None
    badge: str
    active: int | None
    since: int
    by: str
    reason: str | None
    breakers: tuple[BreakerView, ...]
    runs: Mapping[str, int]
    triggers: tuple[TriggerView, ...]
    versions: tuple[VersionRow, ...]

    @property
    def active_version(self) -> VersionRow | None:
        return next((each for each in self.versions if each.number == self.active), None)

    @property
    def draft(self) -> VersionRow | None:
        """The newest draft."""
        return next((each for each in reversed(self.versions) if each.status == "draft"), None)


def workflows(place: Place) -> tuple[WorkflowView, ...]:
    """Every workflow of the store, by name."""
    site = Site(place)
    with site.reading() as read:
        if read is None:
            return ()
        counts = read.active_counts()
        return tuple(_view(read, row, counts.get(row.name, {}), site.clock.now_ms()) for row in read.workflows())


def workflow(name: str, place: Place) -> WorkflowView:
    """One workflow; raises `NothingStarted` when none of that name was ever published."""
    site = Site(place)
    with site.reading() as read:
        if read is None:
            raise no_such_workflow(name, ())
        view = view_of(read, name, site.clock.now_ms())
        if view is None:
            raise no_such_workflow(name, read.workflow_names())
    return view


def view_of(read: Reader, name: str, now_ms: int) -> WorkflowView | None:
    """The view of a workflow in an open store; None when there is none."""
    row = read.workflow(name)
    return None if row is None else _view(read, row, read.active_counts(name).get(name, {}), now_ms)


def no_such_workflow(name: str, known: Sequence[str]) -> NothingStarted:
    """The answer to a name under which nothing was published."""
    guess = nearest(name, tuple(known))
    hint = (
        f"did you mean `{guess}`?"
        if guess
        else "`headgate publish FILE` publishes one, `headgate workflows` lists them"
    )
    return NothingStarted(f"NO_SUCH_WORKFLOW: no workflow `{name}` is published here; {hint}")


def _view(read: Reader, row: WorkflowRow, counts: Mapping[str, int], now_ms: int) -> WorkflowView:
    status = WorkflowStatus(row.status)
    breakers = tuple(
        BreakerView(breaker, mark[0], mark[2]) for breaker, mark in sorted(json.loads(row.breakers).items())
    )
    triggers = tuple(
        TriggerView(
            name,
            cron,
            zone,
            next_due(cron, zone, max(since, now_ms)) if WORKFLOW_STATUSES[status].dispatching else None,
            read.latest_occurrence(row.name, name),
        )
        for name, (cron, zone, since) in json.loads(row.schedules).items()
    )
    return WorkflowView(
        name=row.name,
        status=status,
        detail=row.detail,
        badge=badge_of(status, breakers),
        active=row.active,
        since=row.changed_at,
        by=row.changed_by,
        reason=row.reason,
        breakers=breakers,
        runs=counts,
        triggers=triggers,
        versions=tuple(read.versions(row.name)),
    )


def badge_of(status: WorkflowStatus, breakers: tuple[BreakerView, ...]) -> str:
    """The sentence beside the status: for a workflow that is paused for safety, what its breakers say."""
    if status is WorkflowStatus.PAUSED_SAFETY and breakers:
        return " ".join(_sentence(each.message) for each in breakers)
    return WORKFLOW_STATUSES[status].badge


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
