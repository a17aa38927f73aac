"""The workspace: `headgate.toml` and `headgate.lock`, read and checked.

All but where it is gets loaded when it is first used: a check whose answers are known reads neither file.
"""

from typing import TYPE_CHECKING

from headgate.workspace.finding import FILE_NAME, LOCK_NAME, find

if TYPE_CHECKING:
    from headgate.workspace.facts import agent_facts, tool_facts
    from headgate.workspace.loading import for_environment, load, parse, read, without_environment
    from headgate.workspace.lock import load_lock, locked_tools, parse_lock
    from headgate.workspace.nouns import (
        EMPTY,
        EMPTY_LIMITS,
        Agent,
        Answer,
        CheckOptions,
        ConfigFault,
        Connection,
        Instance,
        Limits,
        Lock,
        LockDamaged,
        LockedTool,
        LockedWorkflow,
        Model,
        SecretSource,
        ToolFacts,
        ToolOverride,
        Workspace,
    )

LATER = {
    "Agent": "nouns",
    "Answer": "nouns",
    "CheckOptions": "nouns",
    "ConfigFault": "nouns",
    "Connection": "nouns",
    "EMPTY": "nouns",
    "EMPTY_LIMITS": "nouns",
    "Instance": "nouns",
    "Limits": "nouns",
    "Lock": "nouns",
    "LockDamaged": "nouns",
    "LockedTool": "nouns",
    "LockedWorkflow": "nouns",
    "Model": "nouns",
    "SecretSource": "nouns",
    "ToolFacts": "nouns",
    "ToolOverride": "nouns",
    "Workspace": "nouns",
    "agent_facts": "facts",
    "for_environment": "loading",
    "load": "loading",
    "load_lock": "lock",
    "locked_tools": "lock",
    "parse": "loading",
    "parse_lock": "lock",
    "read": "loading",
    "tool_facts": "facts",
    "without_environment": "loading",
}


def __getattr__(name: str) -> object:
    """What another module of this package holds."""
    if name not in LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module(f"headgate.workspace.{LATER[name]}"), name)
    globals()[name] = found
    return found


__all__ = [
    "EMPTY",
    "EMPTY_LIMITS",
    "FILE_NAME",
    "LOCK_NAME",
    "Agent",
    "Answer",
    "CheckOptions",
    "ConfigFault",
    "Connection",
    "Instance",
    "Limits",
    "Lock",
    "LockDamaged",
    "LockedTool",
    "LockedWorkflow",
    "Model",
    "SecretSource",
    "ToolFacts",
    "ToolOverride",
    "Workspace",
    "agent_facts",
    "find",
    "for_environment",
    "load",
    "load_lock",
    "locked_tools",
    "parse",
    "parse_lock",
    "read",
    "tool_facts",
    "without_environment",
]
