"""What an agent does next: a tool call, another round, or a question to people whether it may go on."""

from __future__ import annotations

from typing import Final

from headgate.plan import Json, JsonObject
from headgate.runtime.commands import Command, Perform, Record
from headgate.runtime.conversation import BETWEEN, Conversation, is_spent, rounds_allowed, usage_json
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.state import StepState, error_json

CONTINUE_EXPIRES_MS: Final = 259_200_000
"""How long the question whether an agent may go on stands open; then it is denied."""


def goes_on(step: StepState) -> bool:
    """Whether the step is an agent's, between two pieces of its work."""
    return step.talk is not None and step.talk.going


def limit(step: StepState, now_ms: int, task: str) -> list[Command] | None:
    """What follows for an agent that has reached a limit of its step; None for one that has not.

    `task` is the id of the question, should there be one.
    """
    talk = step.talk
    if talk is None:
        return None
    if is_spent(step.config, talk.cost):
        return [Record(EventType.ATTEMPT_FAILED, {"error": error_json(_spent(step, talk))}, step.path)]
    if talk.pending() is None and len(talk.rounds) >= rounds_allowed(step.config, talk.granted):
        return [_may_it_go_on(step, talk, now_ms, task)]
    return None


def turn(step: StepState) -> list[Command]:
    """The next piece of work of an agent that goes on."""
    talk = step.talk
    assert talk is not None, "an agent that goes on has begun"
    facts: JsonObject = {"attempt": step.attempts}
    call = talk.pending()
    if call is None:
        asked = Record(EventType.AGENT_ASKED, {**facts, "round": len(talk.rounds) + 1}, step.path)
    else:
        facts |= {"round": len(talk.rounds), "call": call["id"], "tool": call["tool"]}
        asked = Record(EventType.TOOL_CALLED, facts, step.path)
    return [asked, Perform(step.path, step.attempts)]


def refused(step: StepState, said: str) -> StepError:
    """The error of an agent that may not go on; `said` tells who or what decided so."""
    rounds = 0 if step.talk is None else len(step.talk.rounds)
    message = f"`{step.path}` had no answer after {rounds} rounds, and {said}"
    return StepError("LIMIT_EXCEEDED", message, ErrorClass.PERMANENT, detail={"rounds": rounds})


def _spent(step: StepState, talk: Conversation) -> StepError:
    most = step.config.get("max_cost")
    message = f"`{step.path}` has cost {talk.cost:.6g} USD, its `max_cost` is {most} USD; it went no further"
    return StepError("LIMIT_EXCEEDED", message, ErrorClass.PERMANENT, detail={"cost": talk.cost, "max_cost": most})


def _may_it_go_on(step: StepState, talk: Conversation, now_ms: int, task: str) -> Record:
    rounds = len(talk.rounds)
    more = rounds_allowed(step.config, 0)
    called: list[Json] = [call["name"] for call in talk.rounds[-1].calls] if talk.rounds else []
    done: JsonObject = {"rounds": rounds, "usage": usage_json(talk.input_tokens, talk.output_tokens)}
    if talk.cost:
        done["cost"] = round(talk.cost, 6)
    data: JsonObject = {
        "task": task,
        "kind": "approval",
        "when": BETWEEN,
        "gate": None,
        "title": f"Let `{step.path}` go on after {rounds} rounds?",
        "body": f"Agent `{step.config.get('agent')}` has no answer yet. Approved, it has {more} rounds more.",
        "assignees": [],
        "expires": CONTINUE_EXPIRES_MS,
        "expires_at": now_ms + CONTINUE_EXPIRES_MS,
        "on_expiry": "deny",
        "escalate_to": [],
        "reversibility": step.plan.reversibility,
        "channel": "inbox",
        "input": {**done, "last_called": called},
        "input_digest": None,
    }
    return Record(EventType.APPROVAL_REQUESTED, data, step.path)
