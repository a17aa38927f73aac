"""Lua for a loop whose time is not the machine's: the same child, asked and waited for on the spot."""

from __future__ import annotations

import json
import select
import struct
import subprocess
from contextlib import suppress
from typing import IO, Any

from headgate.plan import Json
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers import Attempt
from headgate.runtime.performers.lua import child_command, request_of, result_of

SECONDS = 10.0
"""Of the machine's time for one script; a simulation has no use for slower ones."""


class Scripts:
    """Runs scripts one after the other, and none again that ran too long. `close` ends the child."""

    def __init__(self) -> None:
        self._endless: set[str] = set()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self, attempt: Attempt) -> Json:
        """What the script returned; raises `StepFailure` as the performer of `lua` does."""
        script = attempt.input.get("script")
        if not isinstance(script, str):
            raise _failure("CONFIG_INVALID", "`script` must be a text")
        if script in self._endless:
            raise _too_long()
        body = request_of(script, attempt)
        child = self._child or self._start()
        assert child.stdin is not None, "a child is started with both pipes"
        assert child.stdout is not None, "a child is started with both pipes"
        try:
            child.stdin.write(struct.pack(">I", len(body)) + body)
            child.stdin.flush()
            size = struct.unpack(">I", _read(child.stdout, 4))[0]
            reply: dict[str, Any] = json.loads(_read(child.stdout, size))
        except TimeoutError:
            self.close()
            self._endless.add(script)
            raise _too_long() from None
        except (EOFError, OSError):
            self.close()
            raise _failure("LUA_FAILED", "the script used up its memory or its time and was stopped") from None
        return result_of(reply)

    def close(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            child.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self._child = subprocess.Popen(  # noqa: S603 - our own child
            child_command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            bufsize=0,
            start_new_session=True,
        )
        return self._child


def _read(pipe: IO[bytes], size: int) -> bytes:
    """Exactly so many bytes; raises EOFError and TimeoutError."""
    content = b""
    while len(content) < size:
        if not select.select([pipe], [], [], SECONDS)[0]:
            raise TimeoutError
        piece = pipe.read(size - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def _too_long() -> StepFailure:
    return _failure("STEP_TIMED_OUT", f"the script ran longer than {SECONDS:g}s and was stopped")


def _failure(code: str, message: str) -> StepFailure:
    return StepFailure(StepError(code, message, ErrorClass.PERMANENT))
