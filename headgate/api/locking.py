"""`headgate lock`: what every instance says about its tools, written down so that checking is exact and offline."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headgate import workspace as workspaces
from headgate.api.asking import NOBODY, Asked, Listener, ask
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.lock_workflows import published_callees
from headgate.api.site import Site
from headgate.records import NamedTuple
from headgate.workspace import LOCK_NAME, LockDamaged

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.plan import Json, JsonObject
    from headgate.workspace import Instance

_KEPT = ("inputSchema", "outputSchema", "annotations")


class LockReport(NamedTuple):
    """`differences` between the lock and the servers, a sentence each; `faults` name instances that said nothing.

    `written` says whether the file was changed. `exit_code` is 0, 1 for differences found by a mere comparison, or 3
    when an instance said nothing: then nothing is written.
    """

    path: Path
    instances: tuple[str, ...]
    tools: int
    differences: tuple[str, ...]
    faults: tuple[str, ...]
    written: bool
    exit_code: int
    workflows: tuple[str, ...] = ()


def lock(place: Place, names: Sequence[str] = (), *, compare: bool = False, listener: Listener = NOBODY) -> LockReport:
    """Asks the instances, all active ones unless `names` says which, and writes the lock; `compare` only compares.

    What the lock says of other instances stays, and so does what it says of a workflow that is called and is published
    elsewhere; with `names`, of every workflow. `listener` is told meanwhile. Raises
    `UsageFault` for a workspace at fault or a name that is no instance, `NothingStarted` without a workspace.
    """
    site = Site(place)
    if site.workspace.root is None:
        raise NothingStarted("there is no headgate.toml here or above: `headgate init` makes one")
    chosen = _chosen(site, names)
    path = site.root / LOCK_NAME
    before, damage = _read(path)
    answers = asyncio.run(ask(site.workspace, chosen, listener))
    faults = tuple(answer.fault for answer in answers if answer.fault is not None)
    after = _merged(before, answers, site, everything=not names)
    locked = _table(before, "workflows")
    after["workflows"] = locked if names else published_callees(site, locked)
    differences = (*damage, *compared(before, after))
    count = sum(len(answer.tools or {}) for answer in answers)
    workflows = tuple(sorted(_table(after, "workflows")))
    report = LockReport(path, tuple(one.name for one in chosen), count, differences, faults, written=False, exit_code=0)
    report = report._replace(workflows=workflows)
    if faults:
        return report._replace(differences=(), exit_code=3)
    if compare:
        return report._replace(exit_code=1 if differences else 0)
    return report._replace(written=_write(path, encoded(after)))


def encoded(content: JsonObject) -> bytes:
    """The file: sorted, indented, the same bytes for the same content on every machine."""
    return (json.dumps(content, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def compared(before: JsonObject, after: JsonObject) -> list[str]:
    """What has changed from one lock to another, a sentence each, in order."""
    old, new = _instances(before), _instances(after)
    found: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(f"the instance `{name}` is gone")
        elif name not in old:
            found.append(f"the instance `{name}` is new, with {_count(len(_table(new[name], 'tools')))}")
        else:
            found += _changed(name, new[name], old[name])
    return found + _changed_workflows(_table(before, "workflows"), _table(after, "workflows"))


def _changed_workflows(old: JsonObject, new: JsonObject) -> list[str]:
    found: list[str] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            found.append(f"the workflow `{name}` is called no more")
        elif name not in old:
            found.append(f"the workflow `{name}` is new")
        else:
            parts = [key for key in ("inputs", "outputs") if _table(old[name], key) != _table(new[name], key)]
            if parts:
                found.append(f"the workflow `{name}` has other {' and '.join(parts)}")
    return found


def _changed(name: str, new: JsonObject, old: JsonObject) -> list[str]:
    tools, known = _table(new, "tools"), _table(old, "tools")
    found: list[str] = []
    if new.get("server_url") != old.get("server_url"):
        found.append(f"the instance `{name}` has moved to `{new.get('server_url')}`")
    for tool in sorted(tools.keys() | known.keys()):
        if tool not in tools:
            found.append(f"the tool `{name}.{tool}` is gone")
        elif tool not in known:
            found.append(f"the tool `{name}.{tool}` is new")
        else:
            now, then = _table(tools, tool), _table(known, tool)
            parts = ", ".join(f"`{key}`" for key in _KEPT if now.get(key) != then.get(key))
            if parts:
                found.append(f"the tool `{name}.{tool}` has another {parts}")
    return found


def _merged(before: JsonObject, answers: Sequence[Asked], site: Site, *, everything: bool) -> JsonObject:
    kept = _instances(before)
    known = site.workspace.instances
    if everything:
        kept = {name: one for name, one in kept.items() if name in known and not known[name].active}
    for answer in answers:
        if answer.tools is not None:
            url = known[answer.name].server_url
            kept[answer.name] = {"tools": answer.tools} if url is None else {"server_url": url, "tools": answer.tools}
    return {"version": 1, "instances": dict(kept)}


def _chosen(site: Site, names: Sequence[str]) -> list[Instance]:
    known = site.workspace.instances
    for name in names:
        if name not in known:
            there = ", ".join(f"`{each}`" for each in known) or "none"
            raise UsageFault(f"the workspace has no instance `{name}`: it has {there}")
    return [one for one in known.values() if (one.name in names if names else one.active)]


def _read(path: Path) -> tuple[JsonObject, tuple[str, ...]]:
    """The lock there is, and what is wrong with it: a damaged one counts as empty, since it can be written again."""
    try:
        if workspaces.load_lock(path) is None:
            return {}, ()
    except LockDamaged as fault:
        return {}, (str(fault),)
    content: JsonObject = json.loads(path.read_bytes().decode("utf-8-sig"))
    return content, ()


def _write(path: Path, content: bytes) -> bool:
    """Whether the file was changed: all of it, or nothing."""
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise NothingStarted(f"`{path}` cannot be written: {error.strerror or error}") from error
    return True


def _instances(content: JsonObject) -> dict[str, JsonObject]:
    return {name: one for name, one in _table(content, "instances").items() if isinstance(one, dict)}


def _table(owner: Json, key: str) -> JsonObject:
    found = owner.get(key) if isinstance(owner, dict) else None
    return found if isinstance(found, dict) else {}


def _count(number: int) -> str:
    return f"{number} tool" if number == 1 else f"{number} tools"
