"""One seed: workers, people, a provider and a store, faults for some days, then none; and what must be true then."""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from sim_people import People
from sim_provider import Ledger, Provider
from sim_store import Disk, sound
from sim_time import SkewedClock, Timeline
from sim_workers import FarOwner, NoBindings, Office, Worker

from headgate.plan import JsonObject, Plan, dump
from headgate.runtime.children import Callee
from headgate.runtime.codec import decode
from headgate.runtime.events import EventType
from headgate.runtime.fleet import Fleet
from headgate.runtime.loading import PlanShelf, load_state
from headgate.runtime.projecting import project, project_approval
from headgate.runtime.state import RunState
from headgate.runtime.status import RUN_STATUSES, TERMINAL_PHASES, RunStatus
from headgate.runtime.store import Identifiers, RunFilter, RunRow, Store
from headgate.runtime.view import secret_inputs
from headgate.runtime.why import reasons

HERE = Path(__file__).parent
HOUR = 3_600.0
WORKERS = 3


class Came(NamedTuple):
    """What a seed came to. `digest` is that of every byte of every event; `hours` are simulated, `seconds` real."""

    seed: int
    hours: float
    seconds: float
    runs: int
    events: int
    requests: int
    effects: int
    sessions: int
    faults: dict[str, int]
    digest: str


@cache
def office_plans() -> dict[str, Plan]:
    """The named mix `office`: orders with approvals, fans of items, polling rounds with a sub-run, slow chains."""
    from headgate.api.compiling import compile_target

    plans: dict[str, Plan] = {}
    for name in ("order", "fan", "poll", "slow"):
        compiled = compile_target(f"office.flow#{name}", start=HERE)
        assert compiled.plan is not None, compiled.report
        plans[name] = compiled.plan
    return plans


def callee(_caller: Plan, name: str, inputs: JsonObject) -> Callee:
    plan = office_plans()[name]
    return Callee(plan, dump(plan), inputs)


class Simulation:
    """`days` of faults, then days without. Nothing outside of the folder is read or written."""

    def __init__(self, seed: int, folder: Path, days: float) -> None:
        self.seed = seed
        self.timeline = Timeline()
        self.dice = random.Random(f"{seed}/chance")
        self.faults: dict[str, int] = {}
        self._days = days
        self._path = folder / "store.db"
        self._provider = Provider(seed, self.timeline)
        self._disk = Disk(random.Random(f"{seed}/disk"))
        self._clock = SkewedClock(self.timeline)
        self.store = sound(self._path)
        self.people = People(seed, self.store, self._clock, self._provider.ledger, office_plans())
        self._fronts = random.Random(f"{seed}/fronts")
        office = Office(seed, self.timeline, self._provider, self._path, self._disk, callee)
        self.workers = [Worker(office, number) for number in range(WORKERS)]
        self._troubled = True

    @property
    def ledger(self) -> Ledger:
        return self._provider.ledger

    def run(self) -> None:
        """Lives through it all. Raises AssertionError for a broken promise."""
        self._start_something()
        self._somebody_acts()
        self._something_fails()
        self.timeline.run(self._days * 24 * HOUR)
        self._heal()
        self.timeline.run(self.timeline.now + 12 * HOUR)
        self._check_rest()
        for _ in range(400):
            if not self._clear_all():
                break
            self.timeline.run(self.timeline.now + HOUR)
        self._check_end()

    # while there are faults

    def _start_something(self) -> None:
        if self._troubled:
            self.people.start_one(self._front)
            self._wake_workers()
            self.timeline.after(self.dice.expovariate(1 / (3 * HOUR)), self._start_something)

    def _somebody_acts(self) -> None:
        if self._troubled:
            if self.people.act():
                self._wake_workers()
            self.timeline.after(self.dice.expovariate(1 / HOUR), self._somebody_acts)

    def _something_fails(self) -> None:
        if not self._troubled:
            return
        worker = self.dice.choice(self.workers)
        name = self.dice.choice(["killed", "killed", "stopped", "frozen", "clock"])
        self.faults[name] = self.faults.get(name, 0) + 1
        if name == "killed":
            worker.kill()
        elif name == "stopped" and worker.executor is not None:
            worker.executor.stop()
        elif name == "frozen":
            process = worker.process
            process.freeze()
            self.timeline.after(self.dice.choice([2.0, 40.0, 900.0]), process.thaw)
        elif name == "clock":
            worker.clock.skew_ms = self.dice.choice([0, 1_000, -1_000, 45_000, -45_000, 3_600_000, -3_600_000])
        # half of the time while somebody works, so that it hurts
        busy = any(each.executor is not None and each.executor.fleet.leases for each in self.workers)
        self.timeline.after(
            self.dice.choice([0.2, 3.0]) if busy else self.dice.expovariate(1 / HOUR), self._something_fails
        )

    def _front(self) -> Fleet:
        """What starts runs: a process of its own that records and ends."""
        name = f"front.{self.people.started}"
        identifiers = Identifiers(self._fronts.randbytes)
        return Fleet(self.store, FarOwner(name), callee, NoBindings(), {}, identifiers=identifiers)

    def _wake_workers(self) -> None:
        for worker in self.workers:
            if worker.executor is None:
                worker.process.signal()

    # once there are none

    def _heal(self) -> None:
        self._troubled = self._disk.faulty = self._provider.faulty = False
        for worker in self.workers:
            worker.process.thaw()
            worker.clock.skew_ms = 0
            worker.process.signal()

    def _clear_all(self) -> bool:
        """People clear whatever waits for them; False when no run is open any more."""
        rows = self.store.read.runs(RunFilter(open_only=True))
        for row in rows:
            self.people.clear(self._state(row))
        self._wake_workers()
        return bool(rows)

    def _state(self, row: RunRow) -> RunState:
        return load_state(self.store.read, PlanShelf(self.store.read), row)

    # what must be true

    def _check_rest(self) -> None:
        """Nothing is due and left undone, and each open run says what it waits for."""
        now = self._clock.now_ms()
        for row in self.store.read.runs(RunFilter(open_only=True)):
            state = self._state(row)
            why = reasons(state)
            assert why, f"{row.id} rests without a reason"
            assert all(reason.kind != "stalled" for reason in why), why
            by_itself = RUN_STATUSES[RunStatus(row.status)].wakes_by_itself
            held = bool(state.holds)
            due = row.wake_at is not None and row.wake_at + 600_000 < now and not held
            assert not due, f"{row.id} ({row.status}) was due at {row.wake_at} and it is {now}: {why}"
            assert held or not by_itself or row.status in ("waiting", "retrying", "scheduled", "running"), row

    def _check_end(self) -> None:
        read = self.store.read
        left = read.runs(RunFilter(open_only=True))
        assert not left, (
            f"these do not come to an end: {[(row.id, row.workflow, row.status, row.detail) for row in left]}"
        )
        for name in self.people.asked:
            request = read.request(name)
            assert request is not None, f"the request {name} was acknowledged and is gone"
            assert request.answer is not None, f"the request {name} has no answer"
        rows = read.runs(RunFilter())
        assert sum(row.parent is None for row in rows) == self.people.started
        dispatched: set[tuple[str, str, int]] = set()
        for row in rows:
            check_run(self.store, row)
            dispatched |= self._check_effects(row)
        performed = self.ledger.performed
        assert len(performed) == len(set(performed)), "an attempt was performed twice"
        assert set(performed) <= dispatched, f"performed and not in the log: {set(performed) - dispatched}"

    def _check_effects(self, row: RunRow) -> set[tuple[str, str, int]]:
        """Effects against the log; gives the attempts that the log says were dispatched."""
        state = self._state(row)
        dispatched: set[tuple[str, str, int]] = set()
        allowed: dict[str, int] = {}
        redriven = 0
        for seq, text in self.store.read.events(row.id):
            event = decode(row.id, seq, text)
            path = event.step or ""
            if event.type is EventType.STEP_DISPATCHED:
                dispatched.add((row.id, path, int(str(event.data["attempt"]))))
            elif event.type is EventType.STEP_RETRIED:
                allowed[path] = allowed.get(path, 0) + 1
            elif event.type is EventType.RUN_REDRIVEN:
                redriven += 1
            elif event.type is EventType.ATTEMPT_SUCCEEDED and (row.id, path, event.data.get("attempt")) in dispatched:
                attempt = int(str(event.data["attempt"]))
                keyed = state.steps[path].key is not None
                assert keyed or attempt in self.ledger.effects[row.id, path], f"{path} succeeded and nothing happened"
        for path, step in state.steps.items():
            effects = self.ledger.effects.get((row.id, path), [])
            at_most = 1 + allowed.get(path, 0) + redriven
            if step.plan.in_doubt != "retry" or step.plan.idempotency_key is not None:
                assert len(effects) <= at_most, f"`{path}` of {row.id} happened {len(effects)} times: {effects}"
        return dispatched


def check_run(store: Store, row: RunRow) -> None:
    """The log has no gap and folds to what the tables say."""
    rows = store.read.events(row.id)
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1)), f"the log of {row.id} has gaps"
    state = load_state(store.read, PlanShelf(store.read), row)
    assert project(state, row.root) == row
    kept = {approval.id: approval for approval in store.read.approvals(row.id, ())}
    mask = secret_inputs(state.plan, state.inputs)
    assert {task: project_approval(row.id, each, mask) for task, each in state.approvals.items()} == kept
    assert state.phase in TERMINAL_PHASES


def simulate(seed: int, days: float = 4.0) -> Came:
    """Lives through one seed in a folder of its own."""
    memory = Path("/dev/shm")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        simulation = Simulation(seed, Path(folder), days)
        simulation.run()
        found = _came(simulation, time.perf_counter() - began)
        simulation.store.close()
    return found


def _came(simulation: Simulation, seconds: float) -> Came:
    read = simulation.store.read
    digest = hashlib.sha256()
    events = 0
    rows = sorted(read.runs(RunFilter()), key=lambda row: row.id)
    for row in rows:
        digest.update(repr(row).encode())
        for seq, text in read.events(row.id):
            digest.update(f"{seq} {text}\n".encode())
            events += 1
    return Came(
        simulation.seed,
        simulation.timeline.now / HOUR,
        seconds,
        len(rows),
        events,
        len(simulation.people.asked),
        sum(len(each) for each in simulation.ledger.effects.values()),
        sum(worker.sessions for worker in simulation.workers),
        {**simulation.faults, **{f"disk {name}": count for name, count in simulation._disk.failed.items()}},
        digest.hexdigest(),
    )
