"""A step kind whose effect counts itself: each attempt writes one line that survives whatever happens next."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers import Parked, callback_of

SCHEMA = {
    "title": "ledger",
    "description": "writes a line into the ledger",
    "type": "object",
    "properties": {
        "book": {"description": "the ledger's file", "type": "string", "template": True},
        "line": {"description": "what is written", "template": True},
        "fail": {"description": "how many attempts fail for now", "type": "integer", "template": True},
        "broken": {"description": "fails for good", "type": "boolean"},
        "seconds": {"description": "how long it takes", "type": "number"},
        "tokens": {
            "description": "where the token is written with which it is called back",
            "type": "string",
        },
        "callback_expires": {"description": "how long it waits, in ms", "type": "integer"},
        "deaf": {"description": "does not heed its cancellation while it takes its time", "type": "boolean"},
    },
    "required": ["book", "line"],
    "additionalProperties": False,
    "headgate": {"effect": True, "reversibility": "unknown", "timeout_ms": 60000},
}


class Dying:
    """Kills this process for good just after the effect number `after`; a test sets it in a process of its own."""

    after: int | None = None
    written = 0


def _write(path: Path, text: str) -> None:
    path.write_text(text)


class Ledger:
    async def perform(self, attempt, world):
        given = attempt.input
        line = f"{attempt.step} {attempt.attempt} {given['line']}\n"
        descriptor = os.open(Path(given["book"]), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, line.encode())
        os.close(descriptor)
        attempt.departure.mark()
        Dying.written += 1
        if Dying.written == Dying.after:
            os.kill(os.getpid(), signal.SIGKILL)
        callback = None
        if given.get("tokens"):
            callback = callback_of(attempt, world, given.get("callback_expires", 60_000))
            _write(Path(given["tokens"]), callback.token)
        if given.get("deaf"):
            await _deaf(given["seconds"])
        elif given.get("seconds"):
            await asyncio.sleep(given["seconds"])
        if attempt.attempt <= given.get("fail", 0):
            raise StepFailure(StepError("UPSTREAM_ERROR", "not yet", ErrorClass.TRANSIENT))
        if given.get("broken"):
            raise StepFailure(StepError("UPSTREAM_ERROR", "never", ErrorClass.PERMANENT))
        if callback is not None:
            raise Parked(callback)
        return {"line": given["line"]}


async def _deaf(seconds):
    end = asyncio.get_running_loop().time() + seconds
    while (left := end - asyncio.get_running_loop().time()) > 0:
        try:
            await asyncio.sleep(left)
        except asyncio.CancelledError:
            continue
