"""The log of a run for people: a line an event."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from headgate.plan import JsonObject
from headgate.render.tables import Cell, table
from headgate.render.words import timestamp
from headgate.runtime.events import SYSTEM, Event, EventType

_COLOURS = {
    EventType.RUN_COMPLETED: "green",
    EventType.ATTEMPT_SUCCEEDED: "green",
    EventType.AGENT_ANSWERED: "green",
    EventType.RUN_FAILED: "red",
    EventType.STEP_FAILED: "red",
    EventType.ATTEMPT_FAILED: "red",
    EventType.ATTEMPT_LOST: "magenta",
    EventType.HOLD_OPENED: "yellow",
    EventType.STEP_HELD: "yellow",
    EventType.APPROVAL_REQUESTED: "blue",
    EventType.APPROVAL_DECIDED: "blue",
    EventType.STEP_WAITING: "blue",
    EventType.STEP_RETRYING: "magenta",
}


def events_text(events: Sequence[Event], *, width: int | None, colour: bool) -> str:
    """Sequence number, time, event, step, actor, and what it carries."""
    rows = [
        (
            str(event.seq),
            timestamp(event.at) or "",
            Cell(str(event.type), _COLOURS.get(event.type, "")),
            event.step or "",
            "" if event.actor == SYSTEM else event.actor,
            _carries(event),
        )
        for event in events
    ]
    return table(("seq", "at (UTC)", "event", "step", "by", "data"), rows, width=width, colour=colour)


def _carries(event: Event) -> str:
    reason = [f'"{event.reason}"'] if event.reason else []
    if event.type is EventType.AGENT_ANSWERED:
        return " ".join([*reason, *_answer(event.data)])
    told = [f"{key}={_short(value)}" for key, value in event.data.items() if value is not None]
    return " ".join([*reason, *told])


def _answer(data: JsonObject) -> Iterator[str]:
    """What an agent's model answered: the tools it asks for by name; what it asks of them is in the JSON."""
    usage, calls = data.get("usage"), data.get("calls")
    yield f"round={data.get('round')}"
    if isinstance(calls, list) and calls:
        named = [str(call.get("tool") or call.get("name")) for call in calls if isinstance(call, dict)]
        yield f"tools={', '.join(named)}"
    if isinstance(usage, dict):
        yield f"tokens={usage.get('total_tokens')}"
    for key in ("cost", "text", "result", "error"):
        if data.get(key) is not None:
            yield f"{key}={_short(data[key])}"


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
