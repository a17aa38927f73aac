"""Whether the store holds what its logs say: every projection is made anew from the log and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headgate.plan import PlanIntegrity
from headgate.runtime.auditing_kept import audit_connections, audit_contents, audit_leftovers, audit_taken
from headgate.runtime.breakers import Tripped, fold_breakers
from headgate.runtime.differences import Difference
from headgate.runtime.errors import DamagedLog, KeyFault, StoreError
from headgate.runtime.loading import PlanShelf, load_state
from headgate.runtime.projecting import project, project_approval
from headgate.runtime.state import RunState
from headgate.runtime.status import TERMINAL_PHASES
from headgate.runtime.store import ApprovalRow, Reader, RunRow, limits
from headgate.runtime.store.workflows import version_rows, workflow_row
from headgate.runtime.times import iso
from headgate.runtime.view import mask_of
from headgate.runtime.wakes import wake_sources


def audit(read: Reader, told: Callable[[int, int], None]) -> Iterator[Difference]:
    """Everything in the store that is not what it should be. `told` gets how many runs were looked at, of how many.

    Give it a reader that sees one moment of the store. Raises `StoreError` when it cannot be read at all.
    """
    fault = read.fault()
    if fault is not None:
        yield Difference("file", "store", f"SQLite finds the file damaged: {fault}")
    ids = read.run_ids()
    known = frozenset(ids)
    shelf = PlanShelf(read)
    for done, run in enumerate(ids):
        told(done, len(ids))
        row = read.run(run)
        if row is not None:
            yield from audit_run(read, shelf, row, known)
    told(len(ids), len(ids))
    yield from _orphans(read, known)
    yield from _limits(read)
    yield from _workflows(read, shelf)
    yield from audit_connections(read)
    yield from audit_leftovers(read)
    yield from audit_contents(read, shelf)


def audit_run(read: Reader, shelf: PlanShelf, row: RunRow, known: frozenset[str]) -> Iterator[Difference]:
    """The same of one run; `known` are the ids of all runs."""
    for name, other in (("the top of its family", row.root), ("its caller", row.parent)):
        if other is not None and other not in known:
            yield Difference("orphan", row.id, f"{name}, run {other}, is not in the store")
    try:
        state = load_state(read, shelf, row)
    except PlanIntegrity as fault:
        if row.failure_code != "PLAN_INTEGRITY":
            yield Difference("plan", row.id, f"its plan {row.plan_digest} is damaged: {fault}")
        return
    except (DamagedLog, KeyFault) as fault:
        yield Difference("log", row.id, str(fault))
        return
    yield from _compared("run", row.id, row, project(state, row.root))
    yield from _approvals(read, state)
    yield from _waits(read, state)
    yield from audit_taken(read, state)
    if state.phase not in TERMINAL_PHASES and next(wake_sources(state), None) is None:
        yield Difference("stalled", row.id, "it is open and nothing will ever wake it")


def _approvals(read: Reader, state: RunState) -> Iterator[Difference]:
    stored = {row.id: row for row in read.approvals(state.run_id, ())}
    mask = mask_of(state)
    rebuilt = {task: project_approval(state.run_id, approval, mask) for task, approval in state.approvals.items()}
    for task, row in rebuilt.items():
        found = stored.pop(task, None)
        if found is None:
            yield Difference("approval", task, "it is in the log and not in the list", row=row)
        else:
            yield from _compared("approval", task, found, row)
    for task in stored:
        yield Difference("approval", task, f"it is in the list and not in the log of run {state.run_id}")


def _waits(read: Reader, state: RunState) -> Iterator[Difference]:
    """A wait that signals would not find, or one that is over: the next event of its step puts it right."""
    stored = read.waits_of(state.run_id)
    rebuilt = {} if state.phase in TERMINAL_PHASES else dict(state.listening)
    for path in sorted(stored.keys() | rebuilt.keys()):
        before, after = stored.get(path), rebuilt.get(path)
        if before != after:
            message = f"what `{path}` waits for in the list differs from its log: signals look there"
            yield Difference("wait", f"{state.run_id} {path}", message, before, after)


def _compared(
    kind: str, name: str, stored: RunRow | ApprovalRow, rebuilt: RunRow | ApprovalRow
) -> Iterator[Difference]:
    if stored == rebuilt:
        return
    fields = [
        (field, before, after)
        for field, before, after in zip(rebuilt._fields, stored, rebuilt, strict=True)
        if before != after
    ]
    yield Difference(
        kind,
        name,
        f"its list entry differs from its log in {', '.join(field for field, _, _ in fields)}",
        ", ".join(f"{field} = {before!r}" for field, before, _ in fields),
        ", ".join(f"{field} = {after!r}" for field, _, after in fields),
        rebuilt,
    )


def _workflows(read: Reader, shelf: PlanShelf) -> Iterator[Difference]:
    """Each workflow with its versions is what its log comes to, and the plans and texts of its versions are there."""
    listed = set(read.workflow_names())
    for name in sorted(listed | set(read.workflow_subjects())):
        try:
            state = read.workflow_state(name)
        except StoreError as fault:
            yield Difference("log", f"workflow/{name}", str(fault))
            continue
        if not state.seq:
            yield Difference("workflow", name, "it is in the list and not in the log")
            continue
        if read.workflow(name) != workflow_row(state) or read.versions(name) != version_rows(state):
            yield Difference("workflow", name, "its list entry, or one of its versions, differs from its log")
        for version in state.versions.values():
            if read.text(version.text) is None:
                yield Difference("workflow", f"{name}@{version.number}", "the text that it was made of is missing")
            try:
                shelf.plan(version.plan_digest)
            except PlanIntegrity as fault:
                yield Difference(
                    "plan", f"{name}@{version.number}", f"its plan {version.plan_digest} is damaged: {fault}"
                )


def _limits(read: Reader) -> Iterator[Difference]:
    """The open breakers are those that their journal leaves open, and what is set aside is for runs that are open."""
    told = fold_breakers((entry.type, entry.at, entry.data) for entry in read.journal(limits.SUBJECT))
    stored = {(each.scope, each.breaker): each for each in limits.open_breakers(read.connection)}
    for key in [*told, *(key for key in stored if key not in told)]:
        if told.get(key) != stored.get(key):
            name = f"{key[1]} of {key[0] or 'the account'}"
            before, after = stored.get(key), told.get(key)
            message = "the breaker differs from the log of the limits"
            yield Difference("breaker", name, message, _open(before), _open(after))
    for run in limits.reserving_ended(read.connection):
        yield Difference("reservation", run, "money is set aside for calls of a run that is not open")


def _open(tripped: Tripped | None) -> str:
    return "closed" if tripped is None else f"open since {iso(tripped.at)}: {tripped.message}"


def _orphans(read: Reader, known: frozenset[str]) -> Iterator[Difference]:
    for number in read.events_without_run():
        yield Difference("orphan", f"run number {number}", "its events are in the log, and the run is not in the list")
    for task, run in read.approvals_without_run():
        yield Difference("orphan", task, f"its run {run} is not in the store")
    for root in read.roots_without_lease():
        if root in known:
            yield Difference("orphan", root, "its family has no lease, so that nobody could ever drive it")


__all__ = ["Difference", "audit", "audit_run"]
