"""When each step of a run was running, waiting, retrying or held: read from the events alone."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.records import NamedTuple
from headgate.runtime.events import Event, EventType

STATES: dict[EventType, str] = {
    EventType.STEP_DISPATCHED: "running",
    EventType.LOOP_STARTED: "running",
    EventType.ROUND_STARTED: "running",
    EventType.ROUND_TESTED: "running",
    EventType.AGENT_ASKED: "running",
    EventType.TOOL_CALLED: "running",
    EventType.STEP_WAITING: "waiting",
    EventType.ATTEMPT_PARKED: "waiting",
    EventType.APPROVAL_REQUESTED: "waiting",
    EventType.STEP_RETRYING: "retrying",
    EventType.STEP_HELD: "held",
    EventType.STEP_INTERRUPTED: "interrupted",
}
"""What a step is in after an event of its own; after any other it is in none of these."""
_BESIDE = frozenset({EventType.APPROVAL_EXPIRING, EventType.APPROVAL_EXTENDED})
"""What leaves a step in what it was in."""


class Interval(NamedTuple):
    """`state` from `start` to `end`, UTC in ms; `end` is None while it lasts. Without a length it is an instant."""

    state: str
    start: int
    end: int | None


def intervals(events: Iterable[Event]) -> dict[str, list[Interval]]:
    """The intervals of every step that did something, by its path, in the order in which the steps began."""
    found: dict[str, list[Interval]] = {}
    for event in events:
        if event.step is None or event.type in _BESIDE:
            continue
        mine = found.setdefault(event.step, [])
        state = STATES.get(event.type)
        if mine and mine[-1].end is None:
            if mine[-1].state == state:
                continue
            mine[-1] = mine[-1]._replace(end=event.at)
        if state is not None:
            mine.append(Interval(state, event.at, None))
        elif event.type is EventType.ATTEMPT_SUCCEEDED and not mine:
            mine.append(Interval("running", event.at, event.at))
    return {step: mine for step, mine in found.items() if mine}
