"""What stands around a file: its workspace, its lock, the workflows beside it; each read once for one answer."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from headgate import workspace as workspaces
from headgate.diagnostics import nearest
from headgate.validators.gate import Setting
from headgate.validators.rule import Live
from headgate.validators.selection import Selection, codes_of, selection_faults
from headgate.workspace import EMPTY, FILE_NAME, LOCK_NAME, LockDamaged, Workspace

SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", ".headgate"})
_WORKFLOW = re.compile(r"^[ \t]*workflow[ \t]+([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE)
_LEAN_ON_WORKSPACE = ("HG4", "HG804")
_LEAN_ON_LOCK = ("HG202", "HG3", "HG403")


class Options(NamedTuple):
    """How to check. `today` is an ISO date, None for the machine's; `start` is the folder where paths begin.

    `select` and `ignore` hold codes or their beginnings, also several in one text, divided by commas. `online` asks the
    instances that are called what they say of their tools now; `waiting` is told which ones keep it waiting.
    """

    strict: bool = False
    environment: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    today: str | None = None
    start: Path | None = None
    online: bool = False
    waiting: Callable[[tuple[str, ...]], None] | None = None


DEFAULTS = Options()


class Surroundings:
    """Workspaces and locks by folder, and the faults found in reading them."""

    def __init__(self, options: Options) -> None:
        self.start = options.start or Path.cwd()
        self._options = options
        self._selection = Selection(codes_of(options.select), codes_of(options.ignore))
        self._today = options.today or time.strftime("%Y-%m-%d")
        self._roots: dict[Path, Path | None] = {}
        self._settings: dict[Path | None, Setting] = {}
        self._strict: dict[Path | None, bool] = {}
        self._faults = selection_faults(self._selection, "--ignore")

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the options and the workspace files read so far, one sentence each."""
        return tuple(dict.fromkeys(self._faults))

    def root(self, path: Path) -> Path | None:
        """The folder of the workspace that `path` belongs to, None without one."""
        folder = path if is_folder(path) else path.parent
        if folder not in self._roots:
            found = workspaces.find(folder)
            self._roots[folder] = found.parent if found is not None and found.name == FILE_NAME else found
        return self._roots[folder]

    def shown(self, path: Path) -> str:
        """The path that people see: relative to the workspace, or to the start folder without one."""
        base = self.root(path) or self.start
        try:
            relative = path.resolve().relative_to(base.resolve())
        except (ValueError, OSError):
            relative = Path(os.path.relpath(path, base))
        return relative.as_posix()

    def setting(self, path: Path) -> Setting:
        """What a file at `path` is checked against."""
        root = self.root(path)
        if root not in self._settings:
            self._settings[root] = self._read(root)
        return self._settings[root]

    def is_strict(self, path: Path) -> bool:
        """Whether warnings block there: asked for, or by the workspace."""
        return self._options.strict or self.setting(path).workspace.check.strict

    def _read(self, root: Path | None) -> Setting:
        workspace, lock = EMPTY, None
        skip: tuple[str, ...] = ()
        if root is not None:
            workspace, faults = workspaces.load(root / FILE_NAME)
            for fault in faults:
                place = f"{FILE_NAME}:{fault.line}" if fault.line else FILE_NAME
                self._faults.append(f"{place}: {fault.message}")
            skip = _LEAN_ON_WORKSPACE if faults else ()
            try:
                lock = workspaces.load_lock(root / LOCK_NAME)
            except LockDamaged as damage:
                self._faults.append(str(damage))
                skip += _LEAN_ON_LOCK
            workspace = self._for_environment(workspace)
            configured = Selection(codes_of(workspace.check.select), codes_of(workspace.check.ignore))
            self._faults += selection_faults(configured, f"{FILE_NAME}: [check] ignore")
            selection = Selection(
                self._selection.select or configured.select, self._selection.ignore + configured.ignore, skip
            )
        else:
            workspace = self._for_environment(workspace)
            selection = self._selection
        setting = Setting(workspace, lock, self._options.environment, self._today, selection, _Workflows(root))
        return setting._replace(live=self._live(workspace)) if self._options.online else setting

    def _live(self, workspace: Workspace) -> Live:
        """Who asks the workspace's instances; it comes with the runtime, which a check without it does not pay for."""
        from headgate.api.asking import Listener, LiveInstances

        return LiveInstances(workspace, Listener(waiting=self._options.waiting))

    def _for_environment(self, workspace: Workspace) -> Workspace:
        name = self._options.environment
        if name is None:
            return workspace
        if name not in workspace.environments:
            guess = nearest(name, workspace.environments)
            known = ", ".join(f"`{known}`" for known in workspace.environments)
            hint = f"did you mean `{guess}`?" if guess else f"expected {known}" if known else "it has no [environments]"
            self._faults.append(f"no environment `{name}` in {FILE_NAME}; {hint}")
            return workspace
        return workspaces.for_environment(workspace, name)


class _Workflows:
    """The workflows of a workspace, name to file, found when somebody asks: a scan for headers, not a parse."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._found: dict[str, str] | None = None

    def __call__(self) -> Mapping[str, str]:
        if self._found is None:
            self._found = {}
            for file in flow_files(self._root) if self._root is not None else ():
                try:
                    text = file.read_text(encoding="utf-8", errors="replace")
                except OSError:
                    continue
                for name in _WORKFLOW.findall(text):
                    self._found.setdefault(name, file.name)
        return self._found


def is_there(path: Path) -> bool:
    """Whether a path leads to something; a path that no system takes leads nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder."""
    return is_there(path) and path.is_dir()


def flow_files(folder: Path) -> list[Path]:
    """All `.flow` files under a folder, sorted, without those of tools and of other people's packages."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        found += [Path(parent, name) for name in sorted(names) if name.endswith(".flow")]
    return found
