"""Starting runs, and driving them until they rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.api.faults import NothingStarted
from headgate.api.inputs import Given, read_inputs
from headgate.api.place import Driving, Drove, Place, Rest, exit_code, exit_code_of_all
from headgate.api.readiness import not_run_yet
from headgate.api.session import Session
from headgate.api.site import Site, find_run, translated
from headgate.plan import JsonObject, Plan, PlanIntegrity, dump, load
from headgate.records import NamedTuple
from headgate.runtime.commands import Record
from headgate.runtime.errors import DamagedLog, StoreError
from headgate.runtime.events import EventType
from headgate.runtime.loading import load_state
from headgate.runtime.patience import Patience
from headgate.runtime.status import RUN_STATUSES, RunStatus
from headgate.runtime.store import RunFilter, RunRow
from headgate.runtime.view import run_view
from headgate.runtime.wakes import next_wake, told_wake

if TYPE_CHECKING:
    from headgate.validators.report import CheckReport

FOLLOW_SECONDS = 0.1
FAMILIES_AT_ONCE = 500
"""How many families are led at once: what one process holds in memory."""


class Target(NamedTuple):
    """What `run` was told to start: a plan with its canonical bytes."""

    plan: Plan
    content: bytes


# Starting


def run(target: str, given: Given, place: Place, driving: Driving) -> Rest:
    """Starts `target`, a `.flow` file (`FILE#NAME`) or a `.plan.json`, and drives it until it rests.

    It waits for timers, unless `driving.wait_ms` says how long at most. Raises `UsageFault` for inputs that do not fit
    and `NothingStarted` for everything else that stands between the target and a run.
    """
    site = Site(place, place.folder / target.partition("#")[0])
    found = read_target(target, site)
    inputs = read_inputs(found.plan.inputs, given)
    trigger: JsonObject = {"name": "manual", "kind": "manual", "payload": None}
    return start(site, found, creation(found.plan, inputs, trigger, Origin(place.actor, site.environment)), driving)


def read_target(target: str, site: Site) -> Target:
    """The plan of a target, compiled and passed by the gate; raises `NothingStarted`."""
    if target.endswith(".json"):
        plan = _read_plan(site.place.folder / target)
    else:
        from headgate.api.compiling import compile_target

        compiled = compile_target(target, site.environment, start=site.place.folder)
        if compiled.plan is None:
            raise _refusal(target, compiled.report)
        plan = compiled.plan
    return Target(plan, dump(plan))


def declared_inputs(target: str, place: Place) -> JsonObject:
    """The JSON Schema of the inputs that `target` takes; raises as `run` does."""
    return read_target(target, Site(place, place.folder / target.partition("#")[0])).plan.inputs


def _refusal(target: str, report: CheckReport) -> NothingStarted:
    if report.faults:
        return NothingStarted(report.faults[0])
    if report.unreadable:
        reason = report.unreadable[0].message
        file = target.partition("#")[0]
        named = "" if file.endswith(".flow") else "; published workflows are not run yet, name a file"
        return NothingStarted(f"{reason}{named}" if f"`{file}`" in reason else f"`{target}`: {reason}{named}")
    return NothingStarted(f"`{target}` does not pass the gate: nothing was started", report)


def _read_plan(path: Path) -> Plan:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise NothingStarted(f"the plan {path} cannot be read: {error.strerror}") from error
    except PlanIntegrity as fault:
        raise NothingStarted(f"PLAN_INTEGRITY: {path.name}: {fault}") from fault


class Origin(NamedTuple):
    """Who starts a run, for which environment; `source` is the run it replays."""

    actor: str
    environment: str | None
    source: str | None = None


def creation(plan: Plan, inputs: JsonObject, trigger: JsonObject, origin: Origin) -> Record:
    """The first event of a run."""
    facts: JsonObject = {
        "workflow": plan.workflow,
        "plan_digest": plan.digest,
        "inputs": inputs,
        "trigger": trigger,
        "environment": origin.environment,
    }
    if origin.source is not None:
        facts["source"] = origin.source
    return Record(EventType.RUN_CREATED, facts, actor=origin.actor)


def start(site: Site, target: Target, record: Record, driving: Driving) -> Rest:
    """Makes the run that `record` describes and drives it; raises `NothingStarted`."""
    with translated(), Session(site, site.open_store(), driving) as session:
        for plan in session.callees.closure(target.plan):
            reason = not_run_yet(plan, site.workspace)
            if reason is not None:
                raise NothingStarted(f"{reason}; nothing was started")
        session.executor.fleet.shelf.keep(target.plan)
        made = session.executor.fleet.create(record, target.content, site.clock.now_ms())
        patience = Patience(_until(site, driving.wait_ms, forever=True), driving.wait_ms is not None)
        rest = drive_on(session, made.id, driving, patience)
    if site.stands_elsewhere and not RUN_STATUSES[rest.view.status].terminal:
        note = f"the run is kept in the workspace of its file: from here, add --store {site.store_path}"
        rest = rest._replace(notes=(*rest.notes, note))
    return rest


# Driving


class Batch(NamedTuple):
    """By family: `faults` of those that could not be loaded, `lacking` names what this machine lacks."""

    faults: dict[str, str]
    lacking: dict[str, tuple[str, ...]]


def drive(runs: Sequence[str], place: Place, driving: Driving) -> Drove:
    """Drives the named runs, or every open one, until each rests: what is due is done, timers are not waited for.

    A run that another process drives is followed. Raises `NothingStarted` for a run that does not exist.
    """
    site = Site(place)
    if not runs and not site.store_path.exists():
        return Drove((), (), 0)
    rests: list[Rest] = []
    faults: list[str] = []
    with translated():
        store = site.existing_store()
        named = [find_run(store.read, prefix) for prefix in runs]
        chosen = named or [row.id for row in reversed(store.read.runs(RunFilter(open_only=True)))]
        roots = list(dict.fromkeys(row.root for run in chosen if (row := store.read.run(run)) is not None))
        store.close()
        for first in range(0, len(roots), FAMILIES_AT_ONCE):
            with Session(site, site.existing_store(), driving) as session:
                some = roots[first : first + FAMILIES_AT_ONCE]
                batch = _drive_batch(session, some, driving)
                faults += batch.faults.values()
                rests += [
                    rest_of(session, run, batch.lacking.get(row.root, ()))
                    for run in chosen
                    if (row := session.store.read.run(run)) is not None
                    and row.root in some
                    and row.root not in batch.faults
                ]
                if session.interrupted:
                    break
    return Drove(tuple(rests), tuple(faults), exit_code_of_all(rests, faults))


def _drive_batch(session: Session, roots: list[str], driving: Driving) -> Batch:
    patience = patience_of(session.site, driving)
    faults: dict[str, str] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    elsewhere: list[str] = []
    for root in roots:
        try:
            if not session.lead(root):
                elsewhere.append(root)
                continue
        except (DamagedLog, StoreError) as fault:
            faults[root] = str(fault)
            continue
        missing = session.lacking(root)
        if missing:
            lacking[root] = missing
            session.executor.record()
            session.let_go(root)
    session.drive(roots[0] if len(roots) == 1 else None, patience)
    for root in elsewhere:
        if not session.interrupted:
            follow(session, root, driving, patience)
    return Batch(faults, lacking)


def drive_on(session: Session, run: str, driving: Driving, patience: Patience) -> Rest:
    """Drives a run that the session leads, as far as this machine can; the answer names what it lacks."""
    lacking = session.lacking(session.executor.fleet.runs[run].lease.root)
    if lacking or driving.detach:
        session.executor.record()
        return rest_of(session, run, lacking)
    session.drive(run, patience)
    if run not in session.executor.fleet.runs and not session.interrupted:
        follow(session, run, driving, patience)
    return rest_of(session, run, ())


def follow(session: Session, run: str, driving: Driving, patience: Patience) -> None:
    """Watches a run that another process drives until it rests; takes it over when that process dies."""
    read, clock = session.store.read, session.site.clock
    while True:
        row = read.run(run)
        if row is None or _rests(row, patience):
            return
        if session.lead(row.root):
            session.drive(run, patience)
            return
        before = session.store.data_version()
        time.sleep(FOLLOW_SECONDS)
        if driving.on_change is not None and session.store.data_version() != before:
            driving.on_change(run_view(load_state(read, session.executor.fleet.shelf, row)))
        if patience.until is not None and patience.for_people and clock.now_ms() > patience.until:
            return


def _rests(row: RunRow, patience: Patience) -> bool:
    facts = RUN_STATUSES[RunStatus(row.status)]
    if facts.terminal or row.status == RunStatus.PAUSED:
        return True
    if row.status in {RunStatus.WAITING, RunStatus.RETRYING, RunStatus.SCHEDULED}:
        return row.wake_at is None or (patience.until is not None and row.wake_at > patience.until)
    return False


def rest_of(session: Session, run: str, notes: tuple[str, ...]) -> Rest:
    """The run as it is now, with the exit code that says so."""
    driven = session.executor.fleet.runs.get(run)
    row = session.store.read.run(run)
    assert row is not None, "a run that was driven is in the store"
    state = None if driven is None else driven.state
    if state is None:
        with suppress(PlanIntegrity):
            state = load_state(session.store.read, session.executor.fleet.shelf, row)
    if state is not None:
        view = run_view(state)
    else:
        from headgate.api.history import view_of_row

        view = view_of_row(row)
    if session.interrupted and not RUN_STATUSES[view.status].terminal:
        notes = (*notes, f"stopped here; `headgate drive {run}` goes on with it")
    wake = None if state is None else next_wake(state)
    return Rest(view, exit_code(view.status), notes, wake, None if state is None else told_wake(state))


def patience_of(site: Site, driving: Driving) -> Patience:
    """How long a verb that lets a run go on waits for timers: not at all, unless it was told."""
    return Patience(_until(site, driving.wait_ms, forever=False), driving.wait_ms is not None)


def _until(site: Site, wait_ms: int | None, *, forever: bool) -> int | None:
    if wait_ms is None:
        return None if forever else site.clock.now_ms()
    return site.clock.now_ms() + wait_ms
