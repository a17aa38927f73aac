"""What stands around a file: its workspace, its lock, the workflows beside it; each read once for one answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.api.cache import Answers, Question
from headgate.api.neighbours import Neighbours, content_of, is_folder, is_there
from headgate.api.reading import read_source
from headgate.records import NamedTuple
from headgate.workspace import FILE_NAME, LOCK_NAME, find

if TYPE_CHECKING:
    from headgate.source import Source
    from headgate.validators.gate import Setting


class Options(NamedTuple):
    """How to check. `today` is an ISO date, None for the machine's; `start` is the folder where paths begin.

    `select` and `ignore` hold codes or their beginnings, also several in one text, divided by commas. `cache` lets
    `check` keep its answers and find them again. `online` asks the instances that are called what they say of their
    tools now; `waiting` is told which ones keep it waiting. `baseline` is the file of known findings, else
    the workspace's; without `baselines` none is used. `progress` is told how many of how many files are done. On
    `publishing` a tool that is not as locked is an error.
    """

    strict: bool = False
    environment: str | None = None
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    today: str | None = None
    start: Path | None = None
    cache: bool = True
    online: bool = False
    waiting: Callable[[tuple[str, ...]], None] | None = None
    baseline: str | None = None
    baselines: bool = True
    progress: Callable[[int, int], None] | None = None
    publishing: bool = False


DEFAULTS = Options()
_BESIDE: dict[str, Any] = dict.fromkeys(("today", "start", "waiting", "baseline", "baselines", "progress"))
"""Options that the answer on a file does not depend on, or that are kept beside it."""


class Configuration(NamedTuple):
    """The bytes of the workspace file and of the lock; None for one that is not there or cannot be read.

    `locked` is whether there is a lock at all.
    """

    toml: bytes | None = None
    lock: bytes | None = None
    locked: bool = False

    @property
    def known(self) -> tuple[bytes, ...]:
        """What tells this configuration from any other."""
        return (self.toml or b"", self.lock or b"", b"locked" if self.locked else b"")


class Surroundings:
    """Workspaces and locks by folder, and the faults found in reading them."""

    def __init__(self, options: Options) -> None:
        self.start = options.start or Path.cwd()
        self._options = options
        self._today = options.today or time.strftime("%Y-%m-%d")
        self._answers: dict[Path | None, Answers] = {}
        self._roots: dict[Path, Path | None] = {}
        self._configurations: dict[Path | None, Configuration] = {None: Configuration()}
        self._neighbours: dict[Path | None, Neighbours] = {}
        self._folders: dict[Path, str] = {}
        self._sources: dict[Path, Source] = {}
        self._settings: dict[Path | None, Setting] = {}
        self._faults: list[str] = []
        if options.select or options.ignore:
            from headgate.api.setting import option_faults

            self._faults += option_faults(options)

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the options and the workspace files read so far, one sentence each."""
        return tuple(dict.fromkeys(self._faults))

    def root(self, path: Path) -> Path | None:
        """The folder of the workspace that `path` belongs to, None without one."""
        folder = path if is_folder(path) else path.parent
        if folder not in self._roots:
            found = find(folder)
            self._roots[folder] = None if found is None else found.parent
        return self._roots[folder]

    def shown(self, path: Path) -> str:
        """The path that people see: relative to the workspace, or to the start folder without one."""
        folder = path.parent
        if path.name in ("", ".", "..") or os.path.islink(path):  # noqa: PTH114 - no path is too odd for it
            return self._relative(path)
        if folder not in self._folders:
            self._folders[folder] = self._relative(folder)
        shown = self._folders[folder]
        return path.name if shown == "." else f"{shown}/{path.name}"

    def source(self, path: Path) -> Source:
        """The text of a file, read once. Raises Unreadable."""
        if path not in self._sources:
            self._sources[path] = read_source(path, self.shown(path))
        return self._sources[path]

    def answers(self, path: Path) -> Answers:
        """The answers kept for files that are checked as the one at `path` is."""
        root = self.root(path)
        if root not in self._answers:
            asked = repr((root is None, self._options._replace(**_BESIDE)))
            question = Question(root or self.start, asked, self._configuration(root).known)
            self._answers[root] = Answers(question, lambda: self._today, lambda: self._around(root).digest())
        return self._answers[root]

    def setting(self, path: Path) -> Setting:
        """What a file at `path` is checked against."""
        root = self.root(path)
        if root not in self._settings:
            from headgate.api.setting import read_setting

            configuration, around = self._configuration(root), self._around(root)
            self._settings[root], faults = read_setting(root, configuration, self._options, self._today, around)
            self._faults += faults
        return self._settings[root]

    def is_strict(self, path: Path) -> bool:
        """Whether warnings block there: asked for, or by the workspace."""
        return self._options.strict or self.setting(path).workspace.check.strict

    def baseline(self, path: Path) -> Path | None:
        """The file of known findings for what stands at `path`; None when there is none."""
        if not self._options.baselines:
            return None
        if self._options.baseline is not None:
            return self.start / self._options.baseline
        root = self.root(path)
        if root is None or b"baseline" not in (self._configuration(root).toml or b""):
            return None  # without reading the file: most have none, and a kept answer needs no more of it
        named = self.setting(path).workspace.check.baseline
        return None if named is None else root / named

    def _relative(self, path: Path) -> str:
        base = self.root(path) or self.start
        try:
            relative = path.resolve().relative_to(base.resolve())
        except (ValueError, OSError):
            relative = Path(os.path.relpath(path, base))
        return relative.as_posix()

    def _configuration(self, root: Path | None) -> Configuration:
        """Read once, so that what is checked is what an answer is kept for."""
        if root not in self._configurations:
            assert root is not None, "without a workspace there is nothing to read"
            self._configurations[root] = _read(root)
        return self._configurations[root]

    def _around(self, root: Path | None) -> Neighbours:
        if root not in self._neighbours:
            self._neighbours[root] = Neighbours(root)
        return self._neighbours[root]


def _read(root: Path) -> Configuration:
    lock = root / LOCK_NAME
    return Configuration(content_of(root / FILE_NAME), content_of(lock), is_there(lock))
