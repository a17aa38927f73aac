"""The instances as an environment binds them, and whether each could be used now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from headgate.api.asking import CHECK_SECONDS, NOBODY, Asked, ask
from headgate.api.connecting import ConnectionView, connections
from headgate.api.place import Place
from headgate.api.site import Site
from headgate.records import NamedTuple
from headgate.workspace import Instance, Workspace


class Examination(NamedTuple):
    """One question to an instance: `reachable`, `connection`, `profile` or `tools`; `said` answers it in words."""

    question: str
    fine: bool
    said: str


class InstanceView(NamedTuple):
    """An instance as it is bound: `address` is its URL or its command, `connection` whose credentials it gets.

    `tools` are those it lists, None when it was not asked; `examined` is what was looked at; `valid` None when nothing
    was.
    """

    name: str
    environment: str | None
    address: str
    connection: str | None
    profile: str
    tools: tuple[str, ...] | None
    examined: tuple[Examination, ...]

    @property
    def valid(self) -> bool | None:
        return all(one.fine for one in self.examined) if self.examined else None


def instances(place: Place, *, validate: bool = False) -> tuple[InstanceView, ...]:
    """Every instance of the workspace, as the environment of `place` binds it. `validate` asks the servers."""
    workspace = Site(place).workspace
    if not validate:
        return tuple(_view(one, workspace, None, ()) for one in workspace.instances.values())
    known: dict[str, ConnectionView] = {}
    for view in connections(place):
        if view.environment in (None, workspace.environment):
            known.setdefault(view.name, view)
    wanted = [one for one in workspace.instances.values() if one.active]
    answers = {answer.name: answer for answer in asyncio.run(ask(workspace, wanted, NOBODY, CHECK_SECONDS))}
    found: list[InstanceView] = []
    for one in workspace.instances.values():
        answer = answers.get(one.name)
        tools = None if answer is None or answer.tools is None else tuple(sorted(answer.tools))
        found.append(_view(one, workspace, tools, tuple(_examined(one, workspace, known, answer))))
    return tuple(found)


def _view(
    one: Instance, workspace: Workspace, tools: tuple[str, ...] | None, examined: tuple[Examination, ...]
) -> InstanceView:
    address = one.server_url or " ".join(one.command)
    profile = "active" if one.active else "inactive"
    return InstanceView(one.name, workspace.environment, address, one.connection, profile, tools, examined)


def _examined(
    one: Instance, workspace: Workspace, known: dict[str, ConnectionView], answer: Asked | None
) -> Iterator[Examination]:
    where = "" if workspace.environment is None else f" in environment `{workspace.environment}`"
    said = f"its profile is active{where}" if one.active else f'its profile is inactive{where}: set it to "active"'
    yield Examination("profile", one.active, said)
    yield _wired(one, known, where)
    if answer is None:
        yield Examination("reachable", False, "it was not asked, being inactive")
        return
    if answer.tools is None:
        yield Examination("reachable", False, answer.fault or "it said nothing")
        return
    yield Examination("reachable", True, f"it answers at {one.server_url or one.command[0]}")
    count = len(answer.tools)
    listed = ", ".join(sorted(answer.tools)[:5]) + (", ..." if count > 5 else "")
    said = f"it lists {count} tool{'' if count == 1 else 's'}: {listed}" if count else "it lists no tools"
    yield Examination("tools", count > 0, said)


def _wired(one: Instance, known: dict[str, ConnectionView], where: str) -> Examination:
    """Whether its connection is one of this environment, and could be used."""
    if one.connection is None:
        return Examination("connection", True, "it needs no connection")
    view = known.get(one.connection)
    if view is None or view.kind is None:
        message = f"its connection `{one.connection}` is not defined{where}: add [connections.{one.connection}]"
        return Examination("connection", False, message)
    if one.server_url is None:
        message = f"it is started by a command, which takes no connection such as `{one.connection}`: use `env`"
        return Examination("connection", False, message)
    if not view.usable:
        env = "" if view.environment is None else f" --env {view.environment}"
        fix = f"`headgate reconnect {view.name}{env}`"
        return Examination("connection", False, f"its connection `{one.connection}` is {view.status}: {fix}")
    return Examination("connection", True, f"it is wired to the connection `{one.connection}`, which is {view.status}")
