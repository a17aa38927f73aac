"""`noop`: a step kind with an effect that does nothing, so that only its durability costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.plan import Json
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt

SCHEMA = {
    "title": "noop",
    "description": "does nothing, durably",
    "type": "object",
    "properties": {"value": {"description": "what comes back", "template": True}},
    "additionalProperties": False,
    "headgate": {"effect": True, "reversibility": "safe", "timeout_ms": 60000, "result": {"type": "object"}},
}


class Noop:
    """Answers at once with what it was given."""

    immediate = True

    async def perform(self, attempt: Attempt, world: World) -> Json:  # noqa: ARG002 - the protocol's shape
        attempt.departure.mark()
        return {"value": attempt.input.get("value")}
