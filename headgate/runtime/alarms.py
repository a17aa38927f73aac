"""When the clock moves runs: the first timer of each, and the earliest of all."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

_STALE_AT_MOST = 1_000


class Alarms:
    """One alarm a run, in UTC ms. An earlier one than needed stays: it looks at the run once too often, no more."""

    __slots__ = ("_armed", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._armed: dict[str, int] = {}

    def arm(self, run: str, at: int) -> None:
        """Looks at `run` at `at`, unless it is looked at before."""
        if self._armed.get(run, at + 1) > at:
            self._armed[run] = at
            heapq.heappush(self._heap, (at, run))

    def drop(self, run: str) -> None:
        """The run is nobody's here any more."""
        self._armed.pop(run, None)

    def tidy(self) -> None:
        """Frees what was dropped, once there is much of it."""
        if len(self._heap) > 2 * len(self._armed) + _STALE_AT_MOST:
            self._heap = [(due, run) for run, due in self._armed.items()]
            heapq.heapify(self._heap)

    def due(self, at: int) -> Iterator[str]:
        """The runs whose alarms have come, which are then no longer armed."""
        while self._heap and self._heap[0][0] <= at:
            due, run = heapq.heappop(self._heap)
            if self._armed.get(run) == due:
                del self._armed[run]
                yield run

    def next(self) -> int | None:
        """When the first alarm comes."""
        while self._heap and self._armed.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None
