"""From the store into memory: a run's plan, checked, and its events, folded."""

from __future__ import annotations

from headgate.plan import Plan, PlanIntegrity, load_stored
from headgate.records import NamedTuple
from headgate.runtime.codec import decode, encode
from headgate.runtime.decider import fold
from headgate.runtime.driven import DrivenRun
from headgate.runtime.events import Event, EventType
from headgate.runtime.state import RunState
from headgate.runtime.status import Phase, RunStatus
from headgate.runtime.store import Lease, Reader, RunRow, RunWrite


class PlanShelf:
    """The plans of a store, each checked and loaded once."""

    __slots__ = ("_plans", "_read")

    def __init__(self, read: Reader) -> None:
        self._read = read
        self._plans: dict[str, Plan] = {}

    def plan(self, digest: str) -> Plan:
        """The stored plan; raises `PlanIntegrity` when it is missing, or not what its digest says."""
        plan = self._plans.get(digest)
        if plan is None:
            content = self._read.plan(digest)
            if content is None:
                raise PlanIntegrity(f"the plan {digest} is missing")
            plan = self._plans[digest] = load_stored(content, digest)
        return plan

    def keep(self, plan: Plan) -> None:
        """Spares loading a plan that is in memory already."""
        self._plans[plan.digest] = plan


def load_state(read: Reader, shelf: PlanShelf, row: RunRow) -> RunState:
    """The run as its log says; raises `PlanIntegrity`, `DamagedLog` or `StoreError`."""
    plan = shelf.plan(row.plan_digest)
    return fold(row.id, plan, load_events(read, row.id))


def load_events(read: Reader, run: str) -> list[Event]:
    """The events of a run in order; raises `DamagedLog` for one that cannot be read."""
    return [decode(run, seq, text) for seq, text in read.events(run)]


class Family(NamedTuple):
    """What was found of a family of runs: those to drive, and those whose plan is damaged, with why."""

    runs: list[DrivenRun]
    damaged: list[tuple[RunRow, str]]


def load_family(read: Reader, shelf: PlanShelf, lease: Lease) -> Family:
    """The root of `lease` and its open sub-runs. Raises `DamagedLog` or `StoreError`."""
    runs: list[DrivenRun] = []
    damaged: list[tuple[RunRow, str]] = []
    for row in read.family(lease.root):
        if row.ended_at is not None and row.id != lease.root:
            continue
        try:
            run = DrivenRun(load_state(read, shelf, row), lease, row)
        except PlanIntegrity as fault:
            damaged.append((row, str(fault)))
        else:
            runs.append(run)
    return Family(runs, damaged)


def failing_write(read: Reader, row: RunRow, lease: Lease, fault: str, at: int) -> RunWrite:
    """What fails a run whose plan is damaged: its state cannot be folded, so the projection is written by hand."""
    code, message = "PLAN_INTEGRITY", fault
    seq = max((seq for seq, _ in read.events(row.id)), default=0) + 1
    event = Event(seq, at, EventType.RUN_FAILED, {"code": code, "step": None, "message": message})
    failed = row._replace(
        phase=Phase.FAILED.value,
        status=RunStatus.FAILED.value,
        detail=code,
        holds="[]",
        failure_code=code,
        failed_step=None,
        failure_message=message,
        ended_at=at,
        wake_at=None,
    )
    return RunWrite(row.id, lease, [(seq, encode(event))], failed, was=row)
