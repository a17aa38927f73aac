"""Starting runs, and driving them until they rest."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.api.faults import NothingStarted
from headgate.api.inputs import Given, read_inputs
from headgate.api.limits import place_in_line
from headgate.api.place import Driving, Drove, Place, Rest, exit_code
from headgate.api.published import Named, admitted, named, read_published
from headgate.api.readiness import not_run_yet
from headgate.api.session import Session
from headgate.api.site import Site, find_run, translated
from headgate.plan import Json, JsonObject, Plan, PlanIntegrity, dump, load
from headgate.records import NamedTuple
from headgate.runtime.children import Caller
from headgate.runtime.commands import Record
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import EventType
from headgate.runtime.loading import PlanShelf, load_state
from headgate.runtime.patience import Patience
from headgate.runtime.state import RunState
from headgate.runtime.status import RUN_STATUSES, Phase, RunStatus
from headgate.runtime.store import Reader, RunRow
from headgate.runtime.store.workflows import unchanged
from headgate.runtime.view import mask_of, run_view
from headgate.runtime.wakes import told_wake

if TYPE_CHECKING:
    from headgate.validators.report import CheckReport

FOLLOW_SECONDS = 0.1
FAMILIES_AT_ONCE = 500
"""How many families are led at once: what one process holds in memory."""


class Target(NamedTuple):
    """What `run` was told to start: a plan with its canonical bytes.

    `version` is that of a published workflow, None for a file; `seq` is the last entry of that workflow's log.
    """

    plan: Plan
    content: bytes
    version: int | None = None
    seq: int = 0


class Later(NamedTuple):
    """A run for later: when it is due, UTC in ms. More than `late_window` ms after that it is skipped (missed)."""

    due_at: int
    late_window: int | None = None


class Changed(Exception):  # noqa: N818 - it is an answer
    """The workflow changed between the look at it and the start of its run: look again."""


# Starting


def run(target: str, given: Given, place: Place, driving: Driving, later: Later | None = None) -> Rest:
    """Starts `target` and drives it until it rests: a `.flow` file (`FILE#NAME`), a `.plan.json`, or the name of a
    published workflow, whose active version it is.

    It waits for timers, unless `driving.wait_ms` says how long at most; a run for `later` is only made, unless it does.
    Raises `UsageFault` for inputs that do not fit, `Refused` when the workflow starts nothing, and `NothingStarted` for
    everything else that stands between the target and a run.
    """
    name = named(target)
    site = Site(place) if name is not None else Site(place, place.folder / target.partition("#")[0])
    if later is not None and driving.wait_ms is None and later.due_at > site.clock.now_ms():
        driving = driving._replace(detach=True)
    trigger: JsonObject = {"name": "manual", "kind": "manual", "payload": None}
    while True:
        found = _may_start(name, site) if name is not None else read_target(target, site)
        inputs = read_inputs(found.plan.inputs, given)
        origin = Origin(place.actor, site.environment, version=found.version)
        record = creation(found.plan, inputs, trigger, origin)
        if later is not None:
            record.data.update({key: value for key, value in later._asdict().items() if value is not None})
        try:
            return start(site, found, record, driving, waits=True)
        except Changed:
            continue


def _may_start(name: Named, site: Site) -> Target:
    found = admitted(name, site)
    if site.environment is None and found.environment is not None:
        site.environment = found.environment
    return Target(found.plan, found.content, found.version, found.seq)


def read_target(target: str, site: Site) -> Target:
    """The plan of a target: a file's, compiled and passed by the gate, or that of `NAME` or `NAME@2`.

    Raises `NothingStarted`.
    """
    name = named(target)
    if name is not None:
        version = read_published(name, site)
        return Target(version.plan, version.content, version.version, version.seq)
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
        return NothingStarted(reason if f"`{file}`" in reason else f"`{target}`: {reason}")
    return NothingStarted(f"`{target}` does not pass the gate: nothing was started", report)


def _read_plan(path: Path) -> Plan:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise NothingStarted(f"the plan {path} cannot be read: {error.strerror}") from error
    except PlanIntegrity as fault:
        raise NothingStarted(f"PLAN_INTEGRITY: {path.name}: {fault}") from fault


class Origin(NamedTuple):
    """Who starts a run, for which environment; `source` is the run it replays, `version` that of its workflow."""

    actor: str
    environment: str | None
    source: str | None = None
    version: int | None = None


def creation(plan: Plan, inputs: JsonObject, trigger: JsonObject, origin: Origin) -> Record:
    """The first event of a run."""
    facts: JsonObject = {
        "workflow": plan.workflow,
        "plan_digest": plan.digest,
        "inputs": inputs,
        "trigger": trigger,
        "environment": origin.environment,
    }
    if origin.version is not None:
        facts["version"] = origin.version
    if origin.source is not None:
        facts["source"] = origin.source
    return Record(EventType.RUN_CREATED, facts, actor=origin.actor)


def inherit(state: RunState, record: Record) -> None:
    """What is secret to a run stays so in the run that is made of it, whatever its inputs are declared to be."""
    hidden: list[Json] = [*mask_of(state).found_in(record.data)]
    if hidden:
        record.data["hidden"] = hidden


def start(site: Site, target: Target, record: Record, driving: Driving, *, waits: bool = False) -> Rest:
    """Makes the run that `record` describes and drives it until it rests.

    Timers are not waited for unless `waits`; what `driving` says of it goes first. Raises `NothingStarted`, and
    `Changed` for a version of a workflow to which something happened meanwhile.
    """
    with translated(), Session(site, site.open_store(), driving) as session:
        for plan in session.callees.closure(Caller(target.plan, target.version is not None)):
            reason = not_run_yet(plan)
            if reason is not None:
                raise NothingStarted(f"{reason}; nothing was started")
        session.executor.fleet.shelf.keep(target.plan)
        also = (unchanged(target.plan.workflow, target.seq),) if target.seq else ()
        made = session.executor.fleet.create(record, target.content, site.clock.now_ms(), also)
        if also:
            session.executor.record()
            if session.store.read.run(made.id) is None:
                raise Changed
        patience = Patience(_until(site, driving.wait_ms, forever=waits), driving.wait_ms is not None)
        rest = drive_on(session, made.id, driving, patience)
    if site.stands_elsewhere and not RUN_STATUSES[rest.view.status].terminal:
        note = f"the run is kept in the workspace of its file: from here, add --store {site.store_path}"
        rest = rest._replace(notes=(*rest.notes, note))
    return rest


# Driving


def drive(runs: Sequence[str], place: Place, driving: Driving) -> Drove:
    """Drives the named runs, or every open one, until each rests: what is due is done, timers are not waited for.

    Without names, what the clock starts is let in too. A run that another process drives is followed. Raises
    `NothingStarted` for a run that does not exist.
    """
    from headgate.api.driving import Drive

    site = Site(place)
    if not runs and not site.store_path.exists():
        return Drove((), (), 0)
    with translated():
        store = site.existing_store()
        try:
            named = [find_run(store.read, prefix) for prefix in runs]
        finally:
            store.close()
        return Drive(site, driving).named(named) if named else Drive(site, driving).all()


def record_requests(runs: Sequence[str], place: Place, driving: Driving) -> None:
    """Has what was asked of these runs answered, here or by who drives them; nothing new is started."""
    site = Site(place)
    with translated(), Session(site, site.existing_store(), driving) as session:
        roots = dict.fromkeys(row.root for run in runs if (row := session.store.read.run(run)) is not None)
        for root in roots:
            try:
                if session.lead(root):
                    session.executor.record()
                    session.let_go(root)
            except DamagedLog:
                continue  # `drive` says so, and nothing of it can be operated


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
        if row is None or _rests(row, patience) or _is_barred(session, row):
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


def _is_barred(session: Session, row: RunRow) -> bool:
    """Whether a scheduled run is due, and its workflow starts nothing now."""
    due = row.phase == Phase.SCHEDULED and row.due_at is not None and row.due_at <= session.site.clock.now_ms()
    return due and row.version is not None and not session.dispatching(row.workflow)


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
    state = None if driven is None else driven.state
    shelf = session.executor.fleet.shelf
    return rest_in(session.store.read, shelf, run, notes, state, interrupted=session.interrupted)


def rest_in(
    read: Reader,
    shelf: PlanShelf,
    run: str,
    notes: tuple[str, ...],
    state: RunState | None = None,
    *,
    interrupted: bool,
) -> Rest:
    """The run as the store has it, unless its `state` is in memory; `interrupted` says that its driver was stopped."""
    row = read.run(run)
    assert row is not None, "a run that was driven is in the store"
    if state is None:
        with suppress(PlanIntegrity):
            state = load_state(read, shelf, row)
    if state is not None:
        view = place_in_line(read, run_view(state))
    else:
        from headgate.api.history import view_of_row

        view = view_of_row(row)
    if interrupted and not RUN_STATUSES[view.status].terminal:
        notes = (*notes, f"stopped here; `headgate drive {run}` goes on with it")
    told = None if state is None else told_wake(state)
    return Rest(view, exit_code(view.status), notes, *(told or (None, None)))


def patience_of(site: Site, driving: Driving) -> Patience:
    """How long a verb that lets a run go on waits for timers: not at all, unless it was told."""
    return Patience(_until(site, driving.wait_ms, forever=False), driving.wait_ms is not None)


def _until(site: Site, wait_ms: int | None, *, forever: bool) -> int | None:
    if wait_ms is None:
        return None if forever else site.clock.now_ms()
    return site.clock.now_ms() + wait_ms
