"""Who did what and when, over all runs; and how many runs of each workflow came to what in each period."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from headgate.api.faults import NothingStarted
from headgate.api.history import mask_of_events
from headgate.api.place import Place
from headgate.api.site import Site, find_run
from headgate.plan import Json, JsonObject, PlanIntegrity
from headgate.records import NamedTuple
from headgate.runtime.codec import decode
from headgate.runtime.events import SYSTEM, Event, EventType
from headgate.runtime.loading import PlanShelf, load_events
from headgate.runtime.masking import Mask
from headgate.runtime.status import TERMINAL_PHASES, HoldReason
from headgate.runtime.store import ActRow, ActsFilter, Entry, Reader

_E = EventType
_WORDS: dict[EventType, str] = {
    _E.RUN_CREATED: "started",
    _E.RUN_CANCELLING: "cancelled",
    _E.RUN_CANCELLED: "cancelled",
    _E.RUN_DRAINING: "stopped",
    _E.RUN_REDRIVEN: "redrove",
    _E.STEP_RETRIED: "retried",
    _E.STEP_SKIPPED: "skipped",
    _E.STEP_CONFIRMED: "confirmed",
    _E.APPROVAL_DECIDED: "decided",
    _E.APPROVAL_EXTENDED: "extended",
    _E.SIGNAL_RECEIVED: "signalled",
    _E.CALLBACK_RECEIVED: "called back",
}
_TOLD = (
    "decision",
    "comment",
    "via",
    "edit",
    "output",
    "done",
    "task",
    "expires_at",
    "fields",
    "signal",
    "event",
    "auth",
)


class Audited(NamedTuple):
    """One act of a person. `object` is a run's id, or a subject such as `workflow/refund`; `at` is UTC in ms.

    `act` is one word; `auth` is how the actor was known; `data` is what the act carried.
    """

    at: int
    actor: str
    act: str
    object: str
    workflow: str | None
    step: str | None
    reason: str | None
    auth: str | None
    data: JsonObject


class Reported(NamedTuple):
    """The runs of a workflow that were made in a period. `outcomes` counts the completed ones by outcome."""

    workflow: str
    period: str
    runs: int
    completed: int
    failed: int
    cancelled: int
    skipped: int
    open: int
    outcomes: JsonObject


def audit(chosen: ActsFilter, place: Place) -> tuple[Audited, ...]:
    """What people did, the oldest first: to runs, and to what is no run unless one is named.

    Raises `NothingStarted` when the named run does not exist.
    """
    with Site(place).reading() as read:
        if read is None:
            if chosen.run is not None:
                raise NothingStarted(f"NO_SUCH_RUN: there is no run `{chosen.run}`: nothing has run here yet")
            return ()
        if chosen.run is not None:
            chosen = chosen._replace(run=find_run(read, chosen.run))
        found = list(_of_runs(read, chosen))
        if chosen.run is None:
            found += (_of_entry(entry) for entry in read.entries_of_people(chosen))
    return tuple(sorted(found, key=lambda each: each.at))


def _of_runs(read: Reader, chosen: ActsFilter) -> Iterator[Audited]:
    shelf = PlanShelf(read)
    masks: dict[str, Mask | None] = {}
    for row in read.acts(chosen):
        event = decode(row.run, row.seq, row.body)
        act = None if event.actor == SYSTEM else _act(event)
        if act is None:
            continue
        if row.run not in masks:
            masks[row.run] = _mask(read, shelf, row)
        yield _audited(row, event, act, masks[row.run])


def _act(event: Event) -> str | None:
    """The act in one word; None for what only follows from one."""
    data = event.data
    match event.type:
        case _E.HOLD_OPENED:
            return "paused" if data.get("hold") == HoldReason.OPERATOR else None
        case _E.HOLD_RELEASED:
            return "resumed" if data.get("hold") == HoldReason.OPERATOR else None
        case _E.STEP_RETRIED if data.get("edit"):
            return "edited"
        case _E.STEP_SKIPPED:
            return {"operator": "skipped", "forced": "forced"}.get(str(data.get("detail")))
        case _E.APPROVAL_DECIDED:
            return "forced" if data.get("via") == "force" else str(data.get("decision"))
        case _E.RUN_CANCELLED | _E.RUN_CANCELLING if data.get("code") == "RUN_STOPPED":
            return "stopped"
        case _E.RUN_CREATED if data.get("source"):
            return "replayed"
    return _WORDS.get(event.type)


def _audited(row: ActRow, event: Event, act: str, mask: Mask | None) -> Audited:
    told: JsonObject = {name: event.data[name] for name in _TOLD if event.data.get(name) is not None}
    auth = told.pop("auth", None)
    shown: Json = told if mask is None else mask.apply(told)
    assert isinstance(shown, dict), "what was told of an act is a map"
    said = str(auth) if auth is not None else None
    return Audited(event.at, event.actor, act, row.run, row.workflow, event.step, event.reason, said, shown)


def _mask(read: Reader, shelf: PlanShelf, row: ActRow) -> Mask | None:
    run = read.run(row.run)
    if run is None:
        return None
    with suppress(PlanIntegrity):
        return mask_of_events(shelf.plan(run.plan_digest), load_events(read, row.run))
    return None


def _of_entry(entry: Entry) -> Audited:
    kind, _, name = entry.subject.partition("/")
    workflow = name if kind == "workflow" else None
    return Audited(entry.at, entry.actor, entry.type, entry.subject, workflow, None, entry.reason, None, {})


def report(period: str, chosen: ActsFilter, place: Place) -> tuple[Reported, ...]:
    """The runs by workflow and period (`day`, `week`, `month`, `all`) of their creation, in UTC."""
    with Site(place).reading() as read:
        if read is None:
            return ()
        rows = read.tally(period, chosen)
    found: dict[tuple[str, str], Reported] = {}
    ends = {phase.value for phase in TERMINAL_PHASES}
    for row in rows:
        key = (row.workflow, row.period)
        one = found.get(key) or Reported(*key, 0, 0, 0, 0, 0, 0, {})
        name = row.status if row.status in ends else "open"
        changes: dict[str, object] = {"runs": one.runs + row.runs, name: getattr(one, name) + row.runs}
        if row.outcome is not None and row.status == "completed":
            changes["outcomes"] = {**one.outcomes, row.outcome: row.runs}
        found[key] = one._replace(**changes)  # type: ignore[arg-type]
    return tuple(found.values())
