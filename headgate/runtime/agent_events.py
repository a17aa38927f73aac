"""What the rounds of an agent do to its step."""

from __future__ import annotations

from typing import Final

from headgate.plan import JsonObject
from headgate.runtime.conversation import Conversation
from headgate.runtime.events import Event, EventType
from headgate.runtime.marks import mark
from headgate.runtime.state import RunState, StepState, error_of
from headgate.runtime.status import Phase, StepStatus
from headgate.runtime.step_events import Applier, produce


def talk_of(step: StepState) -> Conversation:
    assert step.talk is not None, "an agent's rounds come after it was dispatched"
    return step.talk


def _out(state: RunState, step: StepState, event: Event) -> None:
    """The next piece of the agent's work is out."""
    attempt = event.data["attempt"]
    assert isinstance(attempt, int), "attempts are numbered"
    talk = talk_of(step)
    assert talk.going, "an agent goes on between two pieces of its work"
    talk.going = False
    state.urgent.pop(step.path, None)
    state.in_flight[step.path] = attempt
    mark(state, step, StepStatus.RUNNING, event.at)


def _is_late(state: RunState, step: StepState, event: Event) -> bool:
    """Whether this piece of work was given up before it ended."""
    if step.status is not StepStatus.RUNNING or state.in_flight.get(step.path) != event.data.get("attempt"):
        return True
    talk = talk_of(step)
    call = talk.pending()
    if event.type is EventType.TOOL_RETURNED:
        return call is None or call["id"] != event.data.get("call") or event.data.get("round") != len(talk.rounds)
    return call is not None or event.data.get("round") != len(talk.rounds) + 1


def _answered(state: RunState, step: StepState, event: Event) -> None:
    if _is_late(state, step, event):
        return
    del state.in_flight[step.path]
    talk, error = talk_of(step), event.data.get("error")
    talk.answered(event.data)
    step.failures = 0  # each round has its retries
    if isinstance(error, dict):
        step.error = error_of(error)
        state.urgent[step.path] = None
    elif talk.rounds[-1].calls:
        go_on(state, step, event.at)
    else:
        step.error = None
        produce(state, step, event.data.get("result"), event.at)


def _returned(state: RunState, step: StepState, event: Event) -> None:
    if _is_late(state, step, event):
        return
    del state.in_flight[step.path]
    talk_of(step).returned(outcome_of(event.data))
    go_on(state, step, event.at)


def outcome_of(data: JsonObject) -> JsonObject:
    """What a call came to, of the data of its event: `{result}` or `{error}`."""
    return {"error": data["error"]} if "error" in data else {"result": data.get("result")}


def go_on(state: RunState, step: StepState, at: int) -> None:
    """The agent goes on as soon as nothing holds its run; while the run drains it finishes like any attempt."""
    talk_of(step).going = True
    step.error = None
    if state.phase is Phase.DRAINING:
        mark(state, step, StepStatus.RUNNING, at)
        state.urgent[step.path] = None
    else:
        mark(state, step, StepStatus.READY, at)


AGENT_EVENTS: Final[dict[EventType, Applier]] = {
    EventType.AGENT_ASKED: _out,
    EventType.TOOL_CALLED: _out,
    EventType.AGENT_ANSWERED: _answered,
    EventType.TOOL_RETURNED: _returned,
}
