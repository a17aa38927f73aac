"""What is known about tools: the server's annotations in the lock, and what the workspace says over them."""

from __future__ import annotations

from headgate.workspace.nouns import Lock, LockedTool, ToolFacts, Workspace

RANK = ("safe", "recoverable", "unknown", "irreversible")
"""From harmless to worst. What nobody knows is worse than what can be made good."""


def worst(reversibilities: list[str]) -> str:
    """The worst of several; `unknown` for none."""
    return max(reversibilities, key=RANK.index) if reversibilities else "unknown"


def tool_facts(workspace: Workspace, lock: Lock | None, instance: str, tool: str) -> ToolFacts:
    """What a tool does: by `[instances.X.tools.Y]`, else by its annotations, else unknown.

    `readOnlyHint` makes it safe, `destructiveHint = true` irreversible, `false` recoverable.
    """
    locked = lock.instances.get(instance, {}).get(tool) if lock is not None else None
    facts = _annotated(locked)
    declared = workspace.instances.get(instance)
    override = declared.tools.get(tool) if declared is not None else None
    if override is None:
        return facts
    reversibility = override.reversibility or facts.reversibility
    idempotent = facts.idempotent if override.idempotent is None else override.idempotent
    return ToolFacts(reversibility, idempotent, "headgate.toml")


def _annotated(tool: LockedTool | None) -> ToolFacts:
    annotations = tool.annotations if tool is not None else None
    if not annotations:
        return ToolFacts("unknown", idempotent=False, source="")
    idempotent = annotations.get("idempotentHint") is True
    if annotations.get("readOnlyHint") is True:
        return ToolFacts("safe", idempotent, "headgate.lock")
    destructive = annotations.get("destructiveHint")
    if destructive is True:
        return ToolFacts("irreversible", idempotent, "headgate.lock")
    reversibility = "recoverable" if destructive is False else "unknown"
    return ToolFacts(reversibility, idempotent, "headgate.lock" if destructive is False or idempotent else "")


def agent_facts(workspace: Workspace, lock: Lock | None, agent: str, tools: tuple[str, ...] | None) -> ToolFacts:
    """The worst that an agent can do with its tools (`INSTANCE.TOOL`), narrowed to `tools` when a step says so."""
    declared = workspace.agents.get(agent)
    if declared is None or declared.url is not None:
        return ToolFacts("unknown", idempotent=False, source="")
    names = [name for name in declared.tools if tools is None or name in tools]
    if not names:
        return ToolFacts("safe", idempotent=False, source="headgate.toml")
    found = []
    for name in names:
        instance, _, tool = name.partition(".")
        found.append(tool_facts(workspace, lock, instance, tool).reversibility)
    return ToolFacts(worst(found), idempotent=False, source="headgate.toml")


def opens_world(workspace: Workspace, lock: Lock | None, instance: str, tool: str) -> bool | None:
    """Whether a tool deals with a world that anybody may write to, as the web: by the workspace, else `openWorldHint`.

    None where nobody says so.
    """
    declared = workspace.instances.get(instance)
    override = declared.tools.get(tool) if declared is not None else None
    if override is not None and override.open_world is not None:
        return override.open_world
    locked = lock.instances.get(instance, {}).get(tool) if lock is not None else None
    hint = (locked.annotations or {}).get("openWorldHint") if locked is not None else None
    return hint if isinstance(hint, bool) else None


def reads_only(workspace: Workspace, lock: Lock | None, instance: str, tool: str) -> bool | None:
    """Whether a tool changes nothing: by the workspace, else by its annotation; None where nobody says so."""
    facts = tool_facts(workspace, lock, instance, tool)
    return None if facts.reversibility == "unknown" else facts.reversibility == "safe"
