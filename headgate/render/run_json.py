"""Runs, events and approvals as the JSON that scripts read. Times are UTC to the millisecond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headgate.plan import Json, JsonObject
from headgate.render.words import timestamp
from headgate.runtime.events import Event
from headgate.runtime.view import RunView, StepView

_LISTED_WITHOUT = ("inputs", "output", "steps")


def run_object(view: RunView) -> JsonObject:
    """One run with its steps; one that is overdue says so."""
    failure = view.failure
    overdue: JsonObject = {"overdue": True} if view.overdue else {}
    return {
        "run": view.run,
        "workflow": view.workflow,
        "version": view.version,
        "plan_digest": view.plan_digest,
        "status": view.word or str(view.status),
        "detail": view.detail,
        "outcome": None if view.outcome is None else str(view.outcome),
        "trigger": view.trigger,
        "epoch": view.epoch,
        "created_at": timestamp(view.created_at),
        "started_at": timestamp(view.started_at),
        "ended_at": timestamp(view.ended_at),
        "inputs": view.inputs,
        "output": view.output,
        "failure": failure and {"code": failure.code, "step": failure.step, "message": failure.message},
        "holds": [
            {"reason": str(hold.reason), "since": timestamp(hold.since), "by": hold.by, "release": hold.release}
            for hold in view.holds
        ],
        "steps": {path: step_object(step) for path, step in view.steps.items()},
        **overdue,
    }


def listed_object(view: RunView) -> JsonObject:
    """One run as lists show it: without steps, inputs and output."""
    return {key: value for key, value in run_object(view).items() if key not in _LISTED_WITHOUT}


def breakdown_list(steps: Mapping[str, StepView]) -> list[Json]:
    """How each step of a run stands; what runs inside loops is part of the loop."""
    return [
        {"step": path, "status": step.word or str(step.status), "detail": step.detail}
        for path, step in steps.items()
        if "." not in path
    ]


def step_object(step: StepView) -> JsonObject:
    return {
        "kind": step.kind,
        "status": step.word or str(step.status),
        "detail": step.detail,
        "attempts": step.attempts,
        "input": step.input,
        "result": step.result,
        "error": step.error,
        "agent": step.agent,
        "started_at": timestamp(step.started_at),
        "ended_at": timestamp(step.ended_at),
    }


def events_list(events: Iterable[Event]) -> list[Json]:
    return [
        {
            "seq": event.seq,
            "at": timestamp(event.at),
            "type": str(event.type),
            "actor": event.actor,
            "reason": event.reason,
            "step": event.step,
            "data": event.data,
        }
        for event in events
    ]
