"""Time that does not pass but is turned: an event loop that goes to its next timer at once."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

START_MS = 1_767_603_600_000
"""Monday, 2026-01-05 09:00:00 UTC: every simulated run starts then."""


class _Turned(selectors.BaseSelector):
    """Waits for nothing: what a loop would have slept is added to the time."""

    def __init__(self) -> None:
        self._files = selectors.SelectSelector()
        self.seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "the loop of a simulation waits for something that will never happen"
        self.seconds += max(timeout, 0.0)
        return self._files.select(0) if timeout else []

    def register(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        return self._files.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._files.unregister(fileobj)

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._files.get_map()

    def close(self) -> None:
        self._files.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time starts at 0 and goes from timer to timer."""

    def __init__(self) -> None:
        self._turned = _Turned()
        super().__init__(self._turned)

    def time(self) -> float:
        return self._turned.seconds


class VirtualClock:
    """The clock of a virtual loop."""

    __slots__ = ("_loop",)

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()
