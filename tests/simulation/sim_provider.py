"""The world that attempts are asked of: how each ends is drawn from the seed, and a ledger counts what happened."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import NamedTuple

from sim_time import Timeline

from headgate.plan import JsonObject
from headgate.runtime.commands import Record
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.state import RunState, error_json

Place = tuple[str, str]
"""A run and the path of a step."""

# how it ends -> how often; the last three only while there are faults
USUAL = {"done": 80, "later": 9, "refused": 2, "broken": 3, "expired": 1}
FAULTY = {**USUAL, "lost": 4, "late": 3, "twice": 4}
_ERRORS = {
    "later": StepError("UPSTREAM_ERROR", "not now", ErrorClass.TRANSIENT),
    "refused": StepError("UPSTREAM_ERROR", "never", ErrorClass.PERMANENT),
    "broken": StepError("UPSTREAM_ERROR", "the connection broke", ErrorClass.IN_DOUBT),
    "expired": StepError("AUTH_REAUTH_REQUIRED", "log in again", ErrorClass.AUTH, detail={"connection": "slack"}),
}
TIMED_OUT = StepError("STEP_TIMED_OUT", "it took longer than its timeout", ErrorClass.IN_DOUBT)


class Ledger:
    """What the provider did. `performed` are the attempts that it was asked for, `effects` those that had one."""

    def __init__(self) -> None:
        self.performed: list[tuple[str, str, int]] = []
        self.effects: dict[Place, list[int]] = defaultdict(list)
        self.on_the_way: dict[Place, int] = defaultdict(int)
        self._keys: dict[tuple[str, str], int] = {}

    def effect(self, place: Place, attempt: int, key: str | None) -> None:
        """Happens once per key, where there is one."""
        if key is not None and self._keys.setdefault((place[0], key), attempt) != attempt:
            return
        self.effects[place].append(attempt)


class Fate(NamedTuple):
    """Seconds after the start; None never happens. `ends` are when an end is told, and what it says."""

    effect: float | None
    ends: tuple[tuple[float, Record], ...]


class Provider:
    def __init__(self, seed: int, timeline: Timeline) -> None:
        self._seed = seed
        self._timeline = timeline
        self.ledger = Ledger()
        self.faulty = True

    def begin(self, state: RunState, path: str, number: int) -> Fate:
        """Receives a request; the effect comes whether the caller lives on or not."""
        place = (state.run_id, path)
        self.ledger.performed.append((*place, number))
        fate = self._fate(state, path, number)
        if fate.effect is not None:
            key = state.steps[path].key
            self.ledger.on_the_way[place] += 1
            self._timeline.after(
                fate.effect, lambda: self._happen(place, number, key if isinstance(key, str) else None)
            )
        return fate

    def _happen(self, place: Place, number: int, key: str | None) -> None:
        self.ledger.on_the_way[place] -= 1
        self.ledger.effect(place, number, key)

    def _fate(self, state: RunState, path: str, number: int) -> Fate:
        dice = random.Random(f"{self._seed}/{state.run_id}/{path}/{number}")
        chances = FAULTY if self.faulty else USUAL
        how = dice.choices(list(chances), list(chances.values()))[0]
        took = dice.choice([0.01, 0.2, 1.0, 1.0, 5.0, 20.0])
        timeout = (state.steps[path].plan.timeout or 3_600_000) / 1000
        done = _done(path, number, {"n": dice.randrange(100)})
        late = _failed(path, number, TIMED_OUT)
        if how in ("later", "refused", "expired"):
            return Fate(None, ((took, _failed(path, number, _ERRORS[how])),))
        effect = took * dice.random()
        if how == "broken":
            happens = effect if dice.random() < 0.5 else None
            return Fate(happens, ((took, _failed(path, number, _ERRORS[how])),))
        if how == "lost":
            return Fate(effect if dice.random() < 0.7 else None, ((timeout, late),))
        if how == "late":
            return Fate(timeout + effect, ((timeout, late), (timeout + took, done)))
        if how == "twice":
            return Fate(effect, ((took, done), (took + dice.choice([0.0, 3.0, 400.0]), done)))
        return Fate(effect, ((took, done),))


def _done(path: str, number: int, result: JsonObject) -> Record:
    return Record(EventType.ATTEMPT_SUCCEEDED, {"attempt": number, "result": result}, path)


def _failed(path: str, number: int, error: StepError) -> Record:
    return Record(EventType.ATTEMPT_FAILED, {"attempt": number, "error": error_json(error)}, path)
