"""Workflows and their versions as the JSON that scripts read. Times are UTC to the millisecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headgate.plan import Json, JsonObject
from headgate.render.words import timestamp
from headgate.runtime.store.workflows import Occurrence, VersionRow


class Breaker(Protocol):
    @property
    def breaker(self) -> str: ...
    @property
    def since(self) -> int: ...
    @property
    def message(self) -> str: ...


class Trigger(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def cron(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def next_at(self) -> int | None: ...
    @property
    def last(self) -> Occurrence | None: ...


class Workflow(Protocol):
    """What `headgate.api.workflows.WorkflowView` is."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def detail(self) -> str | None: ...
    @property
    def badge(self) -> str: ...
    @property
    def active(self) -> int | None: ...
    @property
    def since(self) -> int: ...
    @property
    def by(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def breakers(self) -> Sequence[Breaker]: ...
    @property
    def runs(self) -> Mapping[str, int]: ...
    @property
    def triggers(self) -> Sequence[Trigger]: ...
    @property
    def versions(self) -> Sequence[VersionRow]: ...


def workflow_object(view: Workflow) -> JsonObject:
    """One workflow. `active_runs` are its open runs, by status in `runs`; `changed_at` is its last act."""
    return {
        "workflow": view.name,
        "status": str(view.status),
        "detail": view.detail,
        "badge": view.badge,
        "active_version": view.active,
        "active_runs": sum(view.runs.values()),
        "runs": dict(view.runs),
        "breakers": [
            {"breaker": str(each.breaker), "since": timestamp(each.since), "message": each.message}
            for each in view.breakers
        ],
        "triggers": [_trigger(each) for each in view.triggers],
        "versions": [version_object(each) for each in view.versions],
        "changed_at": timestamp(view.since),
        "changed_by": view.by,
        "reason": view.reason,
    }


def version_object(version: VersionRow) -> JsonObject:
    """One version; `title` is `Draft from v2` for a draft of an active version."""
    return {
        "version": version.number,
        "status": version.status,
        "title": version.title,
        "plan_digest": version.plan_digest,
        "path": version.path,
        "note": version.note,
        "environment": version.environment,
        "made_at": timestamp(version.made_at),
        "made_by": version.made_by,
        "published_at": timestamp(version.published_at),
        "published_by": version.published_by,
    }


def done_object(
    view: Workflow, message: str, version: int | None, *, changed: bool, suppressed: Sequence[str]
) -> JsonObject:
    """What an act on a workflow came to: the workflow as it stands, and the version it was about."""
    named: list[Json] = [*suppressed]
    return {**workflow_object(view), "version": version, "changed": changed, "suppressed": named, "message": message}


def _trigger(trigger: Trigger) -> JsonObject:
    last = trigger.last
    return {
        "trigger": trigger.name,
        "cron": trigger.cron,
        "timezone": trigger.timezone,
        "next_at": timestamp(trigger.next_at),
        "last_at": None if last is None else timestamp(last.due_at),
        "last_run": None if last is None else last.run,
    }
