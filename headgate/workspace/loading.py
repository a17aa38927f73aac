"""Reading `headgate.toml`: found, checked against its schema, made into a Workspace."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import cast

from headgate.diagnostics import nearest
from headgate.kinds.checker import compile_schema
from headgate.kinds.faults import Check, Fault
from headgate.kinds.values import Neutral
from headgate.plan import Json, JsonObject
from headgate.workspace.auth import auth_faults
from headgate.workspace.finding import FILE_NAME
from headgate.workspace.lines import line_of
from headgate.workspace.making import make
from headgate.workspace.nouns import EMPTY, ConfigFault, Workspace

LARGEST = 4 * 1024 * 1024
SCHEMA = Path(__file__).parent.parent / "schemas" / "workspace.json"
OVERRIDDEN = ("instances", "connections", "models", "agents", "people", "secrets", "limits")
_PLACE = re.compile(r"\s*\(at line (\d+), column \d+\)|\s*\(at end of document\)")


def load(path: Path) -> tuple[Workspace, list[ConfigFault]]:
    """The workspace of a `headgate.toml` and what is wrong with it; with faults, the workspace is an empty one there.

    `path` is the file. Environments are checked too, each as it would be with its overrides.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        fault = ConfigFault(f"`{FILE_NAME}` cannot be read: {error.strerror or error}")
        return EMPTY._replace(root=path.parent), [fault]
    return read(content, path.parent)


def read(content: bytes, root: Path) -> tuple[Workspace, list[ConfigFault]]:
    """As `load`, from the bytes of a `headgate.toml` that stands in `root`."""
    empty = EMPTY._replace(root=root)
    if len(content) > LARGEST:
        return empty, [ConfigFault(f"`{FILE_NAME}` is over 4 MiB; expected a small file")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return empty, [ConfigFault(f"`{FILE_NAME}` is not UTF-8", line)]
    return parse(text, root)


def parse(text: str, root: Path | None = None) -> tuple[Workspace, list[ConfigFault]]:
    """As `load`, from the text of a `headgate.toml` that stands in `root`."""
    import tomllib

    empty = EMPTY._replace(root=root)
    try:
        declared = cast("JsonObject", tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line = int(place[1]) if place and place[1] else len(text.splitlines()) or 1
        said = _PLACE.sub("", str(error))
        return empty, [ConfigFault(f"`{FILE_NAME}` is not TOML: {said[:1].lower()}{said[1:]}", line)]
    except RecursionError:
        return empty, [ConfigFault(f"`{FILE_NAME}` is nested too deep")]
    found: list[Fault] = []
    _check()(cast("Neutral", declared), (), found)
    faults = [ConfigFault(_sentence(fault), line_of(text, fault.path)) for fault in found]
    if not faults:
        faults = [ConfigFault(message, line_of(text, keys)) for keys, message in _contradictions(declared)]
    return (empty, faults) if faults else (make(declared, root), [])


def for_environment(workspace: Workspace, name: str) -> Workspace:
    """The workspace with the overrides of an environment. Raises KeyError for one that it does not have."""
    if name not in workspace.environments:
        raise KeyError(name)
    found = make(_overridden(workspace.declared, name), workspace.root)
    return found._replace(environment=name, declared=workspace.declared)


def without_environment(workspace: Workspace) -> Workspace:
    """The workspace as its file has it, whatever environment was laid over it."""
    return workspace if workspace.environment is None else make(workspace.declared, workspace.root)


@cache
def _check() -> Check:
    return compile_schema(json.loads(SCHEMA.read_text("utf-8")))


def _sentence(fault: Fault) -> str:
    if fault.rule == "unknown":
        key = str(fault.path[-1])
        where = _named(fault.path[:-1])
        guess = nearest(key, fault.expected)
        hint = f"; did you mean `{guess}`?" if guess else f"; expected {_listed(fault.expected)}"
        return f"`{key}` is not a key of {where}{hint}"
    return f"{_named(fault.path)} {fault.message}"


def _named(path: tuple[str | int, ...]) -> str:
    if not path:
        return f"`{FILE_NAME}`"
    said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return f"`{said}`"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) if names else "none"


def _table(owner: Json, name: str) -> JsonObject:
    found = owner.get(name) if isinstance(owner, dict) else None
    return found if isinstance(found, dict) else {}


def _contradictions(declared: JsonObject) -> list[tuple[tuple[str, ...], str]]:
    """What a schema cannot say: a server needs an address, here or in an environment, and an override its object."""
    found: list[tuple[tuple[str, ...], str]] = []
    environments = _table(declared, "environments")
    for name, instance in _table(declared, "instances").items():
        overrides = [_table(_table(environment, "instances"), name) for environment in environments.values()]
        if not any({"server_url", "command"} & set(one) for one in [_table({"": instance}, ""), *overrides]):
            found.append((("instances", name), f"`instances.{name}` needs a `server_url` or a `command`"))
        if isinstance(instance, dict) and {"server_url", "command"} <= set(instance):
            message = f"`instances.{name}` has both `server_url` and `command`; expected one of them"
            found.append((("instances", name), message))
    for environment in environments:
        found += _environment_contradictions(declared, environment)
    return [*found, *auth_faults(declared)]


def _environment_contradictions(declared: JsonObject, environment: str) -> list[tuple[tuple[str, ...], str]]:
    found: list[tuple[tuple[str, ...], str]] = []
    overrides = _table(_table(declared, "environments"), environment)
    for section in ("instances", "models"):
        base = tuple(_table(declared, section))
        for name, override in _table(overrides, section).items():
            if name in base or not isinstance(override, dict):
                continue
            needed = {"server_url", "command"} if section == "instances" else {"base_url"}
            if not needed & set(override):
                guess = nearest(name, base)
                hint = f"; did you mean `{guess}`?" if guess else f"; expected {_listed(base)}"
                message = (
                    f"`environments.{environment}.{section}.{name}` overrides what [{section}] does not have{hint}"
                )
                found.append((("environments", environment, section, name), message))
    return found


def _overridden(declared: JsonObject, environment: str) -> JsonObject:
    """The tables of the file with those of an environment laid over them, entry by entry."""
    merged = dict(declared)
    overrides = _table(_table(declared, "environments"), environment)
    for section in OVERRIDDEN:
        if section not in overrides:
            continue
        table = dict(_table(declared, section))
        for name, override in _table(overrides, section).items():
            before = table.get(name)
            if section in ("people", "secrets") or not (isinstance(before, dict) and isinstance(override, dict)):
                table[name] = override
                continue
            kept = dict(before)
            if section == "instances" and {"server_url", "command"} & set(override):
                kept = {key: value for key, value in before.items() if key not in ("server_url", "command")}
            table[name] = {**kept, **override}
        merged[section] = table
    return merged
