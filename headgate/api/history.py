"""What happened: runs, one run, its events, the approvals; and why a run does not move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import cast

from headgate.api.faults import NothingStarted
from headgate.api.limits import place_in_line, turn_of
from headgate.api.place import Place
from headgate.api.site import Site, find_run, translated
from headgate.api.standing import is_workflow, why_workflow
from headgate.api.vocabularies import called, canonical, spoken, vocabulary_of
from headgate.plan import Json, JsonObject, Plan, PlanIntegrity
from headgate.records import NamedTuple
from headgate.runtime.decider import fold
from headgate.runtime.errors import KeyFault
from headgate.runtime.events import Event
from headgate.runtime.links import link_of
from headgate.runtime.loading import PlanShelf, load_events, load_state
from headgate.runtime.masking import Mask
from headgate.runtime.status import HoldReason, Phase, RunStatus, release_command
from headgate.runtime.status_of import is_overdue
from headgate.runtime.store import ApprovalRow, Entry, Reader, RunFilter, RunRow
from headgate.runtime.view import (
    HoldView,
    RunView,
    StepView,
    failure_view,
    mask_of,
    run_view,
    secret_inputs,
    shown_inputs,
)
from headgate.runtime.why import Reason, reasons
from headgate.runtime.workflow_status import WorkflowStatus

PENDING = ("pending",)
PAGE = 500
PLACES_SHOWN = 100
"""A list with more queued runs than this is shown without their places, which cost a question each."""
BROKEN_DOWN = 100
"""Of so many runs of a workflow's list the steps are shown, each from its log."""


class ApprovalView(NamedTuple):
    """One approval as people see it. Times are UTC in ms. `link` is the one-time token of the one who asks, when it is
    pending and one was made for them.
    """

    id: str
    run: str
    step: str
    status: str
    title: str | None
    assignees: tuple[str, ...]
    reversibility: str | None
    expires_at: int | None
    on_expiry: str | None
    decided_by: str | None
    decided_at: int | None
    comment: str | None
    requested_at: int
    body: str | None
    kind: str = "approval"
    channel: str = "inbox"
    fields: JsonObject | None = None
    escalated_from: str | None = None
    via: str | None = None
    link: str | None = None


def runs(chosen: RunFilter, place: Place) -> tuple[RunView, ...]:
    """The runs that `chosen` lets through, the newest first, without steps, inputs and output."""
    site = Site(place)
    with site.reading() as read:
        if read is None:
            return ()
        if chosen.before is not None:
            chosen = chosen._replace(before=find_run(read, chosen.before))
        now = site.clock.now_ms()
        found = tuple(timed(view_of_row(row), now) for row in read.runs(chosen))
        if sum(view.status == RunStatus.QUEUED for view in found) <= PLACES_SHOWN:
            found = tuple(place_in_line(read, view) for view in found)
    return found


def counts(chosen: RunFilter, place: Place) -> dict[str, dict[str, int]]:
    """How many runs `chosen` lets through, by workflow and status."""
    with Site(place).reading() as read:
        if read is None:
            return {}
        return read.counts(chosen)


def breakdowns(views: Sequence[RunView], place: Place) -> dict[str, Mapping[str, StepView]]:
    """The steps of each of the newest of these runs; of a run whose plan is damaged none."""
    with Site(place).reading() as read:
        if read is None:
            return {}
        found: dict[str, Mapping[str, StepView]] = {}
        shelf = PlanShelf(read)
        for view in views[:BROKEN_DOWN]:
            row = read.run(view.run)
            with suppress(PlanIntegrity):
                found[view.run] = {} if row is None else run_view(load_state(read, shelf, row)).steps
    return found


def timed(view: RunView, now_ms: int) -> RunView:
    """The view, with whether it is overdue."""
    return view._replace(overdue=True) if is_overdue(view.status, view.due_at, now_ms) else view


def runs_called(wanted: Sequence[str], chosen: RunFilter, vocabulary: str, place: Place) -> tuple[RunView, ...]:
    """As `runs`, in the words of a vocabulary: those called by one of `wanted`, or all. Raises `UsageFault`."""
    words = vocabulary_of(vocabulary, place.folder)
    pages = _pages(chosen._replace(statuses=canonical(wanted, words)), place)
    return tuple(islice(called(pages, wanted, words), chosen.limit))


def _pages(chosen: RunFilter, place: Place) -> Iterator[RunView]:
    """The runs that `chosen` lets through, not only its limit: a page at a time, for as long as more are asked for."""
    page = None if chosen.limit is None else max(chosen.limit, PAGE)
    while True:
        found = runs(chosen._replace(limit=page), place)
        yield from found
        if page is None or len(found) < page:
            return
        chosen = chosen._replace(before=found[-1].run)


@contextmanager
def changes(place: Place) -> Iterator[Callable[[], object]]:
    """A function whose answer changes whenever something in the store has."""
    site = Site(place)
    opened: list[Reader] = []

    def stamp() -> object:
        if not opened and (read := site.open_reader()) is not None:
            opened.append(read)
        with translated():
            return opened[0].data_version() if opened else None

    try:
        yield stamp
    finally:
        for read in opened:
            read.close()


def show(run: str, place: Place, vocabulary: str | None = None) -> RunView:
    """One run with its steps, by any unique prefix of its id, in the words of a vocabulary when one is named.

    Raises `NothingStarted` when there is no such run, `UsageFault` for what is no vocabulary.
    """
    words = None if vocabulary is None else vocabulary_of(vocabulary, place.folder)
    with _named(run, place) as (read, row):
        view = timed(view_of(read, row), Site(place).clock.now_ms())
    return view if words is None else spoken(view, words)


def events(run: str, place: Place) -> tuple[Event, ...]:
    """The events of one run in order; raises as `show`."""
    with _named(run, place) as (read, row):
        found = load_events(read, row.id)
        with suppress(PlanIntegrity):
            found = _masked(found, PlanShelf(read).plan(row.plan_digest))
    return tuple(found)


def _masked(found: list[Event], plan: Plan) -> list[Event]:
    """The events of a run without the values of its secret inputs, which nobody is shown."""
    inputs = found[0].data.get("inputs") if found else None
    if not isinstance(inputs, dict):
        return found
    mask = mask_of_events(plan, found)
    if not mask.hides:
        return found
    shown = shown_inputs(plan, inputs, mask)
    masked = [event._replace(data=_shown(event.data, mask)) for event in found]
    return [masked[0]._replace(data={**masked[0].data, "inputs": shown}), *masked[1:]]


def _shown(data: JsonObject, mask: Mask) -> JsonObject:
    return cast("JsonObject", mask.apply({name: value for name, value in data.items() if name != "hidden"}))


def mask_of_events(plan: Plan, found: list[Event]) -> Mask:
    """What hides the values that are secret to a run, as its events tell of them."""
    inputs = found[0].data.get("inputs") if found else None
    told = [each for event in found if isinstance(each := event.data.get("hidden"), list)]
    return secret_inputs(
        plan, inputs if isinstance(inputs, dict) else {}, (str(value) for each in told for value in each)
    )


class WholeRun(NamedTuple):
    """Everything of one run at one moment, as people may see it: its secret inputs are masked."""

    view: RunView
    events: tuple[Event, ...]


def whole_run(run: str, place: Place, vocabulary: str | None = None) -> WholeRun:
    """One run with its events, read and folded once. As `show`."""
    words = None if vocabulary is None else vocabulary_of(vocabulary, place.folder)
    with _named(run, place) as (read, row), read.moment():
        whole = _whole(read, PlanShelf(read), row)
    view = timed(whole.view, Site(place).clock.now_ms())
    return whole._replace(view=view if words is None else spoken(view, words))


def _whole(read: Reader, shelf: PlanShelf, row: RunRow) -> WholeRun:
    found = load_events(read, row.id)
    try:
        plan = shelf.plan(row.plan_digest)
    except PlanIntegrity:
        return WholeRun(view_of_row(row), tuple(found))
    view = place_in_line(read, run_view(fold(row.id, plan, found)))
    return WholeRun(view, tuple(_masked(found, plan)))


def whole_runs(chosen: RunFilter, place: Place) -> Iterator[WholeRun]:
    """Each run that `chosen` lets through with its events, the newest first, one in memory at a time."""
    with Site(place).reading() as read:
        if read is None:
            return
        with read.moment():
            shelf = PlanShelf(read)
            for row in read.runs(chosen):
                yield _whole(read, shelf, row)


def journal(chosen: RunFilter, place: Place) -> Iterator[Entry]:
    """What happened to things that are no run, by subject and in order; of one workflow when `chosen` names it."""
    with Site(place).reading() as read:
        if read is None:
            return
        with read.moment():
            subjects = read.journal_subjects() if chosen.workflow is None else [f"workflow/{chosen.workflow}"]
            for subject in subjects:
                for entry in read.journal(subject):
                    if (chosen.since or 0) <= entry.at and (chosen.until is None or entry.at < chosen.until):
                        yield entry


def approvals(
    place: Place, run: str | None = None, statuses: tuple[str, ...] | None = None
) -> tuple[ApprovalView, ...]:
    """The approvals of a run, or of all; the pending ones when neither a run nor statuses are given."""
    site = Site(place)
    with site.reading() as read:
        if read is None:
            if run is not None:
                raise NothingStarted(f"NO_SUCH_RUN: there is no run `{run}`: nothing has run here yet")
            return ()
        if statuses is None:
            statuses = PENDING if run is None else ()
        whole = None if run is None else find_run(read, run)
        return tuple(_approval(row, site) for row in read.approvals(whole, statuses))


def why(name: str, place: Place) -> tuple[Reason, ...]:
    """What holds a run or what it waits for, or why a workflow starts none, and the command that clears it.

    Never empty. Raises as `show`, and for a workflow of which nothing was published.
    """
    if is_workflow(name):
        return why_workflow(name, Site(place))
    return _why_run(name, place)


def _why_run(run: str, place: Place) -> tuple[Reason, ...]:
    with _named(run, place) as (read, row):
        try:
            state = load_state(read, PlanShelf(read), row)
            mask = mask_of(state)
            now = Site(place).clock.now_ms()
            found = tuple(reason._replace(message=mask.text(reason.message)) for reason in reasons(state, now))
            turn = turn_of(read, row.id)
            if turn is not None and found[0].kind == "phase":
                found = (turn,)
            found = (*_of_workflow(read, row, now), *found)
        except PlanIntegrity as fault:
            message = f"PLAN_INTEGRITY: {row.failure_message or fault}"
            found = (Reason("ended", row.id, row.ended_at, None, None, message),)
    return found


def _of_workflow(read: Reader, row: RunRow, now_ms: int) -> tuple[Reason, ...]:
    """A scheduled run that is due waits for its workflow when that starts nothing."""
    workflow = None if row.version is None else read.workflow(row.workflow)
    if workflow is None or row.phase != Phase.SCHEDULED or row.due_at is None or row.due_at > now_ms:
        return ()
    status = WorkflowStatus(workflow.status)
    if status in (WorkflowStatus.PUBLISHED, WorkflowStatus.PAUSED_SAFETY):
        return ()
    command = f"headgate {'activate' if status is WorkflowStatus.DRAFT else 'enable'} {row.workflow}"
    message = f"it is overdue: its workflow is {status} and starts nothing"
    return (Reason("workflow", row.workflow, workflow.changed_at, "anybody", command, message),)


def view_of(read: Reader, row: RunRow) -> RunView:
    """A stored run with its steps; without them when its plan is damaged, which its failure then says."""
    try:
        return place_in_line(read, run_view(load_state(read, PlanShelf(read), row)))
    except PlanIntegrity:
        return view_of_row(row)


def view_of_row(row: RunRow) -> RunView:
    """A run as lists show it: without steps, inputs and output."""
    failure = None
    if row.failure_code is not None:
        failure = failure_view(row.failure_code, row.failed_step, row.failure_message)
    return RunView(
        run=row.id,
        workflow=row.workflow,
        version=row.version,
        plan_digest=row.plan_digest,
        status=RunStatus(row.status),
        detail=row.detail,
        outcome=row.outcome,
        trigger=row.trigger,
        epoch=row.epoch,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        inputs={},
        output=None,
        failure=failure,
        holds=tuple(_hold(row, hold) for hold in json.loads(row.holds)),
        steps={},
        due_at=row.due_at,
    )


def _hold(row: RunRow, kept: list[Json]) -> HoldView:
    """A hold as `projecting` wrote it down."""
    reason, step, since, by, note, connection, cured, by_itself = [*kept, None, False, False][:8]
    assert isinstance(since, int), "a hold has its time"
    at, named = _text(step), _text(connection)
    release = release_command(HoldReason(str(reason)), row.id, row.workflow, at, named, cured=bool(cured))
    return HoldView(str(reason), since, str(by), release, at, _text(note), named, bool(by_itself))


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


@contextmanager
def _named(run: str, place: Place) -> Iterator[tuple[Reader, RunRow]]:
    """The store for reading, and the row of the run that `run` begins; raises `NothingStarted` for none."""
    with Site(place).reading() as read:
        if read is None:
            raise NothingStarted(f"NO_SUCH_RUN: there is no run `{run}`: nothing has run here yet")
        row = read.run(find_run(read, run))
        assert row is not None, "a run that was found is there"
        yield read, row


def _approval(row: ApprovalRow, site: Site) -> ApprovalView:
    link = None
    if row.status == "pending" and row.links != "{}":
        with suppress(KeyFault):  # the inbox is always there
            link = link_of(site.keys, row, site.place.actor)
    return ApprovalView(
        row.id, row.run, row.step, row.status, row.title, tuple(json.loads(row.assignees)), row.reversibility,
        row.expires_at, row.on_expiry, row.decided_by, row.decided_at, row.comment, row.requested_at, row.body,
        row.kind, row.channel, _json(row.fields), row.escalated_from, row.via, link,
    )  # fmt: skip


def _json(text: str | None) -> JsonObject | None:
    return None if text is None else cast("JsonObject", json.loads(text))
