"""Calls a tool of an MCP server and says, when it fails, whether the tool may have acted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from mcp import MCPError
from mcp_types import HEADER_MISMATCH

from headgate.records import NamedTuple
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers.mcp_faults import Faults
from headgate.runtime.performers.mcp_link import Link
from headgate.runtime.performers.mcp_session import Session, call_tool, list_tools, relist

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.credentials import Bound, Credential, Credentials
    from headgate.runtime.performers import Attempt
    from headgate.workspace import Instance

RESULT_LIMIT = 8 << 20
CONFUSED_SECONDS = 10.0
DEFAULT_SECONDS = 60.0
REFUSED = frozenset({401, 403})


_T = TypeVar("_T")


class Call(NamedTuple):
    """What an attempt asks for."""

    instance: Instance
    tool: str
    arguments: JsonObject


class Performance:
    """Performs `mcp`."""

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """The tool's structured content, or `{text, content}`; raises `StepFailure`.

        MCP_TOOL_FAILED: the tool said so. DEPENDENCY_UNAVAILABLE: no session, nothing was asked. STEP_TIMED_OUT and
        UPSTREAM_ERROR: in doubt once the call was sent. AUTH_REAUTH_REQUIRED: its connection was refused for good; a
        401 or 403 has its token refreshed once, and is asked once more.
        """
        return await make(_call(attempt, world), attempt, world)


async def make(call: Call, attempt: Attempt, world: World) -> Json:
    """What the tool returned, within the time of the attempt; raises as `Performance.perform` does."""

    async def work(credential: Credential | None) -> Json:
        return await _called(call, attempt, world, credential)

    return await borne(call.instance, world, lambda: attempt.seconds(DEFAULT_SECONDS), work)


async def borne(
    instance: Instance, world: World, seconds: Callable[[], float], work: Callable[[Credential | None], Awaitable[_T]]
) -> _T:
    """What `work` gives with what the instance's connection sends: a 401 or 403 has it fresh, and once more.

    A connection without `auth` is a name and sends nothing: the server has what it needs by `env` or `headers`. Raises
    what `work` raises, and AUTH_REAUTH_REQUIRED for a connection that was refused for good.
    """
    named = None if instance.connection is None else world.workspace.connections.get(instance.connection)
    if instance.connection is None or (named is not None and not named.auth):
        return await work(None)
    bound, credentials = world.bound(instance.connection), world.credentials
    used = await credentials.of(bound, seconds())
    try:
        return await work(used)
    except StepFailure as failure:
        if failure.error.provider_status not in REFUSED:
            raise
        again = await credentials.again(bound, used, seconds())
        if again is None:
            raise _for_good(failure, credentials, bound, used) from None
    try:
        return await work(again)
    except StepFailure as failure:
        raise _for_good(failure, credentials, bound, again) from None


async def _called(call: Call, attempt: Attempt, world: World, credential: Credential | None) -> Json:
    """The result of one call, with what its connection sends."""
    limit = attempt.limit(DEFAULT_SECONDS)
    session = await open_session(call.instance, world, attempt.seconds(DEFAULT_SECONDS), limit, credential)
    attempt.departure.mark()
    session.link.refusal = None
    faults = Faults(session.link, call.tool, limit, alone=session.waiting == 0)
    try:
        answer = await _answer(session, call, attempt.seconds(DEFAULT_SECONDS))
    except TimeoutError:
        raise faults.late() from None
    except StepFailure:
        raise
    except Exception as error:  # noqa: BLE001 - the SDK raises what its libraries raise; each is told apart there
        raise await faults.broken(error) from None
    return result_of(answer, call.tool)


def _for_good(failure: StepFailure, credentials: Credentials, bound: Bound, used: Credential) -> StepFailure:
    """What a refusal means that a fresh token did not cure: 401 ends the connection, 403 is about what was asked."""
    if failure.error.provider_status == 401:
        return credentials.refuse(bound, used, failure.error.message)
    return failure


async def open_session(
    instance: Instance, world: World, seconds: float, limit: float, credential: Credential | None = None
) -> Session:
    """The session with this server, opened if need be within so many seconds; raises `StepFailure`.

    `limit` is the time that a sentence about a late server names. `credential` is what its connection sends from now
    on.
    """
    key = f"mcp:{instance.name}"
    session = world.live(key, lambda: _start(instance, world, credential))
    if not session.usable:
        world.forget(key, session)
        session = world.live(key, lambda: _start(instance, world, credential))
    session.link.bear(credential)
    faults = Faults(session.link, None, limit, alone=True)
    try:
        async with asyncio.timeout(seconds):
            await _greeted(session, faults)
    except TimeoutError:
        world.forget(key, session)
        raise faults.late() from None
    except StepFailure:
        world.forget(key, session)
        raise
    except Exception as error:  # noqa: BLE001 - as above
        world.forget(key, session)
        raise await faults.broken(error) from None
    return session


async def tools_of(instance: Instance, world: World, seconds: float) -> list[JsonObject]:
    """Every tool of the server as it describes them; raises `StepFailure`."""

    async def work(credential: Credential | None) -> list[JsonObject]:
        return await listed(await open_session(instance, world, seconds, seconds, credential), seconds, seconds)

    return await borne(instance, world, lambda: seconds, work)


async def listed(session: Session, seconds: float, limit: float) -> list[JsonObject]:
    """Every tool of an open session; `limit` is the time that a sentence about a late server names."""
    faults = Faults(session.link, None, limit, alone=True)
    try:
        async with asyncio.timeout(seconds):
            answer = await session.ask(list_tools)
    except TimeoutError:
        raise faults.late() from None
    except Exception as error:  # noqa: BLE001 - as above
        raise await faults.broken(error) from None
    tools = answer["tools"]
    assert isinstance(tools, list), "list_tools gives a list"
    return [tool for tool in tools if isinstance(tool, dict)]


def _start(instance: Instance, world: World, credential: Credential | None) -> Session:
    whose = f"the instance `{instance.name}`"
    if credential is not None and instance.server_url is None:
        message = f"{whose} is started by a command, which takes no connection; give it its secret by `env`"
        raise StepFailure(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT))
    settings = world.settings(instance.headers if instance.server_url is not None else instance.env, whose)
    link = Link(instance, world.root, settings, dict(world.environ))
    link.bear(credential)
    return Session(link)


async def _greeted(session: Session, faults: Faults) -> None:
    """Waits for the session, and a while longer for a server that began with nonsense."""
    opened = asyncio.ensure_future(session.opened())
    confused = asyncio.ensure_future(session.link.confused.wait())
    try:
        await asyncio.wait({opened, confused}, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            await asyncio.wait({opened}, timeout=CONFUSED_SECONDS)
        if not opened.done():
            raise faults.nonsense()
        await opened
    finally:
        confused.cancel()
        opened.cancel()


async def _answer(session: Session, call: Call, seconds: float) -> JsonObject:
    async with asyncio.timeout(seconds):
        work = call_tool(call.tool, call.arguments)
        try:
            return await session.ask(work)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
            await session.ask(relist)
            return await session.ask(work)


def result_of(answer: JsonObject, tool: str) -> Json:
    """What the answer to a call says; raises `StepFailure` for a tool that failed or wants a conversation."""
    if answer.get("resultType") == "input_required":
        message = f"the tool `{tool}` asks for more input in the middle of a call, which a workflow cannot give"
        raise StepFailure(StepError("MCP_TOOL_FAILED", message, ErrorClass.PERMANENT))
    content = answer.get("content")
    blocks = content if isinstance(content, list) else []
    text = "\n".join(_texts(blocks))
    if answer.get("isError"):
        detail: JsonObject = {"content": blocks} if len(json.dumps(blocks)) <= 4096 else {}
        said = text.strip()[:500] or "it gave no reason"
        message = f"the tool `{tool}` failed: {said}"
        raise StepFailure(StepError("MCP_TOOL_FAILED", message, ErrorClass.PERMANENT, None, detail or None))
    structured = answer.get("structuredContent")
    result: Json = {"text": text, "content": blocks} if structured is None else structured
    size = len(json.dumps(result, ensure_ascii=False))
    if size > RESULT_LIMIT:
        message = f"the tool `{tool}` answered with {size >> 20} MiB; {RESULT_LIMIT >> 20} MiB is the most"
        raise StepFailure(StepError("LIMIT_EXCEEDED", message, ErrorClass.PERMANENT))
    return result


def _texts(blocks: list[Json]) -> list[str]:
    found: list[str] = []
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)}:
                found.append(text)
    return found


def _call(attempt: Attempt, world: World) -> Call:
    given = attempt.input
    name, url, tool, args = (given.get(key) for key in ("instance", "server_url", "tool", "args"))
    instance = world.instance(name if isinstance(name, str) else None, url if isinstance(url, str) else None)
    if not isinstance(tool, str) or not tool:
        raise StepFailure(StepError("CONFIG_INVALID", "`tool` must name a tool", ErrorClass.PERMANENT))
    if args is not None and not isinstance(args, dict):
        raise StepFailure(StepError("CONFIG_INVALID", "`args` must be a map", ErrorClass.PERMANENT))
    arguments = dict(args or {})
    keyed = given.get("idempotency_arg")
    if isinstance(keyed, str) and attempt.idempotency_key is not None:
        arguments[keyed] = attempt.idempotency_key
    return Call(instance, tool, arguments)
