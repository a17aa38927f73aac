"""`headgate doctor`: the workspace, the lock, the store, the servers: what is wrong, and the fix."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING

from headgate import workspace as workspaces
from headgate.api.asking import CHECK_SECONDS, NOBODY, ask
from headgate.api.faults import Fault
from headgate.api.locking import compared
from headgate.api.site import Site
from headgate.records import NamedTuple
from headgate.runtime.connections import World
from headgate.runtime.errors import KeyFault, StepFailure, StoreError
from headgate.runtime.keys import MARK_NAME
from headgate.runtime.store import reader_of
from headgate.workspace import FILE_NAME, LOCK_NAME, Lock, LockDamaged, LockedTool

if TYPE_CHECKING:
    from headgate.api.asking import Asked
    from headgate.api.connecting import ConnectionView
    from headgate.api.place import Place
    from headgate.plan import JsonObject
    from headgate.workspace import Model, Workspace

MODEL_SECONDS = 5.0


class Verdict(StrEnum):
    FINE = "fine"
    WARNING = "warning"
    ERROR = "error"


class Examined(NamedTuple):
    """One thing that was looked at. `fix` is what to do, None when nothing is to be done."""

    subject: str
    verdict: Verdict
    message: str
    fix: str | None = None


class Diagnosis(NamedTuple):
    """Everything that was looked at, in order. `exit_code` is 1 when anything is an error, else 0."""

    examined: tuple[Examined, ...]

    @property
    def exit_code(self) -> int:
        return 1 if any(one.verdict is Verdict.ERROR for one in self.examined) else 0


def diagnose(place: Place, told: Callable[[Examined], None] | None = None) -> Diagnosis:
    """Looks at everything, and changes nothing. `told` is given each thing as it is known."""
    found: list[Examined] = []
    for one in _examine(place):
        found.append(one)
        if told is not None:
            told(one)
    return Diagnosis(tuple(found))


def _examine(place: Place) -> Iterator[Examined]:
    file = workspaces.find(place.folder)
    faults = [] if file is None else workspaces.load(file)[1]
    if file is None:
        message = f"there is no {FILE_NAME} here or above"
        yield Examined("workspace", Verdict.WARNING, message, "`headgate init` makes one")
    for fault in faults:
        place_of = str(file) if fault.line is None else f"{file}:{fault.line}"
        yield Examined("workspace", Verdict.ERROR, f"{place_of}: {fault.message}", f"correct {FILE_NAME}")
    yield _lua()
    if faults:
        return
    try:
        site = Site(place)
    except Fault as fault:
        yield Examined("workspace", Verdict.ERROR, fault.message, "name another environment with --env")
        return
    if file is not None:
        yield Examined("workspace", Verdict.FINE, f"{file} is right")
    yield from _store(site)
    yield from _limits(site)
    yield from _bindings(site.workspace)
    yield from _connections(site)
    if file is not None:
        yield from _servers(site)


def _lua() -> Examined:
    """Whether a script's child can be started here."""
    from headgate.runtime.performers.lua import Child

    async def start() -> None:
        child = await Child.start()
        try:
            await child.ask(b'{"script": "return 1", "names": {}, "result": null, "seconds": 5}')
        finally:
            await child.kill()

    try:
        asyncio.run(start())
    except StepFailure as failure:
        fix = "install headgate again, with its dependencies, or raise the limit of processes"
        return Examined("lua", Verdict.ERROR, failure.error.message, fix)
    return Examined("lua", Verdict.FINE, "scripts run in a child process")


def _store(site: Site) -> Iterator[Examined]:
    try:
        path = site.store_path
        if not path.exists():
            yield Examined("store", Verdict.FINE, f"{path} is not there yet: nothing has run here")
            return
        reader = reader_of(path)
    except StoreError as error:
        yield Examined("store", Verdict.ERROR, str(error), _store_fix(str(error)))
        return
    except Fault as fault:
        yield Examined("store", Verdict.ERROR, fault.message, "name a SQLite file with --store")
        return
    try:
        damage = None if reader is None else reader.fault()
    except StoreError as error:
        damage = str(error)
    finally:
        if reader is not None:
            reader.close()
    if damage is not None:
        fix = "restore a copy, or move it away to start with an empty one"
        yield Examined("store", Verdict.ERROR, f"the store `{path}` is damaged: {damage}", fix)
    elif not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
        message = f"the store `{path}` can be read but not written"
        yield Examined("store", Verdict.ERROR, message, "give yourself the right to write the file and its folder")
    else:
        yield Examined("store", Verdict.FINE, f"{path} is whole")


def _limits(site: Site) -> Iterator[Examined]:
    """The breakers that are open and the caps that are near; nothing when all is well."""
    from headgate.api.limits import credits_view, limits_view

    try:
        for view in limits_view(site.place):
            whose = f"`{view.workflow}`" if view.workflow else "the account"
            if view.state == "tripped":
                message = f"{whose}: {view.message}"
                yield Examined("limits", Verdict.WARNING, message, f"`{view.release}`")
            elif view.state == "near":
                message = f"{whose} has used {view.used:,.2f} of {view.cap:,.2f} USD of this {view.period}"
                yield Examined("limits", Verdict.WARNING, message, "raise the cap with `headgate limits set spend`")
        purses = credits_view(site.place)
    except Fault:
        return  # the store is at fault, which was said
    if purses.configured and purses.next is None:
        yield Examined("limits", Verdict.WARNING, "no credits are left", "`headgate credits add N`")


def _store_fix(message: str) -> str:
    """The sentence of a store's fault ends in what to do, where there is something."""
    return message.rpartition(": ")[2].rpartition("; ")[2] if ": " in message or "; " in message else "see above"


def _bindings(workspace: Workspace) -> Iterator[Examined]:
    world = World(workspace)
    names: JsonObject = {"secrets": list(workspace.secrets), "models": list(workspace.models)}
    missing = world.missing(names)
    for message in missing:
        said, _, fix = message.partition(" is missing: ")
        yield Examined("secrets", Verdict.ERROR, f"{said} is missing" if fix else message, fix or None)
    if workspace.secrets and not missing:
        yield Examined("secrets", Verdict.FINE, f"all {len(workspace.secrets)} can be read")
    answers = asyncio.run(_models(workspace, world))
    yield from answers


def _connections(site: Site) -> Iterator[Examined]:
    """How each connection stands, and whether its keys and the key of the store can be read."""
    from headgate.api.connecting import connections

    world = World(site.workspace)
    views: tuple[ConnectionView, ...] = ()
    try:
        views = connections(site.place)
        if views and (site.store_path.parent / MARK_NAME).exists():
            yield Examined("key", Verdict.FINE, f"tokens are sealed with the key in {site.keys.source}")
    except KeyFault as fault:
        yield Examined("key", Verdict.ERROR, str(fault), "put the key of the store back")
    except (Fault, StoreError):
        return  # what is wrong with the store was said
    for view in views:
        missing = world.missing({"connections": [view.name]}) if view.environment is None and view.kind else ()
        for message in missing:
            yield Examined("connections", Verdict.ERROR, message, f"correct [connections.{view.name}]")
        env = "" if view.environment is None else f" --env {view.environment}"
        if not view.usable:
            count = len(view.runs)
            held = f"; {count} run{' is' if count == 1 else 's are'} held for it" if count else ""
            message = f"`{view.name}` is in {view.status}: {view.fault or 'it was given up'}{held}"
            yield Examined("connections", Verdict.ERROR, message, f"`headgate reconnect {view.name}{env}`")
        elif view.status == "degraded":
            message = f"`{view.name}` could not be refreshed for now: {view.fault}"
            yield Examined("connections", Verdict.WARNING, message, f"`headgate refresh {view.name}{env}` tries it now")
        elif not missing:
            yield Examined("connections", Verdict.FINE, f"`{view.name}` is {view.status}")


async def _models(workspace: Workspace, world: World) -> list[Examined]:
    return list(await asyncio.gather(*(model_answer(model, world) for model in workspace.models.values())))


async def model_answer(model: Model, world: World) -> Examined:
    """Whether something answers at the model's address; what it says is the model's affair."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=MODEL_SECONDS) as client:
            response = await client.get(f"{model.base_url.rstrip('/')}/models", headers=_key(model, world))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"the model `{model.name}` cannot be reached at `{model.base_url}`: {error or type(error).__name__}"
        return Examined("models", Verdict.ERROR, message, f"start its server, or correct [models.{model.name}]")
    if response.status_code in (401, 403):
        message = f"the model `{model.name}` refuses its key ({response.status_code})"
        return Examined("models", Verdict.ERROR, message, f"correct `api_key` of [models.{model.name}]")
    return Examined("models", Verdict.FINE, f"`{model.name}` answers at {model.base_url}")


def _key(model: Model, world: World) -> dict[str, str]:
    if model.api_key is None:
        return {}
    try:
        return {"Authorization": f"Bearer {world.value_of(model.api_key, model.name)}"}
    except StepFailure:
        return {}


def _servers(site: Site) -> Iterator[Examined]:
    """What each server says now, and whether the lock says the same."""
    workspace = site.workspace
    active = [one for one in workspace.instances.values() if one.active]
    locked: Lock | None = None
    damaged = False
    try:
        locked = workspaces.load_lock(site.root / LOCK_NAME)
    except LockDamaged as fault:
        damaged = True
        yield Examined("lock", Verdict.ERROR, str(fault), "`headgate lock` writes it again")
    if locked is None and active and not damaged:
        message = f"there is no {LOCK_NAME}: tools are not checked"
        yield Examined("lock", Verdict.WARNING, message, "`headgate lock` writes it")
    answers = asyncio.run(ask(workspace, active, NOBODY, CHECK_SECONDS))
    for answer in answers:
        yield _server(answer)
    for one in workspace.instances.values():
        if not one.active:
            yield Examined("servers", Verdict.FINE, f"`{one.name}` is inactive and was not asked")
    if locked is not None:
        yield from _drift(locked, answers)


def _server(answer: Asked) -> Examined:
    if answer.fault is not None:
        fix = f"correct [instances.{answer.name}] in {FILE_NAME}, or start the server"
        return Examined("servers", Verdict.ERROR, answer.fault, fix)
    count = len(answer.tools or {})
    return Examined("servers", Verdict.FINE, f"`{answer.name}` answers, with {count} tool{'' if count == 1 else 's'}")


def _drift(locked: Lock, answers: list[Asked]) -> Iterator[Examined]:
    live = {answer.name: answer.tools for answer in answers if answer.tools is not None}
    then: JsonObject = {
        "instances": {
            name: {"tools": {tool.name: _described(tool) for tool in tools.values()}}
            for name, tools in locked.instances.items()
            if name in live
        }
    }
    now: JsonObject = {"instances": {name: {"tools": tools} for name, tools in live.items()}}
    differences = compared(then, now)
    for difference in differences:
        yield Examined("lock", Verdict.WARNING, difference, "`headgate lock` writes down what the servers say now")
    if not differences:
        yield Examined("lock", Verdict.FINE, f"{LOCK_NAME} says what the servers say")


def _described(tool: LockedTool) -> JsonObject:
    parts: JsonObject = {
        "inputSchema": tool.input_schema,
        "outputSchema": tool.output_schema,
        "annotations": tool.annotations,
    }
    return {key: value for key, value in parts.items() if value is not None}
