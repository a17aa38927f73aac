"""`drive`: open runs in lots, and what the clock starts; bounded in memory and in rate, whatever an outage left due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TypeAlias, overload

from headgate.api.place import Driving, Drove, Rest, exit_code, exit_code_of_all
from headgate.api.running import FAMILIES_AT_ONCE, follow, patience_of, rest_in
from headgate.api.scheduling import ADMITTED_AT_ONCE, Pace, admit_due, schedules
from headgate.api.session import Session
from headgate.api.site import Site, translated
from headgate.records import NamedTuple
from headgate.runtime.errors import DamagedLog, KeyFault, StoreError
from headgate.runtime.loading import PlanShelf
from headgate.runtime.occasions import next_due
from headgate.runtime.patience import Patience
from headgate.runtime.status import Phase
from headgate.runtime.store import OpenRun

Families: TypeAlias = "dict[str, list[OpenRun]]"
"""Open runs by the run at the top of their family."""


class Batch(NamedTuple):
    """By family: `faults` of those that could not be loaded, `lacking` names what this machine lacks."""

    faults: dict[str, str]
    lacking: dict[str, tuple[str, ...]]


class Drive:
    """One call of `drive`. Runs that are due and new ones go in lots of a hundred, a second apart at least."""

    def __init__(self, site: Site, driving: Driving, wait: Callable[[float], None] = time.sleep) -> None:
        """`wait` is given seconds in which nothing is to do."""
        self._site = site
        self._driving = driving
        self._wait = wait
        self._pace = Pace(site.clock, wait)
        self._notes: dict[str, tuple[str, ...]] = {}
        self._faults: dict[str, None] = {}
        self._interrupted = False
        self._full = False

    def named(self, runs: list[str]) -> Drove:
        """Drives these runs, by their whole ids."""
        with self._session() as session:
            session.look_at_limits()
            rows = [row for run in runs if (row := session.store.read.run(run)) is not None]
        families: dict[str, list[OpenRun]] = {}
        for row in rows:
            families.setdefault(row.root, []).append(OpenRun(row.id, row.root, row.phase, row.due_at))
        self._drive(families, patience_of(self._site, self._driving), set())
        return self._drove()

    def all(self) -> Drove:
        """Drives every open run and what the clock starts; with a time to wait, again whenever a schedule is due."""
        clock, wait_ms = self._site.clock, self._driving.wait_ms
        until = clock.now_ms() + (wait_ms or 0)
        while True:
            horizon = clock.now_ms()
            due = None if wait_ms is None else self._next_due(horizon)
            patience = Patience(until if due is None else min(until, due), wait_ms is not None)
            self._drive(*self._open(patience))
            while not self._interrupted and self._let_in(horizon, patience):
                pass
            if self._interrupted or due is None or due > until:
                return self._drove()
            self._wait(max(0, due - clock.now_ms()) / 1000)

    def _drove(self) -> Drove:
        faults = tuple(self._faults)
        if not self._notes:
            return Drove((), faults, exit_code_of_all((), faults))
        rests = Rests(self._site, self._notes, interrupted=self._interrupted)
        return Drove(rests, faults, exit_code_of_all(map(exit_code, rests.statuses()), faults))

    def _let_in(self, horizon: int, patience: Patience) -> bool:
        """One lot of what the clock starts; False when nothing was due. The one after a full lot waits for its turn."""
        self._pace.next_lot(after_full=self._full)
        with self._session() as session:
            admitted = admit_due(session, horizon)
            self._faults.update(dict.fromkeys(admitted.faults))
            if not admitted.tried:
                return False
            self._full = admitted.tried >= ADMITTED_AT_ONCE
            lacking = self._hold_back(session, list(admitted.runs))
            session.drive(None, patience)
            for run in admitted.runs:
                self._notes[run] = lacking.get(run, ())
            self._interrupted = session.interrupted
        return True

    def _hold_back(self, session: Session, roots: list[str]) -> dict[str, tuple[str, ...]]:
        """Gives back the families whose bindings this machine lacks, and says what."""
        found: dict[str, tuple[str, ...]] = {}
        for root in roots:
            missing = session.lacking(root)
            if missing:
                found[root] = missing
                session.executor.record()
                session.let_go(root)
        return found

    def _drive(self, families: Families, patience: Patience, resting: set[str]) -> None:
        """Open runs in lots of whole families; those that are due in smaller ones of their own. What rests is not led:
        the last lot, which alone waits for timers, answers for all of it.
        """
        now = self._site.clock.now_ms()
        waits = patience.until is None or patience.until > now
        lots: list[tuple[bool, list[str]]] = []
        for due, size in ((False, FAMILIES_AT_ONCE), (True, ADMITTED_AT_ONCE)):
            roots = [
                root
                for root, runs in families.items()
                if root not in resting and any(_is_due(run, now) for run in runs) == due
            ]
            lots += [(due, roots[first : first + size]) for first in range(0, len(roots), size)]
        if resting and waits:
            lots.append((False, []))
        self._notes.update((run.id, ()) for runs in families.values() for run in runs)
        for number, (due, roots) in enumerate(lots, 1):
            if self._interrupted:
                return
            if due:
                self._pace.next_lot(after_full=number > 1 and lots[number - 2][0])
            last = number == len(lots)
            parked = dict.fromkeys(families) if last and waits else {}
            for root in roots:
                parked.pop(root, None)
            self._lot(families, roots, list(parked), patience if last else Patience(now, patience.for_people))

    def _lot(self, families: Families, roots: list[str], parked: list[str], patience: Patience) -> None:
        with self._session() as session:
            due_since = [root for root in parked if not session.leaves_at_rest(root, patience)]
            batch = self._batch(session, [*roots, *due_since], patience)
            self._faults.update(dict.fromkeys(batch.faults.values()))
            for root in batch.faults:
                for run in families[root]:
                    self._notes.pop(run.id, None)
            for root, missing in batch.lacking.items():
                for run in families[root]:
                    self._notes[run.id] = missing
            self._interrupted = session.interrupted

    def _batch(self, session: Session, roots: list[str], patience: Patience) -> Batch:
        faults: dict[str, str] = {}
        elsewhere: list[str] = []
        led: list[str] = []
        for root in roots:
            try:
                (led if session.lead(root) else elsewhere).append(root)
            except (DamagedLog, KeyFault, StoreError) as fault:
                faults[root] = str(fault)
        lacking = self._hold_back(session, led)
        session.drive(roots[0] if len(roots) == 1 else None, patience)
        for root in elsewhere:
            if not session.interrupted:
                follow(session, root, self._driving, patience)
        faults.update(session.executor.parking.faults)
        return Batch(faults, lacking)

    def _open(self, patience: Patience) -> tuple[Families, Patience, set[str]]:
        """Every open run by family, the oldest first; and those families of which nothing is due."""
        with self._session() as session:
            session.look_at_limits()
            families: Families = {}
            for run in session.store.read.open_runs():
                families.setdefault(run.root, []).append(run)
            return families, patience, {root for root in families if session.leaves_at_rest(root, patience)}

    def _next_due(self, after_ms: int) -> int | None:
        """When the first schedule of any workflow is due."""
        with self._session() as session:
            times = [next_due(*schedule, after_ms) for schedule in schedules(session.store.read)]
        return min((time for time in times if time is not None), default=None)

    def _session(self) -> Session:
        return Session(self._site, self._site.existing_store(), self._driving)


def _is_due(run: OpenRun, now_ms: int) -> bool:
    return run.phase == Phase.SCHEDULED and run.due_at is not None and run.due_at <= now_ms


class Rests(Sequence[Rest]):
    """How runs rest, each read from the store when it is asked for: there may be many."""

    def __init__(self, site: Site, notes: dict[str, tuple[str, ...]], *, interrupted: bool) -> None:
        """`notes` has the runs, in order, with what is to be said of each."""
        self._site = site
        self._notes = notes
        self._runs = list(notes)
        self._interrupted = interrupted

    def __len__(self) -> int:
        return len(self._runs)

    @overload
    def __getitem__(self, index: int) -> Rest: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Rest]: ...
    def __getitem__(self, index: int | slice) -> Rest | Sequence[Rest]:
        if isinstance(index, slice):
            return list(self._read(self._runs[index]))
        return next(self._read([self._runs[index]]))

    def __iter__(self) -> Iterator[Rest]:
        return self._read(self._runs)

    def statuses(self) -> set[str]:
        """The statuses that occur."""
        if not self._runs:
            return set()
        with closing(self._site.existing_store()) as store:
            rows = (store.read.run(run) for run in self._runs)
            return {row.status for row in rows if row is not None}

    def _read(self, runs: list[str]) -> Iterator[Rest]:
        if not runs:
            return
        with translated(), closing(self._site.existing_store()) as store:
            shelf = PlanShelf(store.read)
            for run in runs:
                yield rest_in(store.read, shelf, run, self._notes[run], interrupted=self._interrupted)
