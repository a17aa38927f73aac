"""The status people see: a pure function of the state, first match wins."""

from __future__ import annotations

from collections.abc import Collection

from headgate.records import NamedTuple
from headgate.runtime.state import RunState
from headgate.runtime.status import TERMINAL_PHASES, HoldReason, Phase, RunStatus
from headgate.runtime.times import iso
from headgate.runtime.wakes import is_forgotten

_NAMED = 3


class Derived(NamedTuple):
    status: RunStatus
    detail: str | None


def derive(state: RunState) -> Derived:
    """Status and detail, by the table. O(holds), however many steps there are."""
    phase = state.phase
    if phase in TERMINAL_PHASES:
        return Derived(RunStatus(phase.value), _end_detail(state))
    if phase in (Phase.CANCELLING, Phase.DRAINING):
        return Derived(RunStatus(phase.value), None if state.ends_by is None else iso(state.ends_by))
    others = [hold for hold in state.holds.values() if hold.reason is not HoldReason.INTERRUPTED]
    if others:
        return Derived(RunStatus.PAUSED, ", ".join(dict.fromkeys(hold.named for hold in others)))
    if state.holds:
        return Derived(RunStatus.INTERRUPTED, "resumes by itself when a worker is back")
    if phase is Phase.SCHEDULED:
        return Derived(RunStatus.SCHEDULED, None if state.due_at is None else iso(state.due_at))
    if phase in (Phase.QUEUED, Phase.STARTING):
        return Derived(RunStatus(phase.value), None)
    return _active(state)


def is_overdue(status: RunStatus, due_at: int | None, now_ms: int) -> bool:
    """Scheduled, which no run is that is held, and due in the past. Never stored."""
    return status is RunStatus.SCHEDULED and due_at is not None and due_at < now_ms


def _active(state: RunState) -> Derived:
    if is_forgotten(state):
        return Derived(RunStatus.STALLED, None)
    busy = state.running or state.ready or state.interrupted
    if busy:
        return Derived(RunStatus.RUNNING, _names(busy))
    if state.retrying:
        first = min(state.retrying, key=lambda path: (state.steps[path].resume_at or 0, path))
        due = state.steps[first].resume_at
        return Derived(RunStatus.RETRYING, first if due is None else f"{first}, next attempt at {iso(due)}")
    if state.waiting:
        return Derived(RunStatus.WAITING, ", ".join(sorted(state.waits)))
    return Derived(RunStatus.RUNNING, None)


def _names(paths: Collection[str]) -> str:
    named: list[str] = []
    for path in paths:
        if len(named) == _NAMED:
            return f"{', '.join(named)} and {len(paths) - _NAMED} more"
        named.append(path)
    return ", ".join(named)


def _end_detail(state: RunState) -> str | None:
    if state.phase is Phase.COMPLETED:
        return state.outcome
    return state.skip_reason if state.phase is Phase.SKIPPED else state.failure_code
