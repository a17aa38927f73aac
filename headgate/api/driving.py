"""`drive`: open runs in lots, and what the clock starts; bounded in memory and in rate, whatever an outage left due."""

from __future__ import annotations

import time
from collections.abc import Callable

from headgate.api.place import Driving, Drove, Rest, exit_code_of_all
from headgate.api.running import follow, patience_of, rest_of
from headgate.api.scheduling import ADMITTED_AT_ONCE, Pace, admit_due, schedules
from headgate.api.session import Session
from headgate.api.site import Site
from headgate.records import NamedTuple
from headgate.runtime.errors import DamagedLog, StoreError
from headgate.runtime.occasions import next_due
from headgate.runtime.patience import Patience
from headgate.runtime.status import Phase
from headgate.runtime.store import RunFilter, RunRow

FAMILIES_AT_ONCE = 500
"""How many families are led at once: what one process holds in memory."""


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
        self._rests: dict[str, Rest] = {}
        self._faults: dict[str, None] = {}
        self._interrupted = False
        self._full = False

    def named(self, runs: list[str]) -> Drove:
        """Drives these runs, by their whole ids."""
        with self._session() as session:
            rows = [row for run in runs if (row := session.store.read.run(run)) is not None]
        self._drive(rows, patience_of(self._site, self._driving))
        return self._drove()

    def all(self) -> Drove:
        """Drives every open run and what the clock starts; with a time to wait, again whenever a schedule is due."""
        clock, wait_ms = self._site.clock, self._driving.wait_ms
        until = clock.now_ms() + (wait_ms or 0)
        while True:
            horizon = clock.now_ms()
            due = None if wait_ms is None else self._next_due(horizon)
            patience = Patience(until if due is None else min(until, due), wait_ms is not None)
            self._drive(self._open(), patience)
            while not self._interrupted and self._let_in(horizon, patience):
                pass
            if self._interrupted or due is None or due > until:
                return self._drove()
            self._wait(max(0, due - clock.now_ms()) / 1000)

    def _drove(self) -> Drove:
        rests = tuple(self._rests.values())
        return Drove(rests, tuple(self._faults), exit_code_of_all(rests, self._faults))

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
                self._rests[run] = rest_of(session, run, lacking.get(run, ()))
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

    def _drive(self, rows: list[RunRow], patience: Patience) -> None:
        """Open runs in lots of whole families; those that are due in smaller ones of their own."""
        now = self._site.clock.now_ms()
        for due, size in ((False, FAMILIES_AT_ONCE), (True, ADMITTED_AT_ONCE)):
            families: dict[str, list[str]] = {}
            for row in rows:
                if _is_due(row, now) == due:
                    families.setdefault(row.root, []).append(row.id)
            roots = list(families)
            for first in range(0, len(roots), size):
                if self._interrupted:
                    return
                if due:
                    self._pace.next_lot(after_full=first > 0)
                self._lot({root: families[root] for root in roots[first : first + size]}, patience)

    def _lot(self, families: dict[str, list[str]], patience: Patience) -> None:
        with self._session() as session:
            batch = self._batch(session, list(families), patience)
            self._faults.update(dict.fromkeys(batch.faults.values()))
            for root, runs in families.items():
                if root not in batch.faults:
                    for run in runs:
                        self._rests[run] = rest_of(session, run, batch.lacking.get(root, ()))
            self._interrupted = session.interrupted

    def _batch(self, session: Session, roots: list[str], patience: Patience) -> Batch:
        faults: dict[str, str] = {}
        elsewhere: list[str] = []
        led: list[str] = []
        for root in roots:
            try:
                (led if session.lead(root) else elsewhere).append(root)
            except (DamagedLog, StoreError) as fault:
                faults[root] = str(fault)
        lacking = self._hold_back(session, led)
        session.drive(roots[0] if len(roots) == 1 else None, patience)
        for root in elsewhere:
            if not session.interrupted:
                follow(session, root, self._driving, patience)
        return Batch(faults, lacking)

    def _open(self) -> list[RunRow]:
        """Every open run, the oldest first."""
        with self._session() as session:
            return list(reversed(session.store.read.runs(RunFilter(open_only=True))))

    def _next_due(self, after_ms: int) -> int | None:
        """When the first schedule of any workflow is due."""
        with self._session() as session:
            times = [next_due(*schedule, after_ms) for schedule in schedules(session.store.read)]
        return min((time for time in times if time is not None), default=None)

    def _session(self) -> Session:
        return Session(self._site, self._site.existing_store(), self._driving)


def _is_due(row: RunRow, now_ms: int) -> bool:
    return row.phase == Phase.SCHEDULED and row.due_at is not None and row.due_at <= now_ms
