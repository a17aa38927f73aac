"""The runs this process leads, with their families: what happens to one reaches its parent and its sub-runs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from headgate.plan import JsonObject, PlanIntegrity
from headgate.runtime.admitting import UNPAID
from headgate.runtime.alarms import Alarms
from headgate.runtime.bindings import Bindings
from headgate.runtime.children import (
    DEPTH_LIMIT,
    CalleeRefused,
    Callees,
    Caller,
    asked_for,
    awaits,
    creation,
    ended_for,
    ending,
    ending_of_row,
    refused,
    too_deep,
)
from headgate.runtime.commands import Record
from headgate.runtime.driven import DrivenRun
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import SYSTEM, EventType
from headgate.runtime.hearing import SIGNAL, hear, heard
from headgate.runtime.judging import Accepted, People, Refusal, Request, Verdict, judge
from headgate.runtime.keys import Keys
from headgate.runtime.limiting import METERED
from headgate.runtime.links import asked, said
from headgate.runtime.loading import PlanShelf, failing_write, load_family, load_state
from headgate.runtime.sealing import needs_sealing, sealer
from headgate.runtime.state import new
from headgate.runtime.status import TERMINAL_PHASES, HoldReason, Phase, RunStatus, StepStatus
from headgate.runtime.store import (
    Also,
    Identifiers,
    Lease,
    Notice,
    Owner,
    RunWrite,
    Store,
    StoredRequest,
    cleared,
    noted,
)
from headgate.runtime.turnstile import Turnstile
from headgate.runtime.verdicts import body_of
from headgate.runtime.wakes import is_forgotten, next_wake
from headgate.runtime.weighing import held_for

_ABOUT_TO_CALL = frozenset({StepStatus.READY, StepStatus.INTERRUPTED})
_TOWARDS_A_CALL = frozenset({EventType.STEP_DISPATCHED, EventType.APPROVAL_REQUESTED})
_PASSED_ON = frozenset({"pause", "resume"})


class Fleet:
    """Runs in memory, each under a lease.

    `dispatching` says whether a workflow lets runs start that are due; `barred` are those it does not.
    """

    def __init__(
        self,
        store: Store,
        owner: Owner,
        callees: Callees,
        bindings: Bindings,
        people: People,
        *,
        identifiers: Identifiers | None = None,
    ) -> None:
        self.runs: dict[str, DrivenRun] = {}
        self._families: dict[str, dict[str, DrivenRun]] = {}
        self.leases: dict[str, Lease] = {}
        self.loads = 0  # how often a family was taken
        self.shelf = PlanShelf(store.read)
        self._store = store
        self._owner = owner
        self._callees = callees
        self._bindings = bindings
        self._people = people
        self.keys: Keys | None = None
        self._identifiers = identifiers or Identifiers()
        self.turnstile = Turnstile()
        self._dirty: dict[str, None] = {}
        self._touched: dict[str, DrivenRun] = {}
        self.looked_at: dict[str, None] = {}  # the families of `writes`
        self._alarms = Alarms()
        self._newest_signal = -1
        self.dispatching: Callable[[str], bool] = lambda _workflow: True
        self.barred: set[str] = set()

    # Runs come and go

    def create(self, record: Record, plan_content: bytes | None, at: int, also: tuple[Also, ...] = ()) -> DrivenRun:
        """A new run at the top of its family. `record` is its creation; its plan is on the shelf, and in the
        store already without `plan_content`.

        `also` are rows that are written with it; what they raise in the store refuses the run.
        """
        plan = self.shelf.plan(str(record.data["plan_digest"]))
        run = self._identifiers.new(at)
        lease = Lease(run, self._owner.name, 1)
        driven = DrivenRun(new(run, plan), lease, None, plan_content)
        inputs = record.data.get("inputs")
        if "hidden" in record.data or needs_sealing(plan, inputs if isinstance(inputs, dict) else {}):
            self._seal(driven)
        driven.append(record, at)
        driven.also += also
        self._add(driven)
        self.turnstile.enter(driven)
        return driven

    def take(self, root: str, at: int) -> bool:
        """Takes the lease of a family and loads what is open of it; False while another process drives it.

        What was in flight there is recorded as lost, and a run whose plan is damaged as failed. Raises `DamagedLog`.
        """
        lease = self._store.take_lease(root, self._owner, at)
        if lease is None:
            return False
        self._load(lease, at)
        return True

    def take_all(self, roots: list[str], at: int) -> dict[str, str]:
        """As `take` for each, with one act on the store; gives what is wrong with those that cannot be loaded."""
        faults: dict[str, str] = {}
        for lease in self._store.take_leases(roots, self._owner, at):
            try:
                self._load(lease, at)
            except DamagedLog as fault:
                faults[lease.root] = str(fault)
        return faults

    def put_back(self, root: str, at: int) -> None:
        """Makes a family what it was at the last commit: what followed in memory is dropped. Raises as `take`."""
        lease = self.leases[root]
        self.forget(root)
        self._load(lease, at)

    def _load(self, lease: Lease, at: int) -> None:
        self.loads += 1
        try:
            family = load_family(self._store.read, self.shelf, lease)
        except BaseException:
            self._store.release_leases([lease])
            raise
        for row, fault in family.damaged:
            if row.ended_at is None:
                self._store.commit([failing_write(self._store.read, row, lease, fault, at)])
        self.leases[lease.root] = lease
        for driven in family.runs:
            self._add(driven)
            self._seal_again(driven)
        for driven in family.runs:
            self._recover(driven, at)

    def leads(self, run: str) -> Lease | None:
        """The lease under which a run is led here, in memory or not."""
        row = self._store.read.run(run)
        return None if row is None else self.leases.get(row.root)

    def member(self, run: str) -> DrivenRun | None:
        """A run of a family that is led here, loaded when it had ended before; None for another, or a damaged one."""
        driven = self.runs.get(run)
        if driven is not None:
            return driven
        row = self._store.read.run(run)
        lease = None if row is None else self.leases.get(row.root)
        if row is None or lease is None:
            return None
        try:
            driven = DrivenRun(load_state(self._store.read, self.shelf, row), lease, row)
        except (PlanIntegrity, DamagedLog):
            return None
        self._add(driven)
        self._seal_again(driven)
        return driven

    def family(self, root: str) -> list[DrivenRun]:
        """The runs in memory that are led under one lease."""
        return list(self._families.get(root, {}).values())

    def forget(self, root: str) -> None:
        """Drops a family from memory: another process has taken it, or it was given back."""
        self.leases.pop(root, None)
        for each in self._families.pop(root, {}).values():
            del self.runs[each.id]
            self.barred.discard(each.id)
            self.turnstile.line.leave(each.id)
            self._dirty.pop(each.id, None)
            self._touched.pop(each.id, None)
            self._alarms.drop(each.id)
        self._alarms.tidy()

    def _add(self, driven: DrivenRun) -> None:
        self.runs[driven.id] = driven
        if self.turnstile.limiter is not None:
            driven.metering = self.turnstile.meter
        self._families.setdefault(driven.lease.root, {})[driven.id] = driven
        self.leases.setdefault(driven.lease.root, driven.lease)
        self._dirty[driven.id] = None

    def _recover(self, driven: DrivenRun, at: int) -> None:
        """What the last driver had in flight is lost; what it failed without a state to tell from is told."""
        for path, attempt in list(driven.state.in_flight.items()):
            driven.append(Record(EventType.ATTEMPT_LOST, {"attempt": attempt}, path), at)
        for child in list(driven.state.children()):
            row = None if child in self.runs else self._store.read.run(child)
            if row is not None and row.ended_at is not None:
                driven.append(ending_of_row(row), at)

    # What happens to them

    def touch(self, run: str) -> None:
        self._dirty[run] = None

    def go_on(self, at: int, root: str | None = None) -> None:
        """Looks at every run again, or at those of one family, and ends the hold that a stopping platform left."""
        for driven in self.runs.values() if root is None else self.family(root):
            self._dirty[driven.id] = None
            if (HoldReason.INTERRUPTED, None) in driven.state.holds:
                driven.append(Record(EventType.HOLD_RELEASED, {"hold": HoldReason.INTERRUPTED.value}), at)

    def listen(self) -> None:
        """Looks again at the runs that wait for events, when a signal has come since."""
        newest = self._store.read.newest_signal()
        if newest != self._newest_signal:
            self._newest_signal = newest
            for driven in self.runs.values():
                if driven.state.listening:
                    self._dirty[driven.id] = None

    def judge(self, driven: DrivenRun, request: Request, at: int) -> Verdict:
        """What the status model says to an act; an accepted one is appended, here and where it passes on to."""
        request = said(driven.state, request)
        if request.verb == SIGNAL:
            self._hear(driven, at)
            self._dirty[driven.id] = None
            return heard(driven, request, self._store)
        unpaid = driven.state.failure_code == UNPAID and not driven.state.root.steps
        verdict = self._verdict(driven, request, at)
        if isinstance(verdict, Accepted):
            request_id = request.request_id
            for record in verdict.records:
                driven.append(record._replace(actor=request.actor, reason=request.reason), at, request_id)
                request_id = None
            if unpaid and request.verb == "redrive":
                self.turnstile.pay_again(driven, at)
            driven.aborted.extend(verdict.aborts)
            self._dirty[driven.id] = None
            if request.verb in _PASSED_ON:
                for child in self._children(driven):
                    self.judge(child, request._replace(request_id=None), at)
        return verdict

    def _verdict(self, driven: DrivenRun, request: Request, at: int) -> Verdict:
        """A redrive of a caller goes on in its sub-runs: without a yes, each has to allow it."""
        verdict = judge(driven.state, request, at, self._people)
        if request.verb != "redrive" or request.args.get("yes") or not isinstance(verdict, Accepted):
            return verdict
        asked = request._replace(step=None, request_id=None)
        for path, step in driven.state.steps.items():
            if step.child is None or step.detached or path.partition(".")[0] not in verdict.again:
                continue
            child = self.member(step.child)
            if child is None or child.state.phase not in {Phase.FAILED, Phase.CANCELLED}:
                continue
            inner = self._verdict(child, asked, at)
            if isinstance(inner, Refusal):
                return inner._replace(message=f"in the sub-run {child.id} of `{path}`, {inner.message}")
        return verdict

    def settle(self, at: int, *, record_only: bool) -> None:
        """Does all that follows from what happened, through whole families; `writes` then has what to commit."""
        self._dirty.update(dict.fromkeys(run for run in self._alarms.due(at) if run in self.runs))
        if self.barred:
            self._dirty.update(dict.fromkeys(self.barred))
        touched = self._touched
        while self._dirty:
            run = next(iter(self._dirty))
            del self._dirty[run]
            driven = touched[run] = self.runs[run]
            if self._is_barred(driven, at):
                continue
            self._hear(driven, at)
            driven.settle(at, self._complete, self._admit, record_only=record_only)
            while self._hear(driven, at):
                driven.settle(at, self._complete, self._admit, record_only=record_only)
            self._cure(driven, at)
            if driven.state.phase is Phase.DRAINING:
                self._drain_called(driven, at)
            self.turnstile.leave(driven)
            self._cancel_called(driven, at)
            self._tell_caller(driven, at)

    def _is_barred(self, driven: DrivenRun, at: int) -> bool:
        """Whether a scheduled run is due and its workflow starts nothing now: it stays as it is, and is overdue."""
        state = driven.state
        self.barred.discard(state.run_id)
        due = state.phase is Phase.SCHEDULED and state.due_at is not None and state.due_at <= at and not state.holds
        if due and state.version is not None and not self.dispatching(state.workflow):
            self.barred.add(state.run_id)
        return state.run_id in self.barred

    def cure(self, at: int) -> None:
        """Tells every held run of the connections that are active again: somebody may have reconnected them."""
        for driven in self.runs.values():
            self._cure(driven, at)

    def _cure(self, driven: DrivenRun, at: int) -> None:
        holds = driven.state.holds
        if not holds or driven.state.phase in TERMINAL_PHASES:
            return
        sick = dict.fromkeys(hold.connection for hold in holds.values() if hold.connection and not hold.cured)
        for name in sick:
            if name is not None and self._bindings.usable(name):
                self.judge(driven, Request("reconnected", SYSTEM, args={"connection": name}), at)

    def writes(self) -> list[tuple[DrivenRun, RunWrite]]:
        """What the runs that were touched have to commit; they are no longer counted as touched."""
        touched, self._touched = self._touched, {}
        self.looked_at.update((driven.lease.root, None) for driven in touched.values())
        pairs: list[tuple[DrivenRun, RunWrite]] = []
        for driven in touched.values():
            self._arm(driven)
            write = driven.write()
            if write is not None:
                write = _watched(driven, write)
                pairs.append((driven, write))
        return pairs

    def next_wake(self) -> int | None:
        """When the first timer of any run is due, UTC in ms."""
        return self._alarms.next()

    def _arm(self, driven: DrivenRun) -> None:
        wake = next_wake(driven.state)
        if wake is not None and driven.id not in self.barred:
            self._alarms.arm(driven.id, wake)

    def _hear(self, driven: DrivenRun, at: int) -> bool:
        """Gives the open waits of a run the kept signals that they were not asked of yet; whether one took any."""
        return bool(driven.state.listening) and hear(driven, self._store, at)

    # Limits

    def again(self) -> bool:
        """After a commit: looks at the runs that it accepted and at whoever is next in a line that moved on; False when
        there is nothing to look at.
        """
        self._dirty.update(dict.fromkeys(run for run in self.turnstile.line.called() if run in self.runs))
        return bool(self._dirty)

    def waits_for_others(self) -> bool:
        """Whether a run waits in line for one that another process drives."""
        return self.turnstile.waits_for_others(self.runs)

    def _admit(self, driven: DrivenRun, at: int) -> list[Record] | None:
        return self.turnstile.admit(driven, at, lambda run: self._displace(run, driven, at), self.touch)

    def _displace(self, run: str, by: DrivenRun, at: int) -> None:
        """Cancels a run to make room: here when it is led here or by nobody, else its driver is asked."""
        reason = f"run {by.id} took its place (concurrency)"
        row = self._store.read.run(run)
        if row is None or row.ended_at is not None:
            return
        if row.root not in self.leases and not self.take(row.root, at):
            request = Request("cancel", SYSTEM, reason=reason)
            self._store.put_request(StoredRequest(f"displaced/{run}", run, at, body_of(request), None))
            return
        driven = self.member(run)
        if driven is not None:
            self.judge(driven, Request("cancel", SYSTEM, reason=reason), at)

    # Families

    def _children(self, driven: DrivenRun) -> Iterator[DrivenRun]:
        for run in driven.state.children():
            child = self.runs.get(run)
            if child is not None and child.state.phase not in TERMINAL_PHASES:
                yield child

    def _complete(self, driven: DrivenRun, record: Record, at: int) -> Record:
        """Adds the binding to what is dispatched, and the sub-run to what calls one.

        A step whose connection must be authorized again is held in place of being dispatched or asking for approval.
        """
        if record.type is EventType.STEP_WAITING:
            return self._call(driven, record, at)
        if record.type not in _TOWARDS_A_CALL:
            return record
        step, environment = driven.state.steps[str(record.step)], driven.state.environment
        given, kind = record.data.get("input"), step.plan.kind
        if isinstance(given, dict) and step.status in _ABOUT_TO_CALL:
            connection = self._bindings.refused(environment, kind, given)
            if connection is not None:
                return held_for(step.path, HoldReason.REAUTH, connection)
        if record.type is EventType.APPROVAL_REQUESTED:
            return asked(driven.state, record, self._people, self.keys)
        facts = self._bindings.facts(environment, kind, given if isinstance(given, dict) else {})
        record = record._replace(data={**record.data, **facts}) if facts else record
        return self.turnstile.reserve(driven, record, at) if kind in METERED else record

    def _call(self, caller: DrivenRun, record: Record, at: int) -> Record:
        facts = record.data
        earlier = facts.get("run")
        if isinstance(earlier, str):
            child = self.member(earlier)
            if child is not None:
                self._take_up(child, at)
                return record
        try:
            if caller.depth + 1 >= DEPTH_LIMIT:
                raise too_deep()
            inputs = facts.get("inputs")
            who = Caller(caller.plan, caller.state.version is not None)
            callee = self._callees(who, str(facts["workflow"]), inputs if isinstance(inputs, dict) else {})
        except CalleeRefused as refusal:
            return refused(record, refusal)
        self.shelf.keep(callee.plan)
        run = self._identifiers.new(at)
        lease = Lease(run, self._owner.name, 1) if facts.get("detach") else caller.lease
        child = DrivenRun(new(run, callee.plan), lease, None, callee.content)
        if caller.seal is not None or needs_sealing(callee.plan, callee.inputs):
            self._seal(child)
        child.append(creation(callee, caller, str(record.step), attached=lease is caller.lease), at)
        self._add(child)
        self.turnstile.enter(child)
        return self._hiding(caller, asked_for(record, child.state))

    def _hiding(self, driven: DrivenRun, record: Record) -> Record:
        """What tells a run of something secret is encrypted, and what follows."""
        if "hidden" in record.data and driven.seal is None:
            self._seal(driven)
        return record

    def _seal(self, driven: DrivenRun) -> None:
        """What is appended to the run from now on is encrypted where it is stored."""
        if self.keys is not None:
            driven.seal = sealer(self.keys, driven.id)

    def _seal_again(self, driven: DrivenRun) -> None:
        """A run whose log is sealed goes on so; it may be one that was called by such a run."""
        state = driven.state
        if (
            state.hidden
            or needs_sealing(state.plan, state.inputs)
            or (state.parent and self._store.read.is_sealed(driven.id))
        ):
            self._seal(driven)

    def _take_up(self, child: DrivenRun, at: int) -> None:
        """A caller that is redriven redrives the sub-run it had, unless that one completed."""
        self.judge(child, Request("redrive", SYSTEM, args={"yes": True}, reason="its caller was redriven"), at)
        self._dirty[child.id] = None

    def _drain_called(self, driven: DrivenRun, at: int) -> None:
        """What drains starts nothing new, in its sub-runs neither; they end as it does, and it waits for them."""
        until = driven.state.ends_by or at
        for child in self._children(driven):
            if child.state.phase not in {Phase.DRAINING, Phase.CANCELLING}:
                args: JsonObject = {"graceful": True, "deadline_ms": max(0, until - at)}
                self.judge(child, Request("stop", SYSTEM, args=args, reason=f"its caller {driven.id} drains"), at)

    def _cancel_called(self, driven: DrivenRun, at: int) -> None:
        code = ended_for(driven.state)
        for abort in driven.aborted:
            step = driven.state.steps.get(abort.step)
            child = self.runs.get(step.child) if step is not None and step.child is not None else None
            if child is not None and not (step is not None and step.detached):
                args: JsonObject = {} if code is None else {"code": code}
                self.judge(child, Request("cancel", SYSTEM, args=args, reason=f"its caller {driven.id} ended"), at)

    def _tell_caller(self, driven: DrivenRun, at: int) -> None:
        parent = driven.state.parent
        if parent is None or driven.state.phase not in TERMINAL_PHASES:
            return
        caller = self.runs.get(str(parent["run"]))
        if caller is not None and awaits(caller.state, driven.state):
            caller.append(self._hiding(caller, ending(driven.state)), at)
            self._dirty[caller.id] = None


def _watched(driven: DrivenRun, write: RunWrite) -> RunWrite:
    """A run that nothing will wake is told of, once; it stops no other run."""
    if is_forgotten(driven.state):
        return write._replace(also=(*write.also, noted(_stalled(driven.id, driven.state.at))))
    if driven.stored is not None and driven.stored.status == RunStatus.STALLED:
        return write._replace(also=(*write.also, cleared(_stalled(driven.id, 0).key, driven.state.at)))
    return write


def _stalled(run: str, at: int) -> Notice:
    message = f"run {run} is open and nothing will ever move it, which is a fault of ours: see `headgate why {run}`"
    return Notice(f"stalled/{run}", at, "stalled", run, message)
