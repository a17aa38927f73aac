"""Time that is turned: a queue of what is to happen, and workers that are coroutines resumed from it.

There is no thread, no event loop and no clock of the machine, so that the same calls in the same order are the same
history.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Coroutine, Generator

START_MS = 1_767_603_600_000


class Timeline:
    """`now` is in seconds since the beginning. What is due at one moment happens in the order in which it was asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turns = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def at(self, due: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (max(due, self.now), self._count, act))

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now + seconds, act)

    def run(self, until: float) -> None:
        """Lets happen what is due until then."""
        while self._queue and self._queue[0][0] <= until:
            self.now, _, act = heapq.heappop(self._queue)
            self.turns += 1
            act()
        self.now = until


class Until:
    """What a worker awaits: the moment `due`, or a signal before it."""

    __slots__ = ("due",)

    def __init__(self, due: float) -> None:
        self.due = due

    def __await__(self) -> Generator[Until, None, None]:
        yield self


class Process:
    """One coroutine on the timeline. It can be frozen, as by SIGSTOP, and killed between two of its steps."""

    def __init__(self, timeline: Timeline, life: Coroutine[Until, None, None]) -> None:
        self._timeline = timeline
        self._life = life
        self._wait = 0
        self.frozen = False
        self.killed = False
        self.ended = False
        self._missed = False
        timeline.after(0, self._resumer())

    def signal(self) -> None:
        """Ends the wait that is on."""
        self._timeline.after(0, self._resumer())

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False
        if self._missed:
            self._missed = False
            self.signal()

    def kill(self) -> None:
        self.killed = True
        self._life.close()

    def _resumer(self) -> Callable[[], None]:
        wait = self._wait
        return lambda: self._resume(wait)

    def _resume(self, wait: int) -> None:
        if self.killed or self.ended or wait != self._wait:
            return
        if self.frozen:
            self._missed = True
            return
        self._wait += 1
        try:
            asked = self._life.send(None)
        except StopIteration:
            self.ended = True
            return
        if asked.due < math.inf:
            self._timeline.at(asked.due, self._resumer())


class SkewedClock:
    """A worker's clock, which somebody may set. `Clock` of the runtime."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self.skew_ms = 0

    def now_ms(self) -> int:
        return START_MS + round(self._timeline.now * 1000) + self.skew_ms

    def monotonic(self) -> float:
        return self._timeline.now
