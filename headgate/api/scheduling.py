"""Runs that nobody starts: schedules of published workflows, and events. Each occurrence is met once, whatever crashes
and however many drivers look: it is written in the transaction of its run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from headgate.api.faults import Fault
from headgate.api.inputs import complete_inputs
from headgate.api.running import Origin, creation
from headgate.api.session import Session
from headgate.expressions import ResultMissing, TemplateFailed, evaluate_condition, render
from headgate.plan import Json, JsonObject, Plan, PlanIntegrity
from headgate.records import NamedTuple
from headgate.runtime.clock import Clock
from headgate.runtime.commands import Record
from headgate.runtime.events import SYSTEM, EventType
from headgate.runtime.occasions import occasions, overlap_of, terms_of
from headgate.runtime.scope import scope
from headgate.runtime.state import new
from headgate.runtime.status import MISSED
from headgate.runtime.store import Reader
from headgate.runtime.store.workflows import Occurrence, meet, met, unchanged
from headgate.runtime.times import iso
from headgate.runtime.workflow_log import Schedule, WorkflowState
from headgate.runtime.workflow_status import WorkflowStatus

ADMITTED_AT_ONCE = 100
"""How many runs are let in at once of those that are due; the next ones when these rest."""

ADMISSION_SECONDS = 1.0
"""The least time from one lot to the next: at most a hundred runs a second after an outage."""

OVERLAP = "overlap"
_OPEN = (WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY)


class Admitted(NamedTuple):
    """What was let in: the runs that were made, those that were skipped among them. `faults` are sentences.

    `tried` is how many there were: of some others may have met the occurrence first, or their workflow changed.
    """

    runs: tuple[str, ...]
    tried: int
    faults: tuple[str, ...] = ()


class Pace:
    """Keeps the lots apart. `wait` is given seconds."""

    def __init__(self, clock: Clock, wait: Callable[[float], None] = time.sleep) -> None:
        self._clock = clock
        self._wait = wait
        self._last: float | None = None

    def next_lot(self, *, after_full: bool) -> None:
        """Returns when the next lot may be let in: at once, unless the one before was full."""
        now = self._clock.monotonic()
        if after_full and self._last is not None and now - self._last < ADMISSION_SECONDS:
            self._wait(self._last + ADMISSION_SECONDS - now)
            now = self._clock.monotonic()
        self._last = now


class _Source(NamedTuple):
    """A trigger of a workflow's active version."""

    state: WorkflowState
    plan: Plan
    version: int
    environment: str | None
    trigger: str

    @property
    def written(self) -> JsonObject:
        found = self.plan.triggers[self.trigger]
        assert isinstance(found, dict), "a trigger of a plan is an object"
        return found

    @property
    def config(self) -> JsonObject:
        found = self.written.get("config")
        return found if isinstance(found, dict) else {}


def admit_due(session: Session, horizon_ms: int, at_most: int = ADMITTED_AT_ONCE) -> Admitted:
    """Lets in what the clock starts up to `horizon_ms`: at most so many runs, in order for each schedule.

    They are stored, and led by the session; `drive` goes on with them.
    """
    made: list[str] = []
    faults: list[str] = []
    for row in session.store.read.workflows():
        if row.status not in _OPEN or row.schedules == "{}":
            continue
        state = session.store.read.workflow_state(row.name)
        try:
            for name, schedule in state.schedules.items():
                source = _source(session, state, name)
                if source is not None:
                    made += _meet_schedule(session, source, schedule, horizon_ms, at_most - len(made))
        except PlanIntegrity as fault:
            faults.append(f"PLAN_INTEGRITY: the active version of `{row.name}` cannot run: {fault}")
        if len(made) >= at_most:
            break
    return Admitted(_stored(session, made), len(made), tuple(faults))


def start_event_runs(session: Session, event: str, payload: Json, signal: str) -> Admitted:
    """Starts a run for each trigger of a published workflow that waits for this event.

    One with a `key` that came before starts none, and neither does the same `signal` again. The runs are stored, and
    led by the session.
    """
    made: list[str] = []
    faults: list[str] = []
    for row in session.store.read.workflows():
        state = session.store.read.workflow_state(row.name)
        version = state.active_version
        if version is None:
            continue
        try:
            plan = session.executor.fleet.shelf.plan(version.plan_digest)
        except PlanIntegrity as fault:
            faults.append(f"PLAN_INTEGRITY: the active version of `{row.name}` cannot run: {fault}")
            continue
        names = _triggers_for(plan, event)
        if names and row.status not in _OPEN:
            faults.append(f"`{row.name}` is {row.status} and starts nothing of it: `headgate why {row.name}` says more")
            continue
        for name in names:
            source = _Source(state, plan, version.number, version.environment, name)
            made += _meet_event(session, source, payload, signal)
    return Admitted(_stored(session, made), len(made), tuple(faults))


def _triggers_for(plan: Plan, event: str) -> list[str]:
    """The triggers of a workflow that this event starts it by."""
    found = []
    for name, trigger in plan.triggers.items():
        config = trigger.get("config") if isinstance(trigger, dict) else None
        if not isinstance(trigger, dict) or not isinstance(config, dict) or trigger.get("kind") != "event":
            continue
        if config.get("event") == event and trigger.get("enabled") is not False:
            found.append(name)
    return found


def _stored(session: Session, made: list[str]) -> tuple[str, ...]:
    """Those of the runs that were stored: of the others somebody else met the occurrence, or the workflow changed."""
    session.executor.record()
    return tuple(run for run in made if run in session.executor.fleet.runs)


def _source(session: Session, state: WorkflowState, trigger: str) -> _Source | None:
    version = state.active_version
    assert version is not None, "a workflow with schedules has an active version"
    plan = session.executor.fleet.shelf.plan(version.plan_digest)
    if trigger not in plan.triggers:
        return None
    return _Source(state, plan, version.number, version.environment, trigger)


# Schedules


def schedules(read: Reader) -> Iterator[tuple[str, str]]:
    """The (cron, time zone) of every trigger that the clock starts, of the workflows that dispatch."""
    for row in read.workflows():
        if row.status in _OPEN:
            yield from ((cron, zone) for cron, zone, _ in json.loads(row.schedules).values())


def _meet_schedule(session: Session, source: _Source, schedule: Schedule, horizon_ms: int, room: int) -> Iterator[str]:
    read = session.store.read
    name, trigger = source.state.name, source.trigger
    last = read.last_due(name, trigger)
    after = schedule.since if last is None else max(schedule.since, last)
    overlap = overlap_of(source.config)
    busy = overlap != "allow" and read.open_run_of_trigger(name, trigger) is not None
    found = occasions(schedule.cron, schedule.timezone, after, horizon_ms, terms_of(source.config))
    for occasion in found:
        if room <= 0 or (busy and overlap == "queue" and not occasion.missed):
            return
        payload: JsonObject = {"at": iso(occasion.due_at)}
        if occasion.also:
            payload["missed"] = occasion.also + 1 if not occasion.more else f"more than {occasion.also}"
        met_at = session.site.clock.now_ms()
        occurrence = Occurrence(name, trigger, str(occasion.due_at), occasion.due_at, None, met_at)
        reason = MISSED if occasion.missed else OVERLAP if busy else None
        run = _make(session, source, payload, occurrence, reason)
        if run is None:
            continue
        room -= 1
        busy = busy or (overlap != "allow" and reason is None)
        yield run


# Events


def _meet_event(session: Session, source: _Source, payload: Json, signal: str) -> Iterator[str]:
    now = session.site.clock.now_ms()
    body: JsonObject = {"body": payload, "at": iso(now)}
    name, written = source.state.name, source.config.get("key")
    key: Json = None
    if written is not None:
        with suppress(TemplateFailed, ResultMissing):
            key = render(written, _names(source, body, now))
    known = f"signal:{signal}" if key is None else f"key:{json.dumps(key, ensure_ascii=False, sort_keys=True)}"
    if session.store.read.occurrence(name, source.trigger, known) is not None:
        return
    run = _make(session, source, body, Occurrence(name, source.trigger, known, now, None, now), None)
    if run is not None:
        yield run


# Runs


def _names(source: _Source, payload: JsonObject, at: int) -> dict[str, object]:
    """What the templates of a trigger see: its payload, the workflow's constants, the run that would be."""
    state = new("", source.plan)
    state.workflow, state.version, state.created_at = source.state.name, source.version, at
    state.trigger = {"name": source.trigger, "kind": source.written.get("kind"), "payload": payload}
    return scope(state, None)


def _make(
    session: Session, source: _Source, payload: JsonObject, occurrence: Occurrence, skipped: str | None
) -> str | None:
    """The run of an occurrence, not stored yet; None when the trigger's `when` lets none come of it.

    One whose inputs cannot be made of the payload fails, so that it is seen.
    """
    now = occurrence.at
    inputs: JsonObject = {}
    failure: tuple[str, str] | None = None
    if skipped is None:
        try:
            names = _names(source, payload, now)
            when = source.written.get("when")
            if when is not None and not evaluate_condition(when, names):
                with session.store.transaction() as connection:
                    meet(connection, occurrence)
                return None
            made = render(source.written.get("inputs"), names)
            inputs = complete_inputs(source.plan.inputs, made if isinstance(made, dict) else {})
        except (TemplateFailed, ResultMissing) as fault:
            failure = ("TEMPLATE_FAILED", f"trigger `{source.trigger}`: {fault}")
        except Fault as fault:
            failure = ("CONFIG_INVALID", f"trigger `{source.trigger}`: {fault.message}")
    trigger: JsonObject = {"name": source.trigger, "kind": source.written.get("kind"), "payload": payload}
    environment = session.site.environment if session.site.environment is not None else source.environment
    record = creation(source.plan, inputs, trigger, Origin(SYSTEM, environment, version=source.version))
    if source.written.get("kind") == "schedule":
        record.data["due_at"] = occurrence.due_at
    fleet = session.executor.fleet
    fleet.shelf.keep(source.plan)
    driven = fleet.create(record, None, now)
    driven.also += [met(occurrence._replace(run=driven.id)), unchanged(source.state.name, source.state.seq)]
    if skipped is not None:
        driven.append(Record(EventType.RUN_SKIPPED, {"reason": skipped}), now)
    elif failure is not None:
        code, message = failure
        driven.append(Record(EventType.RUN_FAILED, {"code": code, "step": None, "message": message}), now)
    return driven.id
