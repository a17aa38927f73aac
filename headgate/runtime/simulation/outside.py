"""The outside of a simulation: the events that its waits wait for come when a while has passed, or too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from copy import deepcopy

from headgate.expressions import TemplateFailed
from headgate.plan import Json, JsonObject
from headgate.runtime.commands import Record
from headgate.runtime.driven import DrivenRun
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.hearing import received
from headgate.runtime.preparing import fits_wait
from headgate.runtime.simulation.answers import Performance
from headgate.runtime.simulation.assumptions import DURATIONS_MS, drawn_ms
from headgate.runtime.simulation.drawing import Unmakeable, draw_of
from headgate.runtime.simulation.matching import wanted
from headgate.runtime.state import RunState, error_json
from headgate.runtime.store import Signal

TRIES = 16
_ACTOR = "somebody outside"


class Outside:
    """Sends the events of one seed. `tell` passes what happens to the driver of a run."""

    def __init__(self, seed: int, performance: Performance, tell: Callable[[str, Record], None]) -> None:
        self._seed = seed
        self._performance = performance
        self._tell = tell
        self._seen: set[tuple[str, str, int | None]] = set()

    def look(self, driven: DrivenRun) -> None:
        """Takes up what is newly waited for in a run."""
        state = driven.state
        for path, event in state.listening.items():
            key = (state.run_id, path, state.steps[path].started_at)
            if key not in self._seen:
                self._seen.add(key)
                self._take_up(state, path, event)

    def _take_up(self, state: RunState, path: str, event: str) -> None:
        random = draw_of(self._seed, state.workflow, path, "event")
        said = self._performance.took(path)
        took = drawn_ms(DURATIONS_MS["wait"], random) if said is None else said
        until = state.steps[path].resume_at
        if until is not None and state.at + took >= until:
            return self._performance.expected.add(path)  # the expiry is a timer of the run's own
        record = self._record(state, path, event)
        asyncio.get_running_loop().call_later(took / 1000, self._send, state, path, record)
        return None

    def _record(self, state: RunState, path: str, event: str) -> Record:
        """What was said of it; else a made-up payload that fits, as far as one is found."""
        answer = self._performance.answer(path)
        signal = Signal(f"{state.run_id}/{path}", state.at, event, state.run_id, None, _ACTOR)
        if answer is not None and answer.error is not None:
            self._performance.expected.add(path)
            return _failing(signal, path, answer.error)
        if answer is not None:
            return received(state, path, signal._replace(payload=answer.result))
        try:
            return received(state, path, signal._replace(payload=self._made(state, path)))
        except Unmakeable:
            message = f"no made-up event fits what `{path}` declares: give one with --given"
            return _failing(signal, path, StepError("RESULT_INVALID", message, ErrorClass.PERMANENT))

    def _made(self, state: RunState, path: str) -> Json:
        payload: Json = None
        for number in range(TRIES):
            random = draw_of(self._seed, state.workflow, path, "payload", number)
            drawn = self._performance.event(state.workflow, path, state.steps[path].plan.result, random)
            for payload in _completed(state, path, drawn):
                try:
                    if fits_wait(state, path, payload):
                        return payload
                except TemplateFailed:
                    continue
        return payload

    def _send(self, state: RunState, path: str, record: Record) -> None:
        if path in state.listening:
            self._tell(state.run_id, record)


def _completed(state: RunState, path: str, drawn: Json) -> Iterator[Json]:
    """The payload as drawn, and with what the condition compares it with."""
    yield drawn
    made: JsonObject = deepcopy(drawn) if isinstance(drawn, dict) else {}
    for names, value in wanted(state, path):
        if not names:
            yield value
            return
        at = made
        for name in names[:-1]:
            inner = at.get(name)
            at[name] = inner = inner if isinstance(inner, dict) else {}
            at = inner
        at[names[-1]] = value
    yield made


def _failing(signal: Signal, path: str, error: StepError) -> Record:
    facts: JsonObject = {"signal": signal.id, "event": signal.event, "payload": None, "error": error_json(error)}
    return Record(EventType.SIGNAL_RECEIVED, facts, path, signal.actor)
