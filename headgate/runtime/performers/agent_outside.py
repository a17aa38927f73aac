"""Hands a task to an agent that works elsewhere and calls back when it is done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

import httpx

from headgate.runtime.conversation import CALLBACK_EXPIRES_MS
from headgate.runtime.performers import Parked, callback_of
from headgate.runtime.performers.http import request_of, send
from headgate.runtime.times import iso

if TYPE_CHECKING:
    from headgate.plan import JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt, Callback
    from headgate.workspace import Agent

_TOLD = ("instructions", "input", "schema", "tools", "max_rounds", "max_cost")
_ACCEPTED = range(200, 300)


async def hand_over(agent: Agent, attempt: Attempt, world: World) -> NoReturn:
    """Posts the task with the token of its callback, and raises `Parked` once it was taken.

    Raises `StepFailure` as an `http` step does: transient for 408, 425, 429 and 5xx, in doubt when the exchange broke.
    """
    expires = attempt.input.get("callback_expires")
    callback = callback_of(attempt, world, expires if isinstance(expires, int) else CALLBACK_EXPIRES_MS)
    world.hide(callback.token)
    headers = httpx.Headers(world.settings(agent.headers, f"the agent `{agent.name}`"))
    headers["Content-Type"] = "application/json"
    headers.setdefault("Idempotency-Key", f"{attempt.run}/{attempt.step}/{attempt.attempt}")
    content = json.dumps(_task(agent, attempt, callback), ensure_ascii=False, allow_nan=False).encode()
    await send(request_of("POST", str(agent.url), headers, content), attempt, world, _ACCEPTED)
    raise Parked(callback)


def _task(agent: Agent, attempt: Attempt, callback: Callback) -> JsonObject:
    """What the agent is sent; its answer is the JSON that it calls back with."""
    told = [text for text in (agent.instructions, attempt.input.get("instructions")) if text]
    task: JsonObject = {
        "run": attempt.run,
        "workflow": attempt.workflow,
        "step": attempt.step,
        "attempt": attempt.attempt,
        "agent": agent.name,
        **{name: attempt.input[name] for name in _TOLD if attempt.input.get(name) is not None},
        "callback": {
            "token": callback.token,
            "expires_at": iso(callback.expires_at),
            "command": f"headgate callback {callback.token} --data JSON",
        },
    }
    return {**task, "instructions": "\n\n".join(str(text) for text in told)} if told else task
