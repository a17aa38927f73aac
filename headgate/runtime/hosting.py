"""What a driver asks of the machine it runs on, and the machine that is an asyncio event loop.

The driver decides and commits; its host does the five things that are left: perform a step, wait for the first result,
timer or signal, and cancel. Whoever keeps this contract can host the decider (docs/architecture.md, "The host").
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeAlias

from headgate.runtime.attempts import Attempts, Ended, OutputSchema, Performing, Worlds
from headgate.runtime.state import RunState


class Host(Protocol):
    """One driver's host. Every attempt that `perform` starts is told to the driver once, by the `ended` it was made
    with: while nothing else of the host is running, or before `perform` returns. Times are seconds of a clock that
    never goes back.
    """

    def now(self) -> float: ...

    def perform(self, state: RunState, path: str, number: int) -> None:
        """Starts the attempt that was committed as dispatched."""
        ...

    def cancel(self, run: str, path: str, number: int) -> None:
        """Cancels one attempt, which ends soon: as cancelled, or however it ended before. One that does not heed it is
        left to itself after a few seconds; its end is told if it comes while the driver is there.
        """
        ...

    def cancel_all(self, run: str | None = None) -> None:
        """Cancels every attempt, or those of one run."""
        ...

    def is_performing(self) -> bool:
        """Whether an attempt is out that has not been told, but for those left to themselves."""
        ...

    def signal(self) -> None:
        """Ends the wait that is on; none is on when nobody waits."""
        ...

    async def first(self, due: float) -> None:
        """Returns when an attempt has ended, `due` has come or `signal` was called; it may return for nothing."""
        ...

    async def settled(self) -> None:
        """Returns when all attempts have been told, after a few seconds at most."""
        ...

    def close(self) -> None:
        """The driver waits for nothing any more."""
        ...


Hosting: TypeAlias = "Callable[[Worlds, OutputSchema, Performing, Callable[[Ended], None]], Host]"
"""Makes the host of a driver from what attempts need, and whom to tell how each ended."""


class LoopHost:
    """The host that is the running event loop: each attempt is a task."""

    def __init__(
        self, worlds: Worlds, output_schema: OutputSchema, perform: Performing, ended: Callable[[Ended], None]
    ) -> None:
        self._attempts = Attempts(worlds, output_schema, perform, ended, self.signal)
        self._alarm: asyncio.Future[None] | None = None
        self._bell: asyncio.TimerHandle | None = None

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def perform(self, state: RunState, path: str, number: int) -> None:
        self._attempts.start(state, path, number)

    def cancel(self, run: str, path: str, number: int) -> None:
        self._attempts.cancel(run, path, number)

    def cancel_all(self, run: str | None = None) -> None:
        self._attempts.cancel_all(run)

    def is_performing(self) -> bool:
        return bool(self._attempts)

    def signal(self) -> None:
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_result(None)

    async def first(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        if due <= loop.time():
            await asyncio.sleep(0)
            return
        self._set_bell(loop, due)
        self._alarm = loop.create_future()
        try:
            await self._alarm
        finally:
            self._alarm = None

    async def settled(self) -> None:
        await self._attempts.settled()

    def close(self) -> None:
        if self._bell is not None:
            self._bell.cancel()
            self._bell = None

    def _set_bell(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        """One timer for all waits: it is set anew only when it would ring too late, and may ring for nothing."""
        if due == float("inf"):
            return
        if self._bell is not None:
            if self._bell.when() <= due:
                return
            self._bell.cancel()
        self._bell = loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._bell = None
        self.signal()
