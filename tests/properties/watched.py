"""A run in memory that checks itself after every event, and keeps what another process needs to check it again."""

from __future__ import annotations

from typing import Any

from invariants import AFTER_EVENTS, AT_REST, Progress
from memory_runs import MemoryRun
from purity import DECIDED, EVENT, JUDGED, ROWS, Entry, rows_of
from sameness import difference

from headgate.plan import Plan
from headgate.runtime.acts import RefusalCode
from headgate.runtime.codec import decode, encode
from headgate.runtime.commands import Record
from headgate.runtime.decider import Refusal, Verdict, decide, evolve, judge, new
from headgate.runtime.events import Event, EventType
from headgate.runtime.state import RunState
from headgate.runtime.verdicts import Request


class WatchedRun(MemoryRun):
    """`late` are attempts that were given up while out: they may still end. `trace` is for the witness.

    `shadow` is the log, read back from its rows and folded: nobody decides with it.
    """

    def __init__(self, made: Plan, **data: Any) -> None:
        self.trace: list[Entry] = []
        self.shadow: RunState = new("R", made)
        self.progress = Progress()
        self.late: dict[tuple[str, int], None] = {}
        super().__init__(made, **data)
        self.settle()

    def append(self, record: Record, request_id: str | None = None) -> None:
        upcoming = self.upcoming(record, request_id)
        self.progress.before(self.state, upcoming)
        out = dict(self.state.in_flight)
        super().append(record, request_id)
        event = self.events[-1]
        text = encode(event)
        self.trace.append((EVENT, text))
        evolve(self.shadow, decode("R", event.seq, text))
        found = difference(self.state, self.shadow)
        assert found is None, f"after {event} the log folds to another state{found}"
        self.progress.after(self.state, event)
        for check in AFTER_EVENTS:
            try:
                check(self.state)
            except AssertionError as broken:
                broken.add_note(f"after {[(e.type.value, e.step, e.data) for e in self.events[-9:]]}")
                raise
        self._notice_given_up(out, event)

    def _notice_given_up(self, out: dict[str, int], event: Event) -> None:
        for path, attempt in out.items():
            if self.state.in_flight.get(path) != attempt and not _ends(event, path):
                self.late[path, attempt] = None

    def settle(self) -> list[Any]:
        commands = decide(self.state, self.now)
        assert repr(decide(self.state, self.now)) == repr(commands), "decide answers twice differently"
        self.trace.append((DECIDED, self.now, repr(commands)))
        assert difference(self.state, self.shadow) is None, "decide changed the state"
        starts = super().settle()
        assert decide(self.state, self.now) == []
        rows = rows_of(self.state)
        assert rows == rows_of(self.shadow), "the projections of the log are others"
        self.trace.append((ROWS, rows))
        for check in AT_REST:
            check(self.state)
        return starts

    def ask(self, verb: str, step_path: str | None = None, **given: Any) -> Verdict:
        self.settle()
        before, phase = len(self.events), self.state.phase
        asked, people = _request(verb, step_path, given)
        told = repr(judge(self.state, asked, self.now, people))
        self.trace.append((JUDGED, self.now, asked, people, told))
        assert difference(self.state, self.shadow) is None, "judge changed the state"
        verdict = super().ask(verb, step_path, **given)
        assert repr(verdict) == told, "judge answers twice differently"
        if isinstance(verdict, Refusal):
            assert len(self.events) == before, f"{verdict} left events behind"
            assert self.state.phase is phase
            assert verdict.code in RefusalCode
            assert verdict.message
            assert "\n" not in verdict.message
        return verdict

    def crash(self) -> None:
        """The driver dies. What was out is lost for good: only its own driver would have told how it ended."""
        super().crash()
        found = difference(self.state, self.shadow)
        assert found is None, f"the whole log folds to another state{found}"
        self.late.clear()

    def stop(self) -> None:
        """The platform stops and another driver goes on, as the executor does it."""
        if self.state.seq and self.state.phase not in ("cancelling", "completed", "failed", "cancelled", "skipped"):
            self.append(Record(EventType.HOLD_OPENED, {"hold": "interrupted"}))
        self.crash()
        self.settle()
        if ("interrupted", None) in self.state.holds:
            self.append(Record(EventType.HOLD_RELEASED, {"hold": "interrupted"}))


def _ends(event: Event, path: str) -> bool:
    return event.step == path and event.type.value.startswith("attempt_")


def _request(verb: str, step_path: str | None, given: dict[str, Any]) -> tuple[Request, Any]:
    """As MemoryRun.ask makes it."""
    args = dict(given)
    named = {key: args.pop(key) for key in ("task", "reason", "request_id", "people") if key in args}
    people = named.pop("people", None)
    return Request(verb, args.pop("actor", "ann"), step_path, args=args, **named), people
