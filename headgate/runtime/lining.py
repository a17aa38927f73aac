"""The runs of one driver that wait for their turn to start, and what is appended when it has come."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.plan import JsonObject
from headgate.runtime.admitting import Answer, Turn
from headgate.runtime.commands import Record
from headgate.runtime.events import EventType


class Line:
    """Who waits, by line (a workflow and its key), the first in line first."""

    __slots__ = ("_accepted", "_called", "_waiting", "_where")

    def __init__(self) -> None:
        self._waiting: dict[str, dict[str, tuple[str, ...]]] = {}
        self._where: dict[str, str] = {}
        self._accepted: dict[str, None] = {}
        self._called = False

    def accept(self, run: str) -> None:
        """A new run, which is asked for once it is stored."""
        self._accepted[run] = None

    def wait(self, line: str, run: str, rivals: tuple[str, ...]) -> None:
        """`run` waits in `line` for what `rivals` do."""
        self._where[run] = line
        self._waiting.setdefault(line, {})[run] = rivals

    def leave(self, run: str) -> str | None:
        """`run` waits no longer: it started, is held, or ended. Gives who is next in its line."""
        self._accepted.pop(run, None)
        line = self._where.pop(run, None)
        if line is None:
            return None
        waiting = self._waiting[line]
        del waiting[run]
        if not waiting:
            del self._waiting[line]
        return next(iter(waiting), None)

    def call_first(self) -> None:
        """A place may be free: the first of every line is to be looked at."""
        self._called = True

    def called(self) -> list[str]:
        """Those to look at now; each is named once until something happens again."""
        found = list(self._accepted)
        self._accepted = {}
        if self._called:
            self._called = False
            found += [next(iter(waiting)) for waiting in self._waiting.values()]
        return found

    def rivals(self) -> Iterator[str]:
        """Whom the first of every line waits for."""
        for waiting in self._waiting.values():
            yield from next(iter(waiting.values()))


def admitted(answer: Answer) -> list[Record] | None:
    """What is appended in place of the start of a run; None when it starts."""
    match answer.turn:
        case Turn.START:
            if answer.bucket is None:
                return None
            data: JsonObject = {"credit": answer.bucket.value}
            return [Record(EventType.RUN_STARTING, data)]
        case Turn.HOLD:
            return [
                Record(EventType.HOLD_OPENED, {"hold": reason.value}, reason=message)
                for reason, message in answer.holds
            ]
        case Turn.SKIP:
            return [Record(EventType.RUN_SKIPPED, {"reason": answer.message or answer.turn.value})]
        case Turn.FAIL:
            failed: JsonObject = {"code": answer.code, "step": None, "message": answer.message}
            return [Record(EventType.RUN_STARTING, {}), Record(EventType.RUN_FAILED, failed)]
        case Turn.WAIT:
            return []
