"""What went wrong between a server and us, in a sentence, with what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx2
from mcp import MCPError
from mcp_types import CONNECTION_CLOSED, PARSE_ERROR
from pydantic import ValidationError

from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers.mcp_session import root_of

if TYPE_CHECKING:
    from headgate.plan import JsonObject
    from headgate.runtime.performers.mcp_link import Link

_BUSY = frozenset({408, 425, 429, 503})
_REFUSED = frozenset({401, 403})
# The errors that the SDK's HTTP transport makes up itself, told from a server's own by their words alone.
_MADE_OF_A_STATUS = frozenset({"Server returned an error response", "Session terminated", "Not Found"})
_MADE_OF_NONSENSE = ("Unexpected content type", "server answered a request with 202")


class Faults:
    """Tells the faults of one call apart. `tool` is None before anything was called: then nothing is in doubt.

    `limit` is the time it had, in seconds. `alone` says that no other call was out: only then does a refused
    connection mean that this call never left.
    """

    def __init__(self, link: Link, tool: str | None, limit: float, *, alone: bool) -> None:
        self._link = link
        self._limit = limit
        self._tool = tool
        self._alone = alone
        self._who = f"the MCP server `{link.name}`"

    def late(self) -> StepFailure:
        """It did not answer in the time of the attempt."""
        asked = f"`{self._tool}`" if self._tool is not None else "when it was started"
        if self._link.over_http and self._tool is None:
            asked = "when it was greeted"
        message = f"{self._who} did not answer {asked} within {self._limit:g}s"
        if self._link.nonsense is not None:
            message += f"; what it wrote is no MCP: `{self._link.nonsense}`"
        return self._failure("STEP_TIMED_OUT", message, self._unknown(ErrorClass.TRANSIENT))

    def nonsense(self) -> StepFailure:
        """It writes, but not what the protocol says."""
        message = f"{self._who} answers nonsense, which is no MCP: `{self._link.nonsense}`"
        return self._failure("UPSTREAM_ERROR", message, ErrorClass.PERMANENT)

    async def broken(self, error: BaseException) -> StepFailure:
        """What the SDK, or a library under it, raised."""
        await self._link.silence()
        cause = root_of(error)
        if isinstance(cause, MCPError):
            return self._answered(cause)
        if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout):
            kind = ErrorClass.TRANSIENT if self._alone else self._unknown(ErrorClass.TRANSIENT)
            message = f"{self._who} cannot be reached at `{self._link.instance.server_url}`: {cause}"
            return self._failure("DEPENDENCY_UNAVAILABLE", message, kind)
        if isinstance(cause, OSError) and self._tool is None and not self._link.over_http:
            return self._not_started(cause)
        if isinstance(cause, ValidationError):
            message = f"{self._who} answered {self._asked()} with what is no MCP: {_first(cause)}"
            return self._failure("UPSTREAM_ERROR", message, self._unknown(ErrorClass.PERMANENT))
        return self._ended(str(cause) or type(cause).__name__)

    def _answered(self, error: MCPError) -> StepFailure:
        """The server's own error, or one that the SDK made of the way the connection ended."""
        refusal = self._link.refusal
        if refusal is not None and error.message in _MADE_OF_A_STATUS:
            return self._refused(*refusal)
        if error.code == CONNECTION_CLOSED:
            return self._ended(error.message)
        if self._link.over_http and (error.code == PARSE_ERROR or error.message.startswith(_MADE_OF_NONSENSE)):
            message = f"{self._who} answered {self._asked()} with what is no MCP: {error.message.partition(chr(10))[0]}"
            return self._failure("UPSTREAM_ERROR", message, self._unknown(ErrorClass.PERMANENT))
        if self._tool is None:
            message = f"{self._who} refused the session: {error.message}"
            return self._failure("DEPENDENCY_UNAVAILABLE", message, ErrorClass.PERMANENT)
        message = f"the tool `{self._tool}` failed: {error.message} (error {error.code})"
        return self._failure("MCP_TOOL_FAILED", message, ErrorClass.PERMANENT)

    def _refused(self, status: int, reason: str) -> StepFailure:
        """An HTTP status in place of an answer."""
        message = f"{self._who} answered {self._asked()} with {status} {reason}".rstrip()
        if status in _REFUSED:
            wired = self._link.instance.connection
            hint = "check its headers" if wired is None else f"look at what the connection `{wired}` may do"
            return self._failure("AUTH_REAUTH_REQUIRED", f"{message}; {hint}", ErrorClass.PERMANENT, status)
        if status in _BUSY:
            return self._failure("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT, status)
        if status == 404:
            kind = ErrorClass.PERMANENT if self._tool is None else ErrorClass.TRANSIENT
            hint = "; is it the address of an MCP server?" if self._tool is None else "; its session is gone"
            return self._failure("DEPENDENCY_UNAVAILABLE", message + hint, kind, status)
        kind = self._unknown(ErrorClass.TRANSIENT) if status >= 500 else ErrorClass.PERMANENT
        return self._failure("UPSTREAM_ERROR", message, kind, status)

    def _ended(self, reason: str) -> StepFailure:
        if self._tool is not None:
            message = f"{self._who} ended in the middle of `{self._tool}`"
            return self._failure("UPSTREAM_ERROR", message + self._last_word(), ErrorClass.IN_DOUBT)
        if self._link.nonsense is not None:
            return self.nonsense()
        if self._link.over_http:
            message = f"{self._who} cannot be used at `{self._link.instance.server_url}`: {reason}"
            return self._failure("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT)
        message = f"{self._who} ended before it answered"
        return self._failure("DEPENDENCY_UNAVAILABLE", message + self._last_word(), ErrorClass.PERMANENT)

    def _not_started(self, error: OSError) -> StepFailure:
        command = self._link.instance.command[0]
        reason = "is not found" if isinstance(error, FileNotFoundError) else f"cannot be run ({error.strerror})"
        message = f"{self._who} did not start: `{command}` {reason}; install it, or correct `command` in headgate.toml"
        return self._failure("DEPENDENCY_UNAVAILABLE", message, ErrorClass.PERMANENT)

    def _asked(self) -> str:
        return "the greeting" if self._tool is None else f"`{self._tool}`"

    def _unknown(self, otherwise: ErrorClass) -> ErrorClass:
        return otherwise if self._tool is None else ErrorClass.IN_DOUBT

    def _last_word(self) -> str:
        words = self._link.last_words
        return f": {words[-1]}" if words else ""

    def _failure(self, code: str, message: str, kind: ErrorClass, status: int | None = None) -> StepFailure:
        words = self._link.last_words
        detail: JsonObject | None = {"stderr": list(words)} if words else None
        return StepFailure(StepError(code, message, kind, status, detail))


def _first(error: ValidationError) -> str:
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"`{place}`: {fault['msg']}" if place else str(fault["msg"])
