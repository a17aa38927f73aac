"""The second host of the decider: a queue instead of an event loop. See "The host" in docs/architecture.md."""

from __future__ import annotations

import random
from collections.abc import Callable

from sim_provider import Provider
from sim_time import Process, Timeline, Until

from headgate.runtime.attempts import GRACE_SECONDS, Ended
from headgate.runtime.commands import Record
from headgate.runtime.events import EventType
from headgate.runtime.state import RunState

Key = tuple[str, str, int]


class QueueHost:
    """`Host` of the runtime, for one session of one worker."""

    def __init__(
        self,
        timeline: Timeline,
        provider: Provider,
        process: Callable[[], Process],
        ended: Callable[[Ended], None],
        dice: random.Random,
    ) -> None:
        self._timeline = timeline
        self._provider = provider
        self._process = process
        self._ended = ended
        self._dice = dice
        self._out: dict[Key, None] = {}
        self._gone = False

    def now(self) -> float:
        return self._timeline.now

    def perform(self, state: RunState, path: str, number: int) -> None:
        key = (state.run_id, path, number)
        self._out[key] = None
        for seconds, record in self._provider.begin(state, path, number).ends:
            self._timeline.after(seconds, self._teller(key, record))

    def cancel(self, run: str, path: str, number: int) -> None:
        key = (run, path, number)
        if key in self._out:
            cancelled = Record(EventType.ATTEMPT_CANCELLED, {"attempt": number}, path)
            self._timeline.after(self._dice.choice([0.0, 0.1, 2.0]), self._teller(key, cancelled, only_once=True))

    def cancel_all(self, run: str | None = None) -> None:
        for owner, path, number in list(self._out):
            if run is None or owner == run:
                self.cancel(owner, path, number)

    def is_performing(self) -> bool:
        return bool(self._out)

    def signal(self) -> None:
        self._process().signal()

    async def first(self, due: float) -> None:
        await Until(due)

    async def settled(self) -> None:
        limit = self._timeline.now + GRACE_SECONDS
        while self._out and self._timeline.now < limit and not self._process().killed:
            await Until(limit)
        self._gone = True

    def close(self) -> None:
        pass

    def _teller(self, key: Key, record: Record, *, only_once: bool = False) -> Callable[[], None]:
        run, path, number = key

        def tell() -> None:
            process = self._process()
            if self._gone or process.killed or (only_once and key not in self._out):
                return
            if process.frozen:  # what a stopped process is told waits in its buffers
                self._timeline.after(1.0, tell)
                return
            self._out.pop(key, None)
            self._ended(Ended(run, path, number, record))

        return tell
