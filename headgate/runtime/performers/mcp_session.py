"""A session with one MCP server: opened and closed by one task that also makes every call, and shared by the steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.lowlevel
from mcp import Client
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    Implementation,
    ListToolsRequest,
    PaginatedRequestParams,
)
from pydantic import BaseModel, ConfigDict

from headgate import __version__

if TYPE_CHECKING:
    from headgate.plan import JsonObject
    from headgate.runtime.performers.mcp_link import Link

CLOSE_SECONDS = 4.0
PAGES = 100

Work: TypeAlias = "Callable[[Client], Awaitable[JsonObject]]"


class Raw(BaseModel):
    """A result as the server wrote it."""

    model_config = ConfigDict(extra="allow")

    @property
    def fields(self) -> dict[str, Any]:
        return self.model_extra or {}


class Request:
    """One call, given to the task that owns the session. Cancelling it tells the server."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.answer: asyncio.Future[JsonObject] = asyncio.get_running_loop().create_future()
        self.scope = anyio.CancelScope()


class Session:
    """Started when it is made. Whatever the SDK raises, `opened` and `ask` raise it too."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.waiting = 0
        self.tools: list[JsonObject] | None = None  # what the server listed when an agent first asked
        self._inbox: asyncio.Queue[Request | None] = asyncio.Queue()
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._scope = anyio.CancelScope()
        self._task = asyncio.get_running_loop().create_task(self._own(), name=f"mcp {link.name}")
        self._task.add_done_callback(_seen)

    @property
    def usable(self) -> bool:
        return not self._task.done() and not self.link.ended

    async def opened(self) -> None:
        """Waits until the server has answered; raises what kept it from that."""
        await self._either(self._ready)

    async def ask(self, work: Work) -> JsonObject:
        """What the work gave; raises what it raised, or what ended the session meanwhile."""
        request = Request(work)
        self.waiting += 1
        self._inbox.put_nowait(request)
        try:
            answer: JsonObject = await self._either(request.answer)
            return answer
        finally:
            self.waiting -= 1
            request.scope.cancel()

    async def close(self) -> None:
        """Ends the session and its server; bounded in time, whatever the server does."""
        self._inbox.put_nowait(None)
        if not self._ready.done():
            self._scope.cancel()
        await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        if not self._task.done():
            self._scope.cancel()
            await asyncio.wait({self._task}, timeout=CLOSE_SECONDS)
        if not self._task.done():
            self._task.cancel()

    async def _either(self, answer: asyncio.Future[Any]) -> Any:
        """The answer, or the end of the session if that comes first."""
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        fault = None if self._task.cancelled() else self._task.exception()
        raise root_of(fault) if fault is not None else ConnectionError("the session has ended")

    async def _own(self) -> None:
        with self._scope:
            info = Implementation(name="headgate", version=__version__)
            async with (
                Client(self.link.transport(), client_info=info, cache=None) as client,
                anyio.create_task_group() as calls,
            ):
                self.link.when_ended(lambda: self._inbox.put_nowait(None))
                self._ready.set_result(None)
                while (request := await self._inbox.get()) is not None:
                    calls.start_soon(self._serve, client, request)
                if self.link.ended:
                    await anyio.lowlevel.checkpoint()  # the calls that were out learn of the end first
                calls.cancel_scope.cancel()

    async def _serve(self, client: Client, request: Request) -> None:
        with request.scope:
            try:
                answer = await request.work(client)
            except Exception as error:  # noqa: BLE001 - one call's failure, of whatever sort, is that call's alone
                if not request.answer.done():
                    request.answer.set_exception(error)
                    request.answer.exception()
                return
            if not request.answer.done():
                request.answer.set_result(answer)


def _seen(task: asyncio.Task[None]) -> None:
    """A session may end with nobody waiting; what ended it is then nobody's."""
    if not task.cancelled():
        task.exception()


def root_of(fault: BaseException) -> BaseException:
    """The exception inside the groups that task groups put around it."""
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    return fault


def call_tool(name: str, arguments: dict[str, Any]) -> Work:
    """The server's own answer to a call, not checked against a schema: that is the caller's to do and to name."""

    async def work(client: Client) -> JsonObject:
        request = CallToolRequest(params=CallToolRequestParams(name=name, arguments=arguments))
        return (await client.session.send_request(request, Raw)).fields

    return work


async def list_tools(client: Client) -> JsonObject:
    """`{"tools": [...]}`, of all pages, each tool as its server wrote it."""
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(PAGES):
        request = ListToolsRequest(params=PaginatedRequestParams(cursor=cursor))
        page = (await client.session.send_request(request, Raw)).fields
        tools += page.get("tools") or []
        cursor = page.get("nextCursor")
        if not cursor:
            break
    return {"tools": tools}


async def relist(client: Client) -> JsonObject:
    """Lets the SDK learn which arguments of which tool travel as headers; a server refuses a call without them."""
    with suppress(ValueError):
        await client.list_tools()
    return {}
