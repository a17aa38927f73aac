"""A workflow as its log says: versions, which of them is active, what stops it. Pure; the same live and on replay."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol, TypeAlias

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.errors import StoreError
from headgate.runtime.workflow_status import (
    BREAKERS,
    VERSION_TRANSITIONS,
    WORKFLOW_TRANSITIONS,
    Breaker,
    VersionStatus,
    WorkflowEventType,
    WorkflowStatus,
)


class Happened(Protocol):
    """An entry of the journal of `workflow/NAME`."""

    @property
    def seq(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def type(self) -> str: ...
    @property
    def data(self) -> JsonObject: ...
    @property
    def actor(self) -> str: ...
    @property
    def reason(self) -> str | None: ...


class Mark(NamedTuple):
    """Something that a person or the platform did: when (UTC in ms), who, why."""

    at: int
    by: str
    reason: str | None = None


class Version(NamedTuple):
    """One version. `text` is the digest of its source, `path` the file that it came from, relative to the workspace.

    `based_on` is the version that was active when a draft was made; `findings` names the suppressed findings of HG6xx
    and HG7xx that it was published with. `retired` says that it was archived by itself, and not with its workflow.
    """

    number: int
    status: VersionStatus
    plan_digest: str
    text: str
    path: str
    made: Mark
    note: str | None = None
    environment: str | None = None
    based_on: int | None = None
    published: Mark | None = None
    activated: Mark | None = None
    retired: bool = False
    findings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """`v2`, or for a draft of an active version `Draft from v2`."""
        if self.status is not VersionStatus.DRAFT:
            return f"v{self.number}"
        return "Draft" if self.based_on is None else f"Draft from v{self.based_on}"


class Schedule(NamedTuple):
    """A trigger that the clock starts, of the active version; it counts from `since`, UTC in ms."""

    cron: str
    timezone: str
    since: int


class WorkflowState(NamedTuple):
    """What the log comes to. `seq` is that of its last entry, 0 for a workflow that nothing has happened to."""

    name: str
    seq: int = 0
    versions: Mapping[int, Version] = {}
    active: int | None = None
    disabled: Mark | None = None
    archived: Mark | None = None
    breakers: Mapping[Breaker, Mark] = {}
    schedules: Mapping[str, Schedule] = {}
    changed: Mark | None = None

    @property
    def active_version(self) -> Version | None:
        return None if self.active is None else self.versions[self.active]

    @property
    def draft(self) -> Version | None:
        """The newest draft."""
        drafts = [version for version in self.versions.values() if version.status is VersionStatus.DRAFT]
        return drafts[-1] if drafts else None

    @property
    def next_number(self) -> int:
        return max(self.versions, default=0) + 1


class WorkflowDerived(NamedTuple):
    status: WorkflowStatus
    detail: str | None
    since: Mark | None


def derive_workflow(state: WorkflowState) -> WorkflowDerived:
    """Status, its detail, and what made it so; first match wins."""
    if state.archived is not None:
        return WorkflowDerived(WorkflowStatus.ARCHIVED, state.archived.reason, state.archived)
    if state.disabled is not None:
        return WorkflowDerived(WorkflowStatus.DISABLED, state.disabled.reason, state.disabled)
    if state.active is None:
        draft = state.draft
        return WorkflowDerived(WorkflowStatus.DRAFT, None if draft is None else draft.title, state.changed)
    if state.breakers:
        first = min(state.breakers.values())
        return WorkflowDerived(WorkflowStatus.PAUSED_SAFETY, ", ".join(sorted(state.breakers)), first)
    return WorkflowDerived(
        WorkflowStatus.PUBLISHED, state.versions[state.active].title, state.versions[state.active].activated
    )


def fold_workflow(name: str, entries: Iterable[Happened]) -> WorkflowState:
    """The workflow after all its entries; raises `StoreError` when they make no sense."""
    state = WorkflowState(name)
    for entry in entries:
        state = evolve_workflow(state, entry)
    return state


def evolve_workflow(state: WorkflowState, entry: Happened) -> WorkflowState:
    """`state` with what happened next. Raises `StoreError` for what the tables do not allow."""
    try:
        assert entry.seq == state.seq + 1, f"expected entry {state.seq + 1}"
        kind = WorkflowEventType(entry.type)
        before = derive_workflow(state).status
        after = _APPLIERS[kind](state, entry)
        _check(state, after, kind, before)
    except (KeyError, ValueError, TypeError, AssertionError) as fault:
        raise StoreError(
            f"entry {entry.seq} of workflow/{state.name} (`{entry.type}`) makes no sense: {fault}"
        ) from fault
    return after._replace(seq=entry.seq, changed=_mark(entry))


def _check(state: WorkflowState, after: WorkflowState, kind: WorkflowEventType, before: WorkflowStatus) -> None:
    for number, version in after.versions.items():
        was = state.versions.get(number)
        if was == version:
            continue
        allowed = VERSION_TRANSITIONS[None if was is None else was.status].get(kind)
        if allowed is None or version.status not in allowed:
            raise ValueError(f"version {number} is {'not there' if was is None else was.status}")
    now = derive_workflow(after).status
    if kind in _OF_A_VERSION:
        legal = now is before is not WorkflowStatus.ARCHIVED
    else:
        legal = now in WORKFLOW_TRANSITIONS[before].get(kind, ())
    if not legal:
        raise ValueError(f"the workflow was {before}")


_OF_A_VERSION: Final = frozenset(
    {WorkflowEventType.VERSION_DRAFTED, WorkflowEventType.VERSION_PUBLISHED, WorkflowEventType.VERSION_ARCHIVED}
)


def _mark(entry: Happened) -> Mark:
    return Mark(entry.at, entry.actor, entry.reason)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _number(entry: Happened) -> int:
    number = entry.data["version"]
    if not isinstance(number, int):
        raise TypeError("`version` is no number")
    return number


def _with(state: WorkflowState, *changed: Version) -> Mapping[int, Version]:
    return {**state.versions, **{version.number: version for version in changed}}


def _made(entry: Happened, status: VersionStatus) -> Version:
    data = entry.data
    findings, based_on = data.get("findings"), data.get("based_on")
    return Version(
        number=_number(entry),
        status=status,
        plan_digest=str(data["plan_digest"]),
        text=str(data["text"]),
        path=str(data["path"]),
        made=_mark(entry),
        note=_text(data.get("note")),
        environment=_text(data.get("environment")),
        based_on=based_on if isinstance(based_on, int) else None,
        findings=tuple(map(str, findings)) if isinstance(findings, list) else (),
    )


def _drafted(state: WorkflowState, entry: Happened) -> WorkflowState:
    return state._replace(versions=_with(state, _made(entry, VersionStatus.DRAFT)))


def _published(state: WorkflowState, entry: Happened) -> WorkflowState:
    version = _made(entry, VersionStatus.INACTIVE)
    earlier = state.versions.get(version.number)
    made = version.made if earlier is None else earlier.made
    return state._replace(versions=_with(state, version._replace(published=_mark(entry), made=made)))


def _activated(state: WorkflowState, entry: Happened) -> WorkflowState:
    version = state.versions[_number(entry)]
    changed = [version._replace(status=VersionStatus.ACTIVE, activated=_mark(entry))]
    if state.active is not None:
        if state.active == version.number:
            raise ValueError(f"version {version.number} is active")
        changed.append(state.versions[state.active]._replace(status=VersionStatus.INACTIVE))
    schedules = entry.data.get("schedules")
    return state._replace(
        versions=_with(state, *changed),
        active=version.number,
        schedules=_schedules(schedules if isinstance(schedules, dict) else {}),
    )


def _schedules(written: JsonObject) -> Mapping[str, Schedule]:
    found: dict[str, Schedule] = {}
    for name, facts in written.items():
        if not isinstance(facts, dict) or not isinstance(facts["since"], int):
            raise TypeError(f"the schedule `{name}` is damaged")
        found[name] = Schedule(str(facts["cron"]), str(facts["timezone"]), facts["since"])
    return found


def _deactivated(state: WorkflowState, entry: Happened) -> WorkflowState:
    version = state.versions[_number(entry)]
    if state.active != version.number:
        raise ValueError(f"version {version.number} is not active")
    inactive = version._replace(status=VersionStatus.INACTIVE)
    return state._replace(versions=_with(state, inactive), active=None, schedules={})


def _version_archived(state: WorkflowState, entry: Happened) -> WorkflowState:
    version = state.versions[_number(entry)]
    if version.status not in (VersionStatus.DRAFT, VersionStatus.INACTIVE):
        raise ValueError(f"version {version.number} is {version.status}")
    return state._replace(versions=_with(state, version._replace(status=VersionStatus.ARCHIVED, retired=True)))


def _disabled(state: WorkflowState, entry: Happened) -> WorkflowState:
    return state._replace(disabled=_mark(entry))


def _enabled(state: WorkflowState, entry: Happened) -> WorkflowState:
    """What was due while it was disabled was refused: its schedules count from now."""
    schedules = {name: each._replace(since=entry.at) for name, each in state.schedules.items()}
    return state._replace(disabled=None, schedules=schedules)


def _archived(state: WorkflowState, entry: Happened) -> WorkflowState:
    put_away = [version._replace(status=VersionStatus.ARCHIVED) for version in state.versions.values()]
    return state._replace(
        versions=_with(state, *put_away), active=None, archived=_mark(entry), disabled=None, schedules={}
    )


def _restored(state: WorkflowState, entry: Happened) -> WorkflowState:
    """A version that was archived alone, before the workflow, stays so."""
    del entry
    back = [
        version._replace(status=VersionStatus.DRAFT if version.published is None else VersionStatus.INACTIVE)
        for version in state.versions.values()
        if not version.retired
    ]
    return state._replace(versions=_with(state, *back), archived=None)


def _tripped(state: WorkflowState, entry: Happened) -> WorkflowState:
    breaker = Breaker(str(entry.data["breaker"]))
    message = _text(entry.data.get("message")) or BREAKERS[breaker]
    mark = state.breakers.get(breaker) or Mark(entry.at, entry.actor, message)
    return state._replace(breakers={**state.breakers, breaker: mark})


def _released(state: WorkflowState, entry: Happened) -> WorkflowState:
    breaker = Breaker(str(entry.data["breaker"]))
    if breaker not in state.breakers:
        raise ValueError(f"the breaker {breaker} is not open")
    return state._replace(breakers={name: mark for name, mark in state.breakers.items() if name is not breaker})


_Applier: TypeAlias = "Callable[[WorkflowState, Happened], WorkflowState]"

_E = WorkflowEventType
_APPLIERS: Final[Mapping[WorkflowEventType, _Applier]] = {
    _E.VERSION_DRAFTED: _drafted,
    _E.VERSION_PUBLISHED: _published,
    _E.VERSION_ACTIVATED: _activated,
    _E.VERSION_DEACTIVATED: _deactivated,
    _E.VERSION_ARCHIVED: _version_archived,
    _E.WORKFLOW_DISABLED: _disabled,
    _E.WORKFLOW_ENABLED: _enabled,
    _E.WORKFLOW_ARCHIVED: _archived,
    _E.WORKFLOW_RESTORED: _restored,
    _E.BREAKER_TRIPPED: _tripped,
    _E.BREAKER_RELEASED: _released,
}
