"""What a text is checked against: the workspace file and the lock read, the options weighed with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headgate import workspace as workspaces
from headgate.api.neighbours import Neighbours
from headgate.diagnostics import Severity, nearest
from headgate.validators.gate import Setting
from headgate.validators.selection import Selection, codes_of, selection_faults, weight_faults, weights_of
from headgate.workspace import EMPTY, FILE_NAME, LOCK_NAME, Lock, LockDamaged, Workspace

if TYPE_CHECKING:
    from headgate.api.surroundings import Configuration, Options
    from headgate.validators.rule import Live

_LEAN_ON_WORKSPACE = ("HG4", "HG804")
_LEAN_ON_LOCK = ("HG202", "HG3", "HG403", "HG503", "HG601")


def asked_for(options: Options) -> Selection:
    """The rules that the options name."""
    return Selection(codes_of(options.select), codes_of(options.ignore))


def option_faults(options: Options) -> list[str]:
    """One sentence for each code in the options that cannot be meant."""
    return selection_faults(asked_for(options), "--select", "--ignore")


def read_setting(
    root: Path | None, configuration: Configuration, options: Options, today: str, neighbours: Neighbours
) -> tuple[Setting, list[str]]:
    """The setting of a workspace, or of no workspace, and what is wrong with its files, one sentence each."""
    selection = asked_for(options)
    if root is None:
        workspace, faults = _in_environment(EMPTY, options.environment)
        return Setting(
            workspace, None, options.environment, today, selection, neighbours, elsewhere=neighbours.find
        ), faults
    workspace, faults, skip = _workspace(root, configuration.toml)
    lock, damage = _lock(root, configuration.lock)
    workspace, wrong = _in_environment(workspace, options.environment)
    configured = Selection(codes_of(workspace.check.select), codes_of(workspace.check.ignore))
    table = f"{FILE_NAME}: [check]"
    weights = weights_of(workspace.check.severity)
    faults += [*damage, *wrong, *selection_faults(configured, f"{table} select", f"{table} ignore")]
    faults += weight_faults(weights, f"{table} severity")
    whole = Selection(
        selection.select or configured.select,
        selection.ignore + configured.ignore,
        skip + (_LEAN_ON_LOCK if damage else ()),
        weights,
    )
    setting = Setting(workspace, lock, options.environment, today, whole, neighbours, elsewhere=neighbours.find)
    if options.online:
        setting = setting._replace(live=_live(workspace, options))
    return (setting._replace(drift=Severity.ERROR) if options.publishing else setting), faults


def _live(workspace: Workspace, options: Options) -> Live:
    """Who asks the workspace's instances; it comes with the runtime, which a check without it does not pay for."""
    from headgate.api.asking import Listener, LiveInstances

    return LiveInstances(workspace, Listener(waiting=options.waiting))


def _workspace(root: Path, toml: bytes | None) -> tuple[Workspace, list[str], tuple[str, ...]]:
    """The workspace, what is wrong with it, and the rules that lean on it then."""
    workspace, found = workspaces.load(root / FILE_NAME) if toml is None else workspaces.read(toml, root)
    places = [f"{FILE_NAME}:{fault.line}" if fault.line else FILE_NAME for fault in found]
    faults = [f"{place}: {fault.message}" for place, fault in zip(places, found, strict=True)]
    return workspace, faults, _LEAN_ON_WORKSPACE if faults else ()


def _lock(root: Path, content: bytes | None) -> tuple[Lock | None, list[str]]:
    try:
        return (workspaces.load_lock(root / LOCK_NAME) if content is None else workspaces.parse_lock(content)), []
    except LockDamaged as damage:
        return None, [str(damage)]


def _in_environment(workspace: Workspace, name: str | None) -> tuple[Workspace, list[str]]:
    if name is None:
        return workspace, []
    if name in workspace.environments:
        return workspaces.for_environment(workspace, name), []
    guess = nearest(name, workspace.environments)
    known = ", ".join(f"`{known}`" for known in workspace.environments)
    hint = f"did you mean `{guess}`?" if guess else f"expected {known}" if known else "it has no [environments]"
    return workspace, [f"no environment `{name}` in {FILE_NAME}; {hint}"]
