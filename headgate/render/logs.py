"""A run's log for people: a line for each thing that happened, said in words, and each line that a step printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.render.columns import printable
from headgate.render.words import coloured, moment, span, timestamp
from headgate.runtime.events import SYSTEM, Event, EventType

ERROR, WARNING, INFO = "error", "warning", "info"
LEVELS = (INFO, WARNING, ERROR)
_COLOURS = {ERROR: "red", WARNING: "yellow", INFO: "bright_black"}


class Line(NamedTuple):
    """One line; `at` is UTC in ms, `step` a path, `printed` whether a step said it itself."""

    at: int
    level: str
    step: str | None
    text: str
    printed: bool = False


def log_lines(events: Iterable[Event], step: str | None = None, least: str = INFO) -> Iterator[Line]:
    """The lines of a run, or of one step and what is inside it, of the level `least` or worse."""
    worst = LEVELS[LEVELS.index(least) :]
    for event in events:
        if step is not None and event.step != step and not (event.step or "").startswith(f"{step}."):
            continue
        printed = event.data.get("log")
        for text in printed if isinstance(printed, list) else ():
            if least == INFO:
                yield Line(event.at, INFO, event.step, str(text), printed=True)
        level = _LEVELS.get(event.type, INFO)
        if level in worst:
            yield Line(event.at, level, event.step, _sentence(event))


def logs_text(lines: Iterable[Line], *, colour: bool) -> str:
    """A line each: time, level, step, text."""
    return "".join(f"{_drawn(line, colour=colour)}\n" for line in lines)


def logs_list(lines: Iterable[Line]) -> list[Json]:
    """The same as plain values."""
    return [
        {"at": timestamp(line.at), "level": line.level, "step": line.step, "text": line.text, "printed": line.printed}
        for line in lines
    ]


def _drawn(line: Line, *, colour: bool) -> str:
    level = line.level.ljust(7)
    level = coloured(level, _COLOURS[line.level]) if colour else level
    who = f"{line.step}: " if line.step else ""
    mark = "| " if line.printed else ""
    return f"{timestamp(line.at)} {level} {printable(who + mark + line.text)}"


def _sentence(event: Event) -> str:
    said = _SAID.get(event.type)
    text = said(event) if said is not None else _plainly(event)
    by = "" if event.actor == SYSTEM else f" by {event.actor}"
    reason = f': "{event.reason}"' if event.reason else ""
    return f"{text}{by}{reason}"


def _plainly(event: Event) -> str:
    """For what needs no sentence of its own: the event's name in words, and what it carries."""
    told = [f"{key} {_short(value)}" for key, value in event.data.items() if value not in (None, "", [], {})]
    words = event.type.value.replace("_", " ")
    return f"{words} ({', '.join(told)})" if told else words


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"


def _text(event: Event, key: str) -> str:
    value = event.data.get(key)
    return "" if value is None else _short(value)


def _error(event: Event) -> str:
    error = event.data.get("error")
    if not isinstance(error, dict):
        return "without an error"
    return f"{error.get('code')}: {error.get('message')}"


def _created(event: Event) -> str:
    trigger = event.data.get("trigger")
    how = trigger.get("name") if isinstance(trigger, dict) else None
    version = event.data.get("version")
    named = f"{_text(event, 'workflow')}{f' v{version}' if version else ''}"
    source = f", a replay of {_text(event, 'source')}" if event.data.get("source") else ""
    return f"the run of {named} was created through {how or 'manual'}{source}"


def _waiting(event: Event) -> str:
    until = event.data.get("until")
    child = event.data.get("run")
    named = f" {child}" if child else f" until {moment(until)} UTC" if isinstance(until, int) else ""
    return f"waits for {_text(event, 'for')}{named}"


def _retrying(event: Event) -> str:
    at = event.data.get("at")
    after = f" in {span(at - event.at)}" if isinstance(at, int) else ""
    return f"is tried again{after}"


def _decided(event: Event) -> str:
    comment = _text(event, "comment")
    via = f" ({_text(event, 'via')})" if event.data.get("via") else ""
    return f"was {_text(event, 'decision')}{via}" + (f' with the comment "{comment}"' if comment else "")


def _answered(event: Event) -> str:
    """What an agent's model said in a round: the tools it asks for, or that it is done."""
    usage, calls = event.data.get("usage"), event.data.get("calls")
    tokens = f", {usage.get('total_tokens')} tokens" if isinstance(usage, dict) else ""
    if event.data.get("error"):
        return f"round {_text(event, 'round')}: the model's answer does not fit{tokens}: {_error(event)}"
    if not isinstance(calls, list) or not calls:
        return f"round {_text(event, 'round')}: the model answered{tokens}"
    named = [f"{call.get('tool') or call.get('name')}" for call in calls if isinstance(call, dict)]
    return f"round {_text(event, 'round')}: the model asks for {', '.join(named)}{tokens}"


def _returned(event: Event) -> str:
    if "error" in event.data:
        return f"{_text(event, 'tool')} failed, which the model is told: {event.data['error']}"
    return f"{_text(event, 'tool')} returned {_text(event, 'result')}"


def _asks(event: Event) -> str:
    kind = _text(event, "kind")
    return f"asks for {'an' if kind[:1] in 'aeiou' else 'a'} {kind}: {_text(event, 'title')}"


def _moment(event: Event, key: str) -> str:
    at = event.data.get(key)
    return f"{moment(at)} UTC" if isinstance(at, int) else "no known time"


def _hold(verb: str) -> Callable[[Event], str]:
    return lambda event: f"{verb}: {_text(event, 'hold')}"


def _plain(text: str) -> Callable[[Event], str]:
    return lambda _: text


def _attempt(text: str) -> Callable[[Event], str]:
    return lambda event: f"attempt {_text(event, 'attempt')} {text}"


_SAID: Final[dict[EventType, Callable[[Event], str]]] = {
    EventType.RUN_CREATED: _created,
    EventType.RUN_STARTING: _plain("a worker took the run"),
    EventType.RUN_ACTIVATED: _plain("the run started"),
    EventType.RUN_COMPLETED: lambda event: f"the run completed, {_text(event, 'outcome').replace('_', ' ')}",
    EventType.RUN_FAILED: lambda event: f"the run failed: {_text(event, 'code')}: {_text(event, 'message')}",
    EventType.RUN_CANCELLING: _plain("the run is being cancelled"),
    EventType.RUN_CANCELLED: _plain("the run was cancelled; nothing is undone"),
    EventType.RUN_SKIPPED: lambda event: f"the run was skipped: {_text(event, 'reason')}",
    EventType.HOLD_OPENED: _hold("the run is held"),
    EventType.HOLD_RELEASED: _hold("a hold is gone"),
    EventType.STEP_DISPATCHED: _attempt("started"),
    EventType.ATTEMPT_SUCCEEDED: _attempt("succeeded"),
    EventType.ATTEMPT_FAILED: lambda event: f"attempt {event.data.get('attempt') or ''} failed: {_error(event)}",
    EventType.ATTEMPT_LOST: _attempt("was lost: its worker stopped"),
    EventType.ATTEMPT_CANCELLED: _attempt("was cancelled"),
    EventType.STEP_WAITING: _waiting,
    EventType.STEP_RETRYING: _retrying,
    EventType.STEP_FAILED: lambda event: "failed" + (f": {_error(event)}" if event.data.get("error") else " for good"),
    EventType.STEP_SKIPPED: lambda event: f"was skipped: {_text(event, 'detail').replace('_', ' ')}",
    EventType.STEP_BLOCKED: lambda event: f"was blocked by `{_text(event, 'cause')}`",
    EventType.STEP_CANCELLED: lambda event: f"was cancelled: {_text(event, 'cause')}",
    EventType.STEP_HELD: _hold("is held"),
    EventType.APPROVAL_REQUESTED: _asks,
    EventType.APPROVAL_DECIDED: _decided,
    EventType.APPROVAL_EXPIRED: lambda event: f"nobody decided in time: {_text(event, 'policy').replace('_', ' ')}",
    EventType.APPROVAL_EXPIRING: lambda event: f"nobody has decided yet: it expires at {_moment(event, 'expires_at')}",
    EventType.APPROVAL_EXTENDED: lambda event: f"has more time, until {_moment(event, 'expires_at')}",
    EventType.SIGNAL_RECEIVED: lambda event: f"heard `{_text(event, 'event')}`: {_text(event, 'payload')}",
    EventType.ATTEMPT_PARKED: lambda event: f"attempt {_text(event, 'attempt')} waits to be called back",
    EventType.CALLBACK_RECEIVED: lambda event: f"attempt {_text(event, 'attempt')} was called back",
    EventType.CHILD_ENDED: lambda event: f"the sub-run {_text(event, 'run')} ended {_text(event, 'status')}",
    EventType.STEP_INTERRUPTED: _plain("was interrupted; it goes on by itself"),
    EventType.RUN_DRAINING: lambda event: (
        f"the run drains: what is out may finish, then it is {_text(event, 'verdict')}"
    ),
    EventType.RUN_REDRIVEN: lambda event: f"the run goes on anew (epoch {_text(event, 'epoch')})",
    EventType.LOOP_STARTED: lambda event: f"the loop started{_items(event.data)}",
    EventType.AGENT_ASKED: lambda event: f"round {_text(event, 'round')}: the model is asked",
    EventType.AGENT_ANSWERED: _answered,
    EventType.TOOL_CALLED: lambda event: f"{_text(event, 'tool')} is called",
    EventType.TOOL_RETURNED: _returned,
    EventType.ROUND_STARTED: lambda event: f"round {_text(event, 'iteration')} started",
    EventType.STEP_RETRIED: _plain("is tried again"),
    EventType.STEP_CONFIRMED: lambda event: (
        "was confirmed to have happened" if event.data.get("done") else "was confirmed not to have happened"
    ),
}


def _items(data: JsonObject) -> str:
    items = data.get("items")
    return f" over {len(items)} items" if isinstance(items, list) else ""


_LEVELS: Final[dict[EventType, str]] = {
    EventType.RUN_FAILED: ERROR,
    EventType.STEP_FAILED: ERROR,
    EventType.ATTEMPT_FAILED: WARNING,
    EventType.ATTEMPT_LOST: WARNING,
    EventType.STEP_RETRYING: WARNING,
    EventType.STEP_HELD: WARNING,
    EventType.STEP_BLOCKED: WARNING,
    EventType.HOLD_OPENED: WARNING,
    EventType.RUN_CANCELLED: WARNING,
    EventType.RUN_SKIPPED: WARNING,
    EventType.APPROVAL_EXPIRED: WARNING,
}
