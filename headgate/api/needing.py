"""Which open runs need a connection."""

from __future__ import annotations

from headgate.api.faults import UsageFault
from headgate.api.site import Site
from headgate.plan import JsonObject, PlanIntegrity
from headgate.runtime.connections import World, connection_key
from headgate.runtime.loading import PlanShelf
from headgate.runtime.store import Reader, RunFilter


def runs_needing(site: Site, read: Reader, key: str) -> tuple[str, ...]:
    """The ids of the open runs that are bound to the connection of this name in the store, or held for it.

    Each as its own environment binds it.
    """
    shelf = PlanShelf(read)
    known: dict[tuple[str, str | None], bool] = {}
    found = {row.id: None for row in read.runs_held_for(key)}
    for row in read.runs(RunFilter(open_only=True)):
        case = row.plan_digest, row.environment
        if case not in known:
            known[case] = _needs(site, shelf, *case, key)
        if known[case]:
            found[row.id] = None
    return tuple(found)


def _needs(site: Site, shelf: PlanShelf, digest: str, environment: str | None, key: str) -> bool:
    try:
        requires = shelf.plan(digest).requires
        world = World(site.in_environment(environment))
    except (PlanIntegrity, UsageFault):
        return False
    return any(connection_key(world.workspace, name) == key for name in _connections(world, requires))


def _connections(world: World, requires: JsonObject) -> list[str]:
    found = [str(name) for name in _listed(requires, "connections")]
    for name in _listed(requires, "instances"):
        found += world.connections_of("mcp", {"instance": name})
    for name in _listed(requires, "agents"):
        found += world.connections_of("agent", {"agent": name})
    return found


def _listed(requires: JsonObject, kind: str) -> list[str]:
    names = requires.get(kind)
    return [str(name) for name in names] if isinstance(names, list | dict) else []
