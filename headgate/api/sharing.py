"""Work that is shared with a second process when there is much of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")

WORTH_A_PROCESS = 100
"""Items from which a second process saves more than it costs to start."""


def in_two_halves(items: Sequence[Item], work: Callable[[Sequence[Item]], Answer]) -> list[Answer]:
    """The answers for the first and the second half of `items`, in that order; one answer when sharing does not pay.

    The second half is worked on in a forked process. When that is not possible, or the process ends without an answer,
    the second half is worked on here. What `work` raises on the first half is raised.
    """
    if len(items) <= WORTH_A_PROCESS or not hasattr(os, "fork") or threading.active_count() > 1 or _processors() < 2:
        return [work(items)]
    import pickle

    middle = len(items) // 2
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(writing, lambda: work(items[middle:]))
    os.close(writing)
    try:
        first = work(items[:middle])
        with os.fdopen(reading, "rb", closefd=False) as pipe:
            sent = pipe.read()
    finally:
        os.close(reading)  # a child that still writes is ended by it
        _, status = os.waitpid(child, 0)
    return [first, pickle.loads(sent) if status == 0 else work(items[middle:])]  # noqa: S301 - our own child wrote it


def _answer(writing: int, work: Callable[[], object]) -> None:
    """Ends this process, a forked one, when the answer is written: no clean-up of the parent's is run twice."""
    import pickle

    code = 1
    try:
        with os.fdopen(writing, "wb") as pipe:
            pickle.dump(work(), pipe, pickle.HIGHEST_PROTOCOL)
        code = 0
    finally:
        os._exit(code)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
