"""Families at rest are dropped from memory: what is kept of each is when to look at it again.

So ten thousand runs that wait take no more room than those that move. A parked family is nobody's: it is taken again,
from the store, when its timer is due or somebody asks for an act on it, unless another process took it first.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

from headgate.runtime.driven import DrivenRun
from headgate.runtime.fleet import Fleet
from headgate.runtime.patience import Patience, awaited
from headgate.runtime.status import TERMINAL_PHASES, Phase
from headgate.runtime.store import Lease, Store
from headgate.runtime.wakes import next_wake

KEPT_IN_MEMORY = 64
"""So many runs may rest in memory before any is dropped: one that people watch is not loaded again at every timer."""

LED_AT_ONCE = 500
"""How many runs are in memory at most when more are due: the others wait for their turn."""

SOON_MS = 1_000
RELEASED_AT_ONCE = 100
_MAY_REST = frozenset({Phase.ACTIVE, Phase.SCHEDULED, *TERMINAL_PHASES})


class Parking:
    """The families that one driver answers for without leading them. `faults` are those that could not be loaded."""

    def __init__(self, store: Store, fleet: Fleet) -> None:
        self.faults: dict[str, str] = {}
        self._store = store
        self._fleet = fleet
        self._parked: dict[str, int | None] = {}
        self._due: list[tuple[int, str]] = []
        self._leaving: list[Lease] = []

    def park(self, root: str, wake: int | None) -> None:
        """Answers for a family that rests, and looks at it at `wake`, UTC in ms; None waits for an act."""
        self._parked[root] = wake
        if wake is not None:
            heapq.heappush(self._due, (wake, root))

    @property
    def is_wanted(self) -> bool:
        """Whether more is in memory than needs to be."""
        return len(self._fleet.runs) > KEPT_IN_MEMORY

    def rest(self, roots: Iterable[str], patience: Patience, now: int) -> None:
        """Parks those of the families, which have nothing to commit, that rest for longer than a moment."""
        fleet = self._fleet
        for root in roots:
            if not self.is_wanted:
                break
            lease, members = fleet.leases.get(root), fleet.family(root)
            if lease is None or not all(self._rests(driven, patience, now) for driven in members):
                continue
            if any(driven.state.phase not in TERMINAL_PHASES for driven in members):
                self.park(root, min(self._wakes(members, patience), default=None))
            fleet.forget(root)
            self._leaving.append(lease)
        if len(self._leaving) >= RELEASED_AT_ONCE:
            self.leave()

    def wake(self, now: int) -> None:
        """Takes the families that are due, as far as there is room."""
        due = self._due
        if not due or due[0][0] > now:
            return
        roots: dict[str, None] = {}
        while due and due[0][0] <= now and len(self._fleet.runs) + len(roots) < LED_AT_ONCE:
            at, root = heapq.heappop(due)
            if self._parked.get(root) == at:
                roots[root] = None
        if roots:
            self._fetch(list(roots), now)

    def fetch(self, root: str, now: int) -> None:
        """Takes a parked family back into memory; nothing happens for one that is not parked, or led elsewhere."""
        if root in self._parked:
            self._fetch([root], now)

    def _fetch(self, roots: list[str], now: int) -> None:
        for root in roots:
            del self._parked[root]
        self.faults.update(self._fleet.take_all(roots, now))
        for root in roots:
            self._fleet.go_on(now, root)

    def fetch_run(self, run: str, now: int) -> None:
        """As `fetch`, for the family of a run."""
        if self._parked and run not in self._fleet.runs:
            row = self._store.read.run(run)
            if row is not None:
                self.fetch(row.root, now)

    def next_wake(self) -> int | None:
        """When the first parked family is due that is waited for, UTC in ms; with no room, none is."""
        due = self._due
        while due and self._parked.get(due[0][1]) != due[0][0]:
            heapq.heappop(due)
        return due[0][0] if due and len(self._fleet.runs) < LED_AT_ONCE else None

    @property
    def awaits(self) -> bool:
        """Whether a parked family is waited for."""
        return self.next_wake() is not None

    def leave(self) -> None:
        """Gives the leases of what was parked up."""
        leaving, self._leaving = self._leaving, []
        self._store.release_leases(leaving)

    def _rests(self, driven: DrivenRun, patience: Patience, now: int) -> bool:
        """Whether only the world moves it, or a clock that is not waited for, or not for a moment."""
        state = driven.state
        if state.in_flight or driven.is_pending or state.phase not in _MAY_REST:
            return False
        if not state.holds and (state.urgent or state.ready or state.interrupted):
            return False  # it waits for its turn
        wake = next_wake(state)
        return wake is None or wake > now + SOON_MS or not self._is_awaited(driven, patience)

    def _wakes(self, members: Iterable[DrivenRun], patience: Patience) -> Iterator[int]:
        """When the timers are due that the members are driven on for."""
        for driven in members:
            wake = next_wake(driven.state)
            if wake is not None and self._is_awaited(driven, patience):
                yield wake

    def _is_awaited(self, driven: DrivenRun, patience: Patience) -> bool:
        return driven.id not in self._fleet.barred and awaited(driven.state, patience) is not None
