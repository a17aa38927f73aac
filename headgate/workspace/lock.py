"""Reading `headgate.lock`."""

from __future__ import annotations

from pathlib import Path

from headgate.plan import Json, JsonObject
from headgate.workspace.finding import LOCK_NAME
from headgate.workspace.nouns import Lock, LockDamaged, LockedTool, LockedWorkflow

VERSION = 1
LARGEST = 64 * 1024 * 1024
AGAIN = "run `headgate lock` to write it again, or restore it from version control"


def load_lock(path: Path) -> Lock | None:
    """The lock in a file, None when there is none. Raises LockDamaged with one sentence when it cannot be used."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LockDamaged(f"`{LOCK_NAME}` cannot be read: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise LockDamaged(f"`{LOCK_NAME}` is over 64 MiB; {AGAIN}")
    return parse_lock(content)


def parse_lock(content: bytes) -> Lock:
    """As `load_lock`, from the bytes of the file."""
    import json

    try:
        read = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise LockDamaged(f"`{LOCK_NAME}` is damaged: it is not JSON ({_place(error)}); {AGAIN}") from error
    if not isinstance(read, dict):
        raise LockDamaged(f"`{LOCK_NAME}` is damaged: expected an object; {AGAIN}")
    version = read.get("version")
    if version != VERSION or isinstance(version, bool):
        newer = isinstance(version, int) and version > VERSION
        advice = "use the release of headgate that wrote it" if newer else AGAIN
        raise LockDamaged(f"`{LOCK_NAME}` has version `{version}`; expected {VERSION}; {advice}")
    instances = {name: locked_tools(name, one) for name, one in _table(read, "instances", "the lock").items()}
    workflows = {
        name: LockedWorkflow(
            _table(one, "inputs", f"the workflow `{name}`"), _table(one, "outputs", f"the workflow `{name}`")
        )
        for name, one in _table(read, "workflows", "the lock").items()
    }
    return Lock(instances, workflows)


def _place(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}" if line else "nested too deep" if isinstance(error, RecursionError) else "not UTF-8"


def _table(owner: Json, key: str, whose: str) -> JsonObject:
    found = owner.get(key, {}) if isinstance(owner, dict) else None
    if not isinstance(found, dict):
        raise LockDamaged(f"`{LOCK_NAME}` is damaged: `{key}` of {whose} is no object; {AGAIN}")
    return found


def locked_tools(name: str, instance: Json) -> dict[str, LockedTool]:
    """The tools of one instance's entry, by name. Raises LockDamaged for what is none."""
    whose = f"the instance `{name}`"
    if not isinstance(instance, dict):
        raise LockDamaged(f"`{LOCK_NAME}` is damaged: {whose} is no object; {AGAIN}")
    tools = {}
    for tool, facts in _table(instance, "tools", whose).items():
        what = f"the tool `{name}.{tool}`"
        if not isinstance(facts, dict):
            raise LockDamaged(f"`{LOCK_NAME}` is damaged: {what} is no object; {AGAIN}")
        tools[tool] = LockedTool(
            name=tool,
            input_schema=_table(facts, "inputSchema", what),
            output_schema=_table(facts, "outputSchema", what) if facts.get("outputSchema") is not None else None,
            annotations=_table(facts, "annotations", what) if facts.get("annotations") is not None else None,
        )
    return tools
