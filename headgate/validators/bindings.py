"""Which names of the workspace a workflow uses, with their places, and which environments bind a name."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.names import uses_by_name
from headgate.validators.rule import Context
from headgate.validators.templates import reads
from headgate.workspace import Workspace


class Used(NamedTuple):
    """One use of a name; `section` is its table in headgate.toml. `through` is the agent that uses it, if any."""

    section: str
    name: str
    place: Span
    through: str | None = None


def used(context: Context) -> Iterator[Used]:
    """Every use of an instance, model, agent or connection, those of the agents' own included."""
    for call in context.calls:
        name, place = call.instance or call.resolved, call.instance_place or call.url_place
        if name is not None and place is not None:
            yield Used("instances", name, place)
    for name, place in uses_by_name(context.blocks, "llm", "model"):
        yield Used("models", name, place)
    for name, place in uses_by_name(context.blocks, "agent", "agent"):
        yield Used("agents", name, place)
        yield from _through(context.workspace, name, place)
    for block in context.blocks:
        value, connection = block.written.get("connection"), block.written.word("connection")
        if value is not None and connection and block.written.known("connection") is not None:
            yield Used("connections", connection, value.span)


def _through(workspace: Workspace, agent: str, place: Span) -> Iterator[Used]:
    """What an agent of the workspace needs itself."""
    found = workspace.agents.get(agent)
    if found is None:
        return
    if found.model is not None:
        yield Used("models", found.model, place, agent)
    for instance in dict.fromkeys(tool.partition(".")[0] for tool in found.tools):
        yield Used("instances", instance, place, agent)


def secrets_used(context: Context) -> Iterator[tuple[str, Span]]:
    """Every `secrets.NAME`, with the place of the name."""
    for read in reads(context):
        if read.segments[0].name == "secrets" and len(read.segments) > 1:
            yield read.segments[1].name, read.place(1)


def is_known(workspace: Workspace, section: str, name: str) -> bool:
    """Whether the workspace of an environment binds a name."""
    tables = {
        "instances": workspace.instances,
        "models": workspace.models,
        "agents": workspace.agents,
        "connections": workspace.connections,
    }
    return name in tables[section]


def bound_elsewhere(workspace: Workspace, section: str, name: str) -> bool:
    """Whether a name that is not bound in the chosen environment is written in the file: begun there, or in another.

    HG405 speaks of it then, and no rule that takes it for a slip of the pen.
    """
    if workspace.environment is None or is_known(workspace, section, name):
        return False
    return name in _table(workspace.declared, section) or bool(environments_with(workspace, section, name))


def environments_with(workspace: Workspace, section: str, name: str) -> tuple[str, ...]:
    """The environments that have an entry of that name in that table."""
    environments = _table(workspace.declared, "environments")
    return tuple(one for one in environments if name in _table(_table(environments, one), section))


def _table(owner: object, key: str) -> dict[str, object]:
    found = owner.get(key) if isinstance(owner, dict) else None
    return found if isinstance(found, dict) else {}
