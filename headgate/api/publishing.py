"""Versions and dispatch: what is published, which version is active, what stops a workflow. Each act is one entry of
the workflow's log, or a few, in one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from headgate.api.faults import NothingStarted, Refused
from headgate.api.passing import Publishing, pass_file, pass_text
from headgate.api.place import Driving, Place
from headgate.api.site import Site, translated
from headgate.api.workflows import WorkflowView, no_such_workflow, view_of
from headgate.plan import Json, Plan, PlanIntegrity
from headgate.records import NamedTuple
from headgate.runtime.acts import RefusalCode
from headgate.runtime.loading import PlanShelf
from headgate.runtime.store.workflows import (
    Signed,
    ask_workflow,
    put_cancel,
    runs_needing,
    text_of,
    workflow_names,
    workflow_of,
)
from headgate.runtime.verdicts import Refusal
from headgate.runtime.workflow_judging import Granted, WorkflowRequest, WorkflowVerdict, activated_next
from headgate.runtime.workflow_log import Version, WorkflowState, derive_workflow
from headgate.runtime.workflow_status import VersionStatus, WorkflowAct, WorkflowStatus

if TYPE_CHECKING:
    from headgate.validators.report import CheckReport

NAMED_AT_MOST = 20


class Because(NamedTuple):
    """Why somebody acts; the same `request_id` twice is one act, and the second gets the first answer."""

    reason: str | None = None
    request_id: str | None = None


class Done(NamedTuple):
    """What an act came to. `message` is one sentence, `version` the one it was about.

    `changed` is False when it was so already. `notes` are further lines for people; `suppressed` names the findings of
    HG6xx and HG7xx that comments in the file silence; `report` is the gate's, when it was asked.
    """

    message: str
    view: WorkflowView
    version: int | None = None
    changed: bool = True
    notes: tuple[str, ...] = ()
    suppressed: tuple[str, ...] = ()
    report: CheckReport | None = None


def publish(target: str, how: Publishing, because: Because, place: Place) -> Done:
    """Publishes `FILE` or `FILE#NAME` through the gate, and makes it the active version.

    Raises `CompilationFailed` with the findings when it does not pass; then the active version stays as it is.
    """
    site = Site(place, place.folder / target.partition("#")[0])
    made = pass_file(target, how, site)
    name = made.plan.workflow
    request = WorkflowRequest(
        WorkflowAct.DRAFT if how.draft else WorkflowAct.PUBLISH,
        site.clock.now_ms(),
        facts=made.facts(how.note, site.environment),
        triggers=made.plan.triggers,
        activate=how.activate,
    )
    done = _act(site, name, request, because, made.keep)
    notes = (*done.notes, *_unpublished_callees(site, made.plan))
    return done._replace(report=made.report, suppressed=made.suppressed if done.changed else (), notes=notes)


def activate(name: str, version: int | None, because: Because, place: Place) -> Done:
    """Makes a version the active one: the draft, or the one that was active before, when no number is given.

    A draft goes through the gate first, and is published; raises `CompilationFailed` when it does not pass.
    """
    site = Site(place)
    state, text = _found(site, name, version)
    wanted = activated_next(state) if version is None else state.versions.get(version)
    made = None
    if wanted is not None and wanted.status is VersionStatus.DRAFT and state.archived is None:
        made = pass_text(name, wanted, text or "", site, state)
    request = WorkflowRequest(
        WorkflowAct.ACTIVATE,
        site.clock.now_ms(),
        None if wanted is None else wanted.number,
        facts={} if made is None else made.facts(None, wanted.environment if wanted is not None else None),
        triggers=_triggers(site, wanted) if made is None else made.plan.triggers,
    )
    if version is not None:
        request = request._replace(version=version)
    done = _act(site, name, request, because, None if made is None else made.keep)
    return done if made is None else done._replace(report=made.report, suppressed=made.suppressed)


def deactivate(name: str, because: Because, place: Place) -> Done:
    """Leaves the workflow without an active version: nothing starts it."""
    return _plain(WorkflowAct.DEACTIVATE, name, because, place)


def disable(name: str, because: Because, place: Place) -> Done:
    """Switches a workflow off; its open runs go on."""
    return _plain(WorkflowAct.DISABLE, name, because, place)


def enable(name: str, because: Because, place: Place) -> Done:
    """Switches a workflow on again, or brings an archived one back as a draft."""
    return _plain(WorkflowAct.ENABLE, name, because, place)


def archive(name: str, version: int | None, because: Because, place: Place, *, cancel_runs: bool = False) -> Done:
    """Puts a workflow away, or one version of it. Refused with the list of the open runs that need it.

    With `cancel_runs` they are cancelled instead, for DEPENDENCY_REMOVED.
    """
    site = Site(place)
    cancelled: list[str] = []

    def guard(connection: sqlite3.Connection, state: WorkflowState) -> None:
        digest = None if version is None or version not in state.versions else state.versions[version].plan_digest
        needing = runs_needing(connection, name, None if digest is None else (version, digest))
        if not needing:
            return
        if not cancel_runs:
            raise Refused(RefusalCode.WORKFLOW_IN_USE, _in_use(name, version, needing))
        cancelled.extend(needing)
        for run in needing:
            put_cancel(connection, run, place.actor, f"the workflow `{name}` was archived", site.clock.now_ms())

    request = WorkflowRequest(WorkflowAct.ARCHIVE, site.clock.now_ms(), version)
    done = _act(site, name, request, because, guard)
    if not cancelled:
        return done
    _carry_out(cancelled, place)
    count = len(cancelled)
    said = f"{count} open run{' was' if count == 1 else 's were'} cancelled (DEPENDENCY_REMOVED): {_named(cancelled)}"
    return done._replace(view=_seen(site, name), notes=(*done.notes, said))


def _seen(site: Site, name: str) -> WorkflowView:
    """The workflow as it stands now."""
    with translated():
        store = site.existing_store()
        try:
            view = view_of(store.read, name, site.clock.now_ms())
        finally:
            store.close()
    assert view is not None, "a workflow that was acted on is there"
    return view


def _carry_out(runs: list[str], place: Place) -> None:
    """Has the stored requests to cancel answered: by this process, or by the one that drives the run."""
    from headgate.api.running import record_requests

    record_requests(runs, place, Driving())


def _in_use(name: str, version: int | None, runs: list[str]) -> str:
    what = f"`{name}`" if version is None else f"version {version} of `{name}`"
    count = len(runs)
    return (
        f"{count} open run{' needs' if count == 1 else 's need'} {what}: {_named(runs)}; let them end, or add "
        "--cancel-runs"
    )


def _named(runs: list[str]) -> str:
    more = f" and {len(runs) - NAMED_AT_MOST} more" if len(runs) > NAMED_AT_MOST else ""
    return ", ".join(runs[:NAMED_AT_MOST]) + more


# One act


def _plain(act: WorkflowAct, name: str, because: Because, place: Place) -> Done:
    site = Site(place)
    return _act(site, name, WorkflowRequest(act, site.clock.now_ms()), because)


def _act(
    site: Site,
    name: str,
    request: WorkflowRequest,
    because: Because,
    then: Callable[[sqlite3.Connection, WorkflowState], None] | None = None,
) -> Done:
    """Judges and stores an act on a workflow; `then` is done in its transaction, given the workflow as it was before.

    Raises `Refused`, and `NothingStarted` for a workflow there is none of.
    """
    makes = request.act in (WorkflowAct.PUBLISH, WorkflowAct.DRAFT)
    with translated():
        store = site.open_store() if makes else site.existing_store()
        try:
            with store.transaction() as connection:
                state = workflow_of(connection, name)
                if not state.seq and not makes:
                    raise no_such_workflow(name, workflow_names(connection))
                signed = Signed(site.place.actor, because.reason, because.request_id)
                verdict, after = ask_workflow(connection, name, request, signed)
                if isinstance(verdict, Refusal):
                    raise Refused(verdict.code.value, verdict.message)
                if isinstance(verdict, Granted) and then is not None:
                    then(connection, state)
            view = view_of(store.read, name, site.clock.now_ms())
        finally:
            store.close()
    assert view is not None, "a workflow that was acted on is there"
    return Done(verdict.answer, view, _version_of(verdict, after), isinstance(verdict, Granted), _stays(state, after))


def _version_of(verdict: WorkflowVerdict, after: WorkflowState) -> int | None:
    number = verdict.version if isinstance(verdict, Granted) else None
    return after.active if number is None else number


def _stays(before: WorkflowState, after: WorkflowState) -> tuple[str, ...]:
    """What keeps a workflow from dispatching though a version of it became active."""
    status = derive_workflow(after).status
    if after.active in (None, before.active) or status is WorkflowStatus.PUBLISHED:
        return ()
    if status is WorkflowStatus.DISABLED:
        return (f"`{after.name}` is disabled and starts nothing: `headgate enable {after.name}`",)
    return (f"`{after.name}` is {status} and starts nothing: `headgate why {after.name}`",)


def _found(site: Site, name: str, version: int | None) -> tuple[WorkflowState, str | None]:
    """The workflow, and the text of the draft that `version`, or none, means."""
    with translated():
        store = site.existing_store()
        try:
            with store.transaction() as connection:
                state = workflow_of(connection, name)
                if not state.seq:
                    raise no_such_workflow(name, workflow_names(connection))
                wanted = activated_next(state) if version is None else state.versions.get(version)
                text = None if wanted is None else text_of(connection, wanted.text)
        finally:
            store.close()
    return state, text


def _triggers(site: Site, version: Version | None) -> Mapping[str, Json]:
    """The triggers of a stored plan; raises `NothingStarted` when it is damaged."""
    if version is None:
        return {}
    with site.reading() as read:
        assert read is not None, "a store with a workflow is there"
        try:
            return PlanShelf(read).plan(version.plan_digest).triggers
        except PlanIntegrity as fault:
            raise NothingStarted(f"PLAN_INTEGRITY: version {version.number} cannot run: {fault}") from fault
        finally:
            read.close()


def _unpublished_callees(site: Site, plan: Plan) -> tuple[str, ...]:
    """A line for each workflow that the plan calls and of which no version is active."""
    names = plan.requires.get("workflows")
    if not isinstance(names, list) or not names:
        return ()
    with site.reading() as read:
        if read is None:
            return ()
        rows = {str(name): read.workflow(str(name)) for name in names}
    return tuple(
        f"it calls `{name}`, of which no version is active: publish that too, or the step that calls it fails"
        for name, row in rows.items()
        if row is None or row.active is None
    )
