"""What live MCP servers say of their tools, asked side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from headgate.api.vaults import vault_beside
from headgate.records import NamedTuple
from headgate.runtime.clock import SystemClock
from headgate.runtime.connections import World
from headgate.runtime.errors import StepFailure
from headgate.workspace import Answer, Instance, Workspace, locked_tools

if TYPE_CHECKING:
    from headgate.plan import JsonObject

ASK_SECONDS = 60.0
CHECK_SECONDS = 20.0
PATIENCE_SECONDS = 3.0
_KEPT = ("inputSchema", "outputSchema", "annotations")


class Asked(NamedTuple):
    """What one instance said: `tools` by name as the lock holds them, or the sentence why it said nothing."""

    name: str
    tools: JsonObject | None
    fault: str | None


class Listener(NamedTuple):
    """Who wants to know meanwhile: `told` is given each answer as it comes.

    `waiting` is given the names of those that have not answered, every few seconds.
    """

    told: Callable[[Asked], None] | None = None
    waiting: Callable[[tuple[str, ...]], None] | None = None
    patience: float = PATIENCE_SECONDS


NOBODY = Listener()


async def ask(
    workspace: Workspace, instances: Sequence[Instance], listener: Listener = NOBODY, seconds: float = ASK_SECONDS
) -> list[Asked]:
    """Every instance's answer within so many seconds, in the order given."""
    with vault_beside(workspace) as vault:
        return await _answers(World(workspace, clock=SystemClock(), vault=vault), instances, listener, seconds)


async def _answers(world: World, instances: Sequence[Instance], listener: Listener, seconds: float) -> list[Asked]:
    tasks = {asyncio.ensure_future(_ask(one, world, listener, seconds)): one.name for one in instances}
    try:
        pending = set(tasks)
        while pending:
            _, pending = await asyncio.wait(pending, timeout=listener.patience)
            if pending and listener.waiting is not None:
                listener.waiting(tuple(name for task, name in tasks.items() if task in pending))
        return [task.result() for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await world.close()


async def _ask(instance: Instance, world: World, listener: Listener, seconds: float) -> Asked:
    from headgate.runtime.performers.mcp import tools_of

    try:
        asked = Asked(instance.name, _tools(await tools_of(instance, world, seconds)), None)
    except StepFailure as failure:
        asked = Asked(instance.name, None, world.mask_error(failure.error).message)
    except ValueError as error:
        asked = Asked(instance.name, None, f"the MCP server `{instance.name}` {error}")
    if listener.told is not None:
        listener.told(asked)
    return asked


def _tools(described: list[JsonObject]) -> JsonObject:
    """The parts that the lock keeps, as the server wrote them; raises ValueError for a tool that is none."""
    tools: JsonObject = {}
    for tool in described:
        name = tool.get("name")
        if not isinstance(name, str) or not name:
            raise ValueError("lists a tool without a name")
        if not all(isinstance(tool.get(key), dict | None) for key in _KEPT) or tool.get("inputSchema") is None:
            raise ValueError(f"describes its tool `{name}` by what is no JSON Schema")
        tools[name] = {key: tool[key] for key in _KEPT if tool.get(key) is not None}
    return tools


class LiveInstances:
    """The instances of a workspace, each asked at most once, and only when somebody wants to know."""

    def __init__(self, workspace: Workspace, listener: Listener = NOBODY) -> None:
        self._workspace = workspace
        self._listener = listener
        self._answers: dict[str, Answer] = {}

    def __call__(self, names: tuple[str, ...]) -> Mapping[str, Answer]:
        """What the named instances say; of an inactive one, that it was not asked."""
        known = self._workspace.instances
        wanted = [known[name] for name in names if name in known and name not in self._answers]
        for one in wanted:
            if not one.active:
                self._answers[one.name] = Answer(None, f"the instance `{one.name}` is inactive and was not asked")
        active = [one for one in wanted if one.active]
        if active:
            for asked in asyncio.run(ask(self._workspace, active, self._listener, CHECK_SECONDS)):
                self._answers[asked.name] = _answer(asked)
        return {name: self._answers[name] for name in names if name in self._answers}


def _answer(asked: Asked) -> Answer:
    if asked.tools is None:
        return Answer(None, asked.fault)
    return Answer(locked_tools(asked.name, {"tools": asked.tools}))
