"""A worker as the command line is one: it takes what is due, drives it until it rests, and ends; then comes another."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from sim_host import QueueHost
from sim_provider import Provider
from sim_store import Disk, faulty
from sim_time import Process, SkewedClock, Timeline, Until

from headgate.plan import JsonObject
from headgate.runtime.attempts import Ended
from headgate.runtime.children import Callees
from headgate.runtime.connections import World
from headgate.runtime.errors import StoreError
from headgate.runtime.executor import Executor, Services
from headgate.runtime.loading import PlanShelf
from headgate.runtime.patience import Patience
from headgate.runtime.status import RunStatus
from headgate.runtime.store import Identifiers, Owner, RunFilter, Store
from headgate.workspace import EMPTY

AT_ONCE = 12
POLL_SECONDS = 5.0
SESSION_MS = 20_000
_RESTS = {RunStatus.WAITING, RunStatus.PAUSED, RunStatus.SCHEDULED, RunStatus.RETRYING}


class Office(NamedTuple):
    """What all workers share."""

    seed: int
    timeline: Timeline
    provider: Provider
    path: Path
    disk: Disk
    callees: Callees


class FarOwner(Owner):
    """A driver on another machine: nobody sees it die, so its leases are believed until they expire."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._descriptor = None


class NoBindings:
    """`Bindings` of a machine that knows no connection."""

    def facts(self, _environment: str | None, _kind: str, _given: JsonObject) -> JsonObject:
        return {}

    def refused(self, _environment: str | None, _kind: str, _given: JsonObject) -> str | None:
        return None

    def usable(self, _connection: str) -> bool:
        return False


class Worker:
    """`sessions` counts its lives; `executor` is the one of the session that is on."""

    def __init__(self, office: Office, number: int) -> None:
        self.number = number
        self.clock = SkewedClock(office.timeline)
        self.sessions = 0
        self.refused = 0
        self.executor: Executor | None = None
        self.dice = random.Random(f"{office.seed}/worker {number}")
        self._office = office
        self._store: Store | None = None
        self._shelf: PlanShelf | None = None
        self.process = Process(office.timeline, self._life())

    def kill(self) -> None:
        """The process dies; another is started in its place a while later."""
        self.process.kill()
        self.executor = None
        self._forget_store()
        self._office.timeline.after(self.dice.choice([1.0, 20.0, 300.0]), self._begin)

    def _begin(self) -> None:
        self.process = Process(self._office.timeline, self._life())

    async def _life(self) -> None:
        while True:
            due = await self._session()
            await Until(due)

    async def _session(self) -> float:
        """Drives what is due; gives when to look again."""
        self.sessions += 1
        timeline, process = self._office.timeline, self.process
        try:
            store = self._store = self._store or Store(self._office.path, faulty(self._office.disk))
        except StoreError:
            return timeline.now + 10.0
        executor = self.executor = self._executor(store)
        executor.fleet.shelf = self._shelf = self._shelf or executor.fleet.shelf
        again = timeline.now + 3_600.0
        try:
            roots, again = self._due(store)
            self.dice.shuffle(roots)
            for root in roots[:AT_ONCE]:
                executor.fleet.take(root, self.clock.now_ms())
            if executor.fleet.leases:
                await executor.drive(Patience(self.clock.now_ms() + SESSION_MS, for_people=True))
                again = timeline.now
            elif roots:
                again = timeline.now + self.dice.choice([3.0, 8.0, 15.0])
        except StoreError:
            again = timeline.now + self.dice.choice([0.5, 5.0])
            self._forget_store()
        if not process.killed:  # as a session of the command line ends, whatever happened
            with suppress(StoreError):
                executor.release()
        self.executor = None
        return again

    def _forget_store(self) -> None:
        """What a process had in memory is gone; the connection itself is closed with the last who uses it."""
        self._store = self._shelf = None

    def _due(self, store: Store) -> tuple[list[str], float]:
        """The families that have something to do, and when the next will have."""
        now = self.clock.now_ms()
        roots: dict[str, None] = {}
        for request in store.read.open_requests():
            asked = store.read.run(request.run)
            assert asked is not None, "a request names its run"
            roots[asked.root] = None
        wakes: list[int] = []
        for row in store.read.runs(RunFilter(open_only=True)):
            due = row.wake_at is not None and row.wake_at <= now
            if due or row.status not in _RESTS:
                roots[row.root] = None
            elif row.wake_at is not None:
                wakes.append(row.wake_at)
        until = min(wakes, default=now + 3_600_000) - now
        return list(roots), self._office.timeline.now + max(0.05, until / 1000)

    def _executor(self, store: Store) -> Executor:
        office = self._office
        process = self.process
        world = World(EMPTY, environ={}, clock=self.clock)
        dice = random.Random(f"{office.seed}/host {self.number}/{self.sessions}")

        def host(_worlds: object, _schema: object, _perform: object, ended: Callable[[Ended], None]) -> QueueHost:
            return QueueHost(office.timeline, office.provider, lambda: process, ended, dice)

        return Executor(
            store,
            FarOwner(f"w{self.number}.{self.sessions}"),
            Services(
                worlds=lambda _environment: world,
                clock=self.clock,
                callees=office.callees,
                output_schema=lambda _step: None,
                people={},
                changed=lambda _run: None,
                identifiers=lambda: Identifiers(dice.randbytes),
                hosting=host,
                poll_seconds=POLL_SECONDS,
            ),
        )
